/** When an episode goes nowhere and should end. */
import type { Action } from '../schemas/observation.ts';
import type { StepFacts } from '../schemas/step-facts.ts';
import { clip, describeAction } from './describe.ts';

/**
 * A sentence that says why the agent is stuck, or undefined while it is not. Either of the last `after` steps:
 * - they all did the same action, whether or not it changed anything (a finished command done again and again), or
 * - none of them changed the state: the state before the first of them (`initialState` at the start of the episode) is
 *   also the state after each. Then the agent has seen one state `after + 1` times.
 * Only the end of `facts` counts: a loop that the agent left is forgotten.
 */
export function stuck(facts: StepFacts[], initialState: string, after: number): string | undefined {
  const last = facts.at(-1);
  if (last === undefined || after < 1 || facts.length < after) return undefined;
  const recent = facts.slice(-after);
  if (recent.every((fact) => fact.action === last.action)) {
    return `The same action came ${after} times in a row: ${described(last.action)}`;
  }
  const before = facts[facts.length - after - 1]?.state ?? initialState;
  if (recent.every((fact) => fact.state === before)) return `${after} actions in a row changed nothing.`;
  return undefined;
}

function described(recorded: string): string {
  try {
    return clip(describeAction(JSON.parse(recorded) as Action), 200);
  } catch {
    return clip(recorded, 200);
  }
}
