/**
 * The gate: work that needs a person waits here, is visible as blocked, and goes on after `lbi resume`, or when the run has found out
 * by trying that the reason is gone. A paused episode stands still here as well.
 */

import { defineSearchAttributeKey } from '@temporalio/common';
import { CancellationScope, condition, defineSignal, setHandler, upsertSearchAttributes } from '@temporalio/workflow';
import { reasonKey } from '../core/blocked.ts';
import type { BudgetChange } from '../schemas/flow.ts';
import { searchAttributes } from '../schemas/search-attributes.ts';
import { failureKind, failureMessage } from './call.ts';

/** `lbi resume`: goes on with what waits or is paused, and raises the caps that are given. */
export const resumeSignal = defineSignal<[BudgetChange]>('resume');
/** `lbi pause`: nothing new is begun. */
export const pauseSignal = defineSignal<[]>('pause');
/** Tries blocked work again: one piece of it as a test, or all that waits for the same reason. */
export const tryAgainSignal = defineSignal<[{ reason: string; all: boolean }]>('tryAgain');

const blockedOnKey = defineSearchAttributeKey(searchAttributes.blockedOn, 'KEYWORD');

/** What `LbiBlockedOn` says of paused workflows. */
export const pausedWord = 'paused';

export const showBlockedOn = (blockedOn: string | null): void =>
  upsertSearchAttributes([{ key: blockedOnKey, value: blockedOn?.slice(0, 120) ?? null }]);

export interface Gate {
  /** Runs the work; when it fails for a reason that a person can mend, waits for `resume` and runs it again. */
  pass<T>(work: () => Promise<T>): Promise<T>;
  /** Waits, visibly blocked for that reason, until the predicate holds. */
  hold(blockedOn: string, until: () => boolean): Promise<unknown>;
  /** Tries what waits for the reason; false when nothing here can find out by trying. */
  tryAgain(reason: string, all: boolean): boolean;
  /** true while work stands still because of a pause */
  standing(): boolean;
  /** Waits for the end of the pause. */
  stand(): Promise<void>;
}

export interface GateOptions {
  /** hears what the work is blocked on, and null once it goes on; `passed` is a reason that a trial has shown to be gone */
  told(blockedOn: string | null, passed?: string): Promise<void>;
  /** passes the signal on */
  resumed?(change: BudgetChange): Promise<void>;
  /** true when work stands still at this gate while paused; a run stands still elsewhere */
  pauses?: boolean;
  /** true when it already is paused */
  paused?: boolean;
  /** false when whoever is told shows `LbiBlockedOn` itself */
  shows?: boolean;
}

interface Waiting {
  on: string;
  /** true where trying shows whether the reason is gone */
  triable: boolean;
  state: 'waits' | 'tries' | 'released';
}

/** One gate per workflow. */
export function openGate({ told, resumed, pauses = false, paused = false, shows = true }: GateOptions): Gate {
  let generation = 0;
  let standing = paused;
  const waiting: Waiting[] = [];
  /** pieces of work that stand still because of a pause */
  let resting = 0;
  let shown: string | null = null;
  let attribute: string | null = null;

  setHandler(resumeSignal, async (change = {}) => {
    generation += 1;
    standing = false;
    await resumed?.(change);
  });
  if (pauses)
    setHandler(pauseSignal, () => {
      standing = true;
    });
  const tryAgain = (reason: string, all: boolean): boolean => {
    const same = waiting.filter(({ on, triable }) => triable && reasonKey(on) === reason);
    const still = same.filter(({ state }) => state === 'waits');
    for (const one of all ? still : still.slice(0, 1)) one.state = all ? 'released' : 'tries';
    return same.length > 0;
  };
  setHandler(tryAgainSignal, ({ reason, all }) => void tryAgain(reason, all));

  const showAttribute = (value: string | null): void => {
    if (!shows || value === attribute) return;
    attribute = value;
    showBlockedOn(value);
  };
  const show = async (passed?: string): Promise<void> => {
    const blockedOn = waiting[0]?.on ?? null;
    if (blockedOn === shown && passed === undefined) return;
    shown = blockedOn;
    showAttribute(blockedOn ?? (resting > 0 ? pausedWord : null));
    await CancellationScope.nonCancellable(() => told(blockedOn, passed));
  };
  const stand = async (): Promise<void> => {
    resting += 1;
    try {
      if (waiting.length === 0) showAttribute(pausedWord);
      await condition(() => !standing);
    } finally {
      resting -= 1;
      if (resting === 0 && waiting.length === 0) showAttribute(null);
    }
  };

  /** Waits at the gate. Gives the work's result where a trial of it passed; undefined when it is to be done again. */
  const held = async <T>(
    on: string,
    goesOn: () => boolean,
    work?: () => Promise<T>,
  ): Promise<{ value: T } | undefined> => {
    const entry: Waiting = { on, triable: work !== undefined, state: 'waits' };
    let passed: string | undefined;
    waiting.push(entry);
    try {
      await show();
      for (;;) {
        await condition(
          () => goesOn() || entry.state === 'released' || (work !== undefined && entry.state === 'tries'),
        );
        if (work === undefined || entry.state !== 'tries' || goesOn()) return undefined;
        try {
          const value = await work();
          passed = reasonKey(entry.on);
          for (const other of waiting) if (other !== entry && reasonKey(other.on) === passed) other.state = 'released';
          return { value };
        } catch (error) {
          if (failureKind(error) !== 'operator') throw error;
          entry.on = failureMessage(error);
          entry.state = 'waits';
          await show();
        }
      }
    } finally {
      waiting.splice(waiting.indexOf(entry), 1);
      await show(passed);
    }
  };

  const pass = async <T>(work: () => Promise<T>): Promise<T> => {
    for (;;) {
      // Without a pause nothing is awaited here: the order of what starts together stays as it was.
      if (standing) await stand();
      const before = generation;
      try {
        return await work();
      } catch (error) {
        if (failureKind(error) !== 'operator') throw error;
        // A resume that came while the work ran may have mended it already: then it is tried at once.
        if (generation !== before) continue;
        const done = await held(failureMessage(error), () => generation > before, work);
        if (done !== undefined) return done.value;
      }
    }
  };
  return { pass, hold: held, tryAgain, standing: () => standing, stand };
}
