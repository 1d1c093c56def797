/** The gate: work that needs a person waits here, is visible as blocked, and goes on after `lbi resume`. */

import { defineSearchAttributeKey } from '@temporalio/common';
import { CancellationScope, condition, defineSignal, setHandler } from '@temporalio/workflow';
import type { BudgetChange } from '../schemas/flow.ts';
import { searchAttributes } from '../schemas/search-attributes.ts';
import { upsertSearchAttributes } from './attributes.ts';
import { failureKind, failureMessage } from './call.ts';

/** `lbi resume`: goes on with what waits, and raises the caps that are given. */
export const resumeSignal = defineSignal<[BudgetChange]>('resume');

const blockedOnKey = defineSearchAttributeKey(searchAttributes.blockedOn, 'KEYWORD');

export interface Gate {
  /** Runs the work; when it fails for a reason that a person can mend, waits for `resume` and runs it again. */
  pass<T>(work: () => Promise<T>): Promise<T>;
  /** Waits, visibly blocked for that reason, until the predicate holds. */
  hold(blockedOn: string, until: () => boolean): Promise<void>;
}

/** One gate per workflow. `told` hears what the work is blocked on, and null once it goes on; `resumed` passes the signal on. */
export function openGate(
  told: (blockedOn: string | null) => Promise<void>,
  resumed: (change: BudgetChange) => Promise<void> = async () => {},
): Gate {
  let generation = 0;
  const waiting: string[] = [];
  let shown: string | null = null;
  setHandler(resumeSignal, async (change = {}) => {
    generation += 1;
    await resumed(change);
  });
  const show = async (): Promise<void> => {
    const blockedOn = waiting[0] ?? null;
    if (blockedOn === shown) return;
    shown = blockedOn;
    upsertSearchAttributes([{ key: blockedOnKey, value: blockedOn?.slice(0, 120) ?? null }]);
    await CancellationScope.nonCancellable(() => told(blockedOn));
  };
  const hold = async (blockedOn: string, until: () => boolean): Promise<void> => {
    waiting.push(blockedOn);
    try {
      await show();
      await condition(until);
    } finally {
      waiting.splice(waiting.indexOf(blockedOn), 1);
      await show();
    }
  };
  const pass = async <T>(work: () => Promise<T>): Promise<T> => {
    for (;;) {
      const before = generation;
      try {
        return await work();
      } catch (error) {
        if (failureKind(error) !== 'operator') throw error;
        // A resume that came while the work ran may have mended it already: then it is tried at once.
        if (generation === before) await hold(failureMessage(error), () => generation > before);
      }
    }
  };
  return { pass, hold };
}
