/** The gate: work that needs a person waits here, is visible as blocked, and goes on after `lbi resume`. */

import { defineSearchAttributeKey } from '@temporalio/common';
import { condition, defineSignal, setHandler, upsertSearchAttributes } from '@temporalio/workflow';
import { searchAttributes } from '../schemas/search-attributes.ts';
import { failureKind, failureMessage } from './call.ts';

/** `lbi resume`: goes on with what waits; `budgetUsd` raises the run's budget. */
export const resumeSignal = defineSignal<[{ budgetUsd?: number }]>('resume');

const blockedOnKey = defineSearchAttributeKey(searchAttributes.blockedOn, 'KEYWORD');

export interface Gate {
  /** Runs the work; when it fails for a reason that a person can mend, waits for `resume` and runs it again. */
  pass<T>(work: () => Promise<T>): Promise<T>;
}

/** One gate per workflow. `told` hears what the work is blocked on, and null once it goes on; `resumed` passes the signal on. */
export function openGate(
  told: (blockedOn: string | null) => Promise<void>,
  resumed: (change: { budgetUsd?: number }) => Promise<void> = async () => {},
): Gate {
  let generation = 0;
  let waiting = 0;
  setHandler(resumeSignal, async (change = {}) => {
    generation += 1;
    await resumed(change);
  });
  const block = async (blockedOn: string): Promise<void> => {
    const before = generation;
    waiting += 1;
    upsertSearchAttributes([{ key: blockedOnKey, value: blockedOn.slice(0, 120) }]);
    await told(blockedOn);
    await condition(() => generation > before);
    waiting -= 1;
    if (waiting > 0) return;
    upsertSearchAttributes([{ key: blockedOnKey, value: null }]);
    await told(null);
  };
  const pass = async <T>(work: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (failureKind(error) !== 'operator') throw error;
        await block(failureMessage(error));
      }
    }
  };
  return { pass };
}
