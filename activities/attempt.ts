/** One attempt at a task: sealed under its identity, found again by it, so that no session is opened for what was already walked. */
import { canonical } from '../core/canonical.ts';
import { unitIdentity } from '../core/plan.ts';
import type { Json, Ref, Usage } from '../schemas/common.ts';
import type { Decision } from '../schemas/decision.ts';
import type { RecalledAttempt, TaskEntry } from '../schemas/flow.ts';
import type { Plan } from '../schemas/plan.ts';
import type { Step, Trajectory } from '../schemas/step.ts';
import type { StepFacts } from '../schemas/step-facts.ts';
import { getJson, hasherOf, hashOf, putJson } from '../store/json.ts';
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

/** Where an attempt is sealed that was made anew because the ones before it broke off. */
const keyOf = (plan: Plan, task: Ref, again: number): string => {
  const first = attemptKey(plan, task);
  return again === 0 ? first : hashOf({ unit: 'attempt again', attempt: first, again });
};

export const seal =
  (deps: Deps) =>
  async (input: {
    plan: Ref;
    trajectory: Omit<Trajectory, 'usage'>;
    finish: Ref | null;
    usage: Usage;
    again?: number;
  }): Promise<Ref> => {
    const finish = input.finish === null ? undefined : await getJson<Decision>(deps.store, input.finish);
    const trajectory: Trajectory = {
      ...input.trajectory,
      usage: input.usage,
      ...(finish?.answer ? { answer: finish.answer } : {}),
    };
    const sealed = await putJson(deps.store, trajectory);
    await deps.store.remember(keyOf(await deps.plan(input.plan), trajectory.task, input.again ?? 0), sealed);
    return sealed;
  };

/**
 * The sealed trajectory of an attempt with its number, or undefined when it was never made under this identity. Of one that broke off and
 * was made anew, the newest.
 */
export async function findAttempt(
  store: Store,
  plan: Plan,
  task: TaskEntry,
): Promise<{ attempt: Ref; again?: number } | undefined> {
  const from = task.again ?? 0;
  let found: { attempt: Ref; again?: number } | undefined;
  for (let again = from; ; again += 1) {
    const attempt = await store.memo(keyOf(plan, task.ref, again));
    if (attempt === undefined) return found;
    found = { attempt, ...(again > 0 ? { again } : {}) };
    if ((await getJson<Trajectory>(store, attempt)).outcome !== 'failed') return found;
  }
}

/** Characters of an action that travel through a workflow's history: of a longer one the beginning and its hash, which tell it from others. */
const actionChars = 200;

function shortAction(step: Step): string {
  const action = canonical(step.action);
  return action.length <= actionChars
    ? action
    : `${action.slice(0, actionChars - 20).toWellFormed()}… ${hashOf(action).slice(0, 16)}`;
}

/** What the rules need to know of a stored step: as `act` reported it when it was made. */
export const factsOf = (step: Step, before: Step): StepFacts => ({
  index: step.index,
  action: shortAction(step),
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
