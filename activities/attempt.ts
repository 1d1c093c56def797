/** One attempt at a task: sealed under its identity, found again by it, so that no session is opened for what was already walked. */
import { canonical } from '../core/canonical.ts';
import { unitIdentity } from '../core/plan.ts';
import type { Json, Ref, Usage } from '../schemas/common.ts';
import type { Decision } from '../schemas/decision.ts';
import type { RecalledAttempt, TaskEntry } from '../schemas/flow.ts';
import type { Plan } from '../schemas/plan.ts';
import type { Step, Trajectory } from '../schemas/step.ts';
import type { StepFacts } from '../schemas/step-facts.ts';
import { getJson, hasherOf, putJson } from '../store/json.ts';
import type { Store } from '../store/store.ts';
import { readTrajectory } from './chain.ts';
import type { Deps } from './deps.ts';

const hashers = new WeakMap<Plan, (task: Ref) => string>();

/** Identity of an attempt: the agent, its place and its prompt, and the task (which names document, attempt and seed). */
export function attemptKey(plan: Plan, task: Ref): string {
  const identity = (): Json => unitIdentity(plan, { stage: 'interact' });
  const hasher = hashers.get(plan) ?? hasherOf({ unit: 'attempt', identity: identity() }, 'task');
  hashers.set(plan, hasher);
  return hasher(task);
}

export const seal =
  (deps: Deps) =>
  async (input: {
    plan: Ref;
    trajectory: Omit<Trajectory, 'usage'>;
    finish: Ref | null;
    usage: Usage;
  }): Promise<Ref> => {
    const finish = input.finish === null ? undefined : await getJson<Decision>(deps.store, input.finish);
    const trajectory: Trajectory = {
      ...input.trajectory,
      usage: input.usage,
      ...(finish?.answer ? { answer: finish.answer } : {}),
    };
    const sealed = await putJson(deps.store, trajectory);
    await deps.store.remember(attemptKey(await deps.plan(input.plan), trajectory.task), sealed);
    return sealed;
  };

/** The sealed trajectory of an attempt, or undefined when it was never made under this identity. */
export const findAttempt = (store: Store, plan: Plan, task: TaskEntry): Promise<Ref | undefined> =>
  store.memo(attemptKey(plan, task.ref));

/** What the rules need to know of a stored step: as `act` reported it when it was made. */
export const factsOf = (step: Step, before: Step): StepFacts => ({
  index: step.index,
  action: canonical(step.action),
  state: step.observation.stateHash,
  failed: step.error !== undefined,
  changed: step.observation.stateHash !== before.observation.stateHash,
  ...(step.observation.ended === true ? { ended: true as const } : {}),
});

/** Reads a sealed trajectory back into what its episode goes on from. */
export async function readAttempt(store: Store, trajectory: Ref): Promise<RecalledAttempt> {
  const { head, outcome, detail, score, scoreDetail } = await getJson<Trajectory>(store, trajectory);
  const chain = await readTrajectory(store, head);
  const facts = chain.slice(1).map((step, at) => factsOf(step, chain[at] ?? chain[0]));
  const verification = scoreDetail === undefined ? {} : { verification: { score: score ?? null, detail: scoreDetail } };
  return { trajectory, head, outcome, detail, initialState: chain[0].observation.stateHash, facts, ...verification };
}

export const recall =
  (deps: Deps) =>
  ({ trajectory }: { trajectory: Ref }): Promise<RecalledAttempt> =>
    readAttempt(deps.store, trajectory);
