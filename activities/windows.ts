/** Reading a window of a trajectory as prompts and datasets show it. */
import { LbiError } from '../core/errors.ts';
import type { Ref } from '../schemas/common.ts';
import type { Window } from '../schemas/example.ts';
import type { Store } from '../store/store.ts';
import { readTrajectory, shownSteps } from './chain.ts';

export interface ShownWindow {
  /** the observation before the first action */
  first: string;
  steps: ReturnType<typeof shownSteps>;
}

export async function readWindow(store: Store, head: Ref, window: Window): Promise<ShownWindow> {
  const chain = await readTrajectory(store, head);
  const first = chain[window.from];
  if (first === undefined)
    throw new LbiError('fatal', `the window ${window.from}–${window.to} lies outside its trajectory ${head}`);
  const inside = new Set(window.steps);
  return { first: first.observation.text, steps: shownSteps(chain.filter(({ index }) => inside.has(index))) };
}
