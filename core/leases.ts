/** Who holds a lease, and whose turn is next: the rules alone, first come, first served. */
import type { LeaseRequest, LeaseState } from '../schemas/flow.ts';

export const freshLease = (name: string, checkSeconds: number): LeaseState => ({
  name,
  holders: [],
  waiting: [],
  epoch: 0,
  checkSeconds,
});

/**
 * Takes a request in. A holder that asks with another ticket has a new session: it keeps its turn and goes to the front, to be given another
 * epoch. One that waits keeps its place. Gives the holder that asks again for what it has: its answer may have been lost.
 */
export function askFor(
  state: LeaseState,
  request: LeaseRequest,
  now: number,
): LeaseState['holders'][number] | undefined {
  const held = state.holders.find(({ holder }) => holder === request.holder);
  const waits = state.waiting.find(({ holder }) => holder === request.holder);
  if (held !== undefined && held.ticket === request.ticket) return held;
  if (waits !== undefined) Object.assign(waits, request);
  else if (held === undefined) state.waiting.push({ ...request, since: now });
  else {
    state.holders = state.holders.filter((each) => each !== held);
    state.waiting.unshift({ ...request, since: held.since });
  }
  return undefined;
}

/** Removes holders and waiting ones. */
export function takeOut(state: LeaseState, holders: string[]): void {
  const stays = ({ holder }: { holder: string }): boolean => !holders.includes(holder);
  state.holders = state.holders.filter(stays);
  state.waiting = state.waiting.filter(stays);
}

const slotsOf = ({ holders, waiting }: LeaseState): number =>
  Math.min(...[...holders, ...waiting].map(({ slots }) => slots));

/** Makes holders of those whose turn it is, each with an epoch above all before, and gives them. */
export function giveTurns(state: LeaseState, now: number): LeaseState['holders'] {
  const turns: LeaseState['holders'] = [];
  while (state.waiting.length > 0 && state.holders.length < slotsOf(state)) {
    const next = state.waiting.shift();
    if (next === undefined) break;
    // The clock, so that epochs rise also when the workflow of the lease has ended or was terminated in between.
    state.epoch = Math.max(state.epoch + 1, now);
    const turn = { ...next, epoch: state.epoch, since: now };
    state.holders.push(turn);
    turns.push(turn);
  }
  return turns;
}

/** Workflow id of a lease. */
export const leaseId = (name: string): string => `lbi-lease/${name}`;
