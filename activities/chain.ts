/** Reading a trajectory: the chain of steps behind a head. */
import { StoreError } from '../core/errors.ts';
import type { Ref } from '../schemas/common.ts';
import type { Step } from '../schemas/step.ts';
import { getJson } from '../store/json.ts';
import type { Store } from '../store/store.ts';

/** The links from the root (first observation) to the head. */
export async function readChain(store: Store, head: Ref): Promise<[Step, ...Step[]]> {
  const links: Step[] = [];
  for (let ref: Ref | null = head; ref !== null; ) {
    const step: Step = await getJson<Step>(store, ref);
    links.push(step);
    ref = step.parent;
  }
  const [root, ...steps] = links.reverse();
  if (root === undefined || root.action !== null) throw new StoreError('fatal', `the trajectory ${head} has no first observation`);
  return [root, ...steps];
}

/** Steps as prompts show them. */
export const shownSteps = (
  steps: Step[],
): { reason: string; action: NonNullable<Step['action']>; observation: string; error?: string }[] =>
  steps.flatMap(({ reason, action, observation, error }) =>
    action === null ? [] : [{ reason, action, observation: observation.text, ...(error === undefined ? {} : { error: error.message }) }],
  );
