/** The agent's own prompt, filled in: the same text when it is asked and when a dataset shows how it was asked (paper, Tables 32 and 33). */
import type { ActionDefinition } from '../schemas/observation.ts';
import { describeActions, renderHistory, type ShownStep } from './describe.ts';
import { fillPrompt, type Prompt } from './prompt.ts';

/** What the agent knows at one moment. */
export interface Seen {
  task: string;
  actions: ActionDefinition[];
  /** what it did so far, oldest first */
  steps: ShownStep[];
  /** what the place showed before the first action */
  first: string;
  /** examples of earlier work; empty without */
  knowledge: string;
  /** pages of the documentation; empty without */
  documents: string;
}

/** What is the same at every moment of a run. */
export interface Asking {
  prompt: Prompt;
  /** the place in words */
  place: string;
  /** characters of an earlier observation */
  historyChars: number;
}

export function agentPrompt({ prompt, place, historyChars }: Asking, seen: Seen): { system: string; user: string } {
  return fillPrompt(prompt, {
    actions: describeActions(seen.actions),
    place,
    knowledge: seen.knowledge,
    documents: seen.documents,
    task: seen.task,
    history: historyText(seen.steps, historyChars),
    observation: latestText(seen.first, seen.steps),
  });
}

/** The trajectory so far: each action with what came of it. */
export const historyText = (steps: ShownStep[], chars: number): string =>
  steps.length === 0 ? 'Nothing yet.' : renderHistory(steps, { chars });

/** What the place shows now, and before it why the last action failed. */
export function latestText(first: string, steps: ShownStep[]): string {
  const last = steps.at(-1);
  if (last === undefined) return first;
  return last.error === undefined ? last.observation : `The last action failed: ${last.error}\n\n${last.observation}`;
}
