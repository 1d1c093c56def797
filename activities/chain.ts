/** Reading a trajectory: the chain of steps behind a head. */
import { StoreError } from '../core/errors.ts';
import type { Ref } from '../schemas/common.ts';
import type { Step } from '../schemas/step.ts';
import { readChain } from '../store/dataset/row.ts';
import type { Store } from '../store/store.ts';

/** The first observation and the steps after it. */
export async function readTrajectory(store: Store, head: Ref): Promise<[Step, ...Step[]]> {
  const [root, ...steps] = await readChain(store, head);
  if (root === undefined) throw new StoreError('fatal', `the trajectory ${head} is empty`);
  return [root, ...steps];
}

/** Steps as prompts show them. */
export const shownSteps = (
  steps: Step[],
): { reason: string; action: NonNullable<Step['action']>; observation: string; error?: string }[] =>
  steps.flatMap(({ reason, action, observation, error }) =>
    action === null
      ? []
      : [{ reason, action, observation: observation.text, ...(error === undefined ? {} : { error: error.message }) }],
  );
