/**
 * A lease: what only so many sessions may use at once (a shared site, an account, a display), over all workers, runs and pipelines that
 * name it. One workflow per name. Holders take turns in the order they asked; one that ended without a word is found out and makes room.
 */
import {
  ActivityFailure,
  allHandlersFinished,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  getExternalWorkflowHandle,
  isCancellation,
  log,
  setCurrentDetails,
  setHandler,
} from '@temporalio/workflow';
import { askFor, giveTurns, takeOut } from '../core/leases.ts';
import type { LeaseHeld, LeaseRequest, LeaseState } from '../schemas/flow.ts';
import { call } from './call.ts';
import { historyIsLong } from './history.ts';

export const leaseAcquire = defineSignal<[LeaseRequest]>('acquire');
export const leaseRelease = defineSignal<[{ holder: string }]>('release');
/** `lbi leases --release`: takes it from everyone who holds it; they ask again and wait their turn. */
export const leaseBreak = defineSignal('break');
export const leaseQuery = defineQuery<LeaseState>('lease');

/** What a holder hears. */
export const leaseGranted = defineSignal<[LeaseHeld & { ticket: number }]>('leaseGranted');

/** Seconds without holder and without anyone waiting after which the workflow ends; the next request begins another. */
const idleSeconds = 60;

/** Events after which it continues as new, whatever the server advises. */
const mostEvents = 2000;

/** @param state who holds it and who waits; changed as it goes */
export async function lease(state: LeaseState): Promise<void> {
  let touched = 0;
  const touch = (): void => {
    touched += 1;
  };
  setHandler(leaseQuery, () => state);
  let again: LeaseState['holders'] = [];
  setHandler(leaseAcquire, (request) => {
    const holds = askFor(state, request, Date.now());
    if (holds !== undefined) again.push(holds);
    touch();
  });
  setHandler(leaseRelease, ({ holder }) => {
    takeOut(state, [holder]);
    touch();
  });
  setHandler(leaseBreak, () => {
    takeOut(
      state,
      state.holders.map(({ holder }) => holder),
    );
    touch();
  });
  for (;;) {
    const seen = touched;
    const turns = [...again, ...giveTurns(state, Date.now())];
    again = [];
    await tell(state, turns);
    setCurrentDetails(details(state));
    const busy = state.holders.length > 0 || state.waiting.length > 0;
    const changed = await condition(() => touched > seen, (busy ? state.checkSeconds : idleSeconds) * 1000);
    if (!changed && !busy) break;
    if (!changed) await takeOutGone(state);
    if (historyIsLong(mostEvents)) {
      await condition(allHandlersFinished);
      await continueAsNew<typeof lease>(state);
    }
  }
}

/** Tells those whose turn it is; one that is no longer there makes room for the next. */
async function tell(state: LeaseState, turns: LeaseState['holders']): Promise<void> {
  for (let next = turns; next.length > 0; next = giveTurns(state, Date.now())) {
    const heard = await Promise.all(
      next.map(async ({ holder, epoch, ticket }) => {
        try {
          await getExternalWorkflowHandle(holder).signal(leaseGranted, { name: state.name, epoch, ticket });
          return [];
        } catch (error) {
          if (isCancellation(error)) throw error;
          log.warn('the one whose turn it was is gone', { holder });
          return [holder];
        }
      }),
    );
    takeOut(state, heard.flat());
  }
}

/** Holders and waiting ones that were terminated, or ended without giving it back. When that cannot be told now, the next look will. */
async function takeOutGone(state: LeaseState): Promise<void> {
  const ids = [...state.holders, ...state.waiting].map(({ holder }) => holder);
  try {
    const look = call('gone', { summary: `look after ${ids.length} that hold it or wait`, hours: 1 });
    takeOut(state, await look({ ids }));
  } catch (error) {
    if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
    log.warn('holders could not be looked after', { error });
  }
}

/** A moment, to the second. */
export const instant = (time: number): string => `${new Date(time).toISOString().slice(0, 19)}Z`;

const details = ({ name, holders, waiting }: LeaseState): string =>
  [
    `**${name}**`,
    '',
    ...holders.map((each) => `- held by \`${each.holder}\` since ${instant(each.since)}, epoch ${each.epoch}`),
    ...waiting.map((each, at) => `- ${at + 1}. in turn: \`${each.holder}\`, since ${instant(each.since)}`),
    ...(holders.length + waiting.length === 0 ? ['nobody holds it'] : []),
  ].join('\n');
