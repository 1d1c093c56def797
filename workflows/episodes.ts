/**
 * The lane that keeps a window of episodes in flight. Children are abandoned (they outlive a run that continues as new) and
 * report to the run's workflow id; a sweeper asks after those that ended without a word.
 */

import { defineSearchAttributeKey, WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  ApplicationFailure,
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  isCancellation,
  log,
  ParentClosePolicy,
  type SignalDefinition,
  startChild,
  WorkflowIdReusePolicy,
  workflowInfo,
} from '@temporalio/workflow';
import { type Amounts, amountsOf, type Caps, capReached, mayBegin, spentBy, stageCapReached } from '../core/budget.ts';
import { addUsage, noUsage } from '../core/usage.ts';
import type { TaskEntry } from '../schemas/flow.ts';
import { searchAttributes } from '../schemas/search-attributes.ts';
import { childAttributes } from './attributes.ts';
import { call } from './call.ts';
import { episode } from './episode.ts';
import { pauseSignal } from './gate.ts';
import { inPool } from './pool.ts';
import { isOver, isPaused, pageIsFull, type RunState, recordPage, settle, watchHistory } from './run-state.ts';

const keys = {
  run: defineSearchAttributeKey(searchAttributes.run, 'KEYWORD'),
  pipeline: defineSearchAttributeKey(searchAttributes.pipeline, 'KEYWORD'),
  stage: defineSearchAttributeKey(searchAttributes.stage, 'KEYWORD'),
};

/** What was spent, what the episodes in flight will cost if they cost what the others did or all that they may, and what a task may cost. */
function costs({ carried }: RunState): { spent: Amounts; reserved: Amounts; own: Partial<Amounts> } {
  const { usage, funnel, flow, inFlight, startedAt } = carried;
  const all = amountsOf(Object.values(usage).reduce(addUsage, noUsage));
  const before = amountsOf(usage[flow.accounts.instruct]);
  const acting = amountsOf(spentBy(usage, 'interact'));
  const paid = funnel.episodes - funnel.episodesReused;
  const own = flow.interact.taskBudget ?? {};
  const each = (kind: 'usd' | 'tokens'): number => {
    const likely = (spent: number): number => (paid > 0 ? (inFlight.length * spent) / paid : 0);
    const most = own[kind];
    if (most === undefined) return likely(all[kind] - before[kind]);
    return inFlight.length * most + likely(all[kind] - before[kind] - acting[kind]);
  };
  return {
    spent: { ...all, hours: (Date.now() - startedAt) / 3_600_000 },
    reserved: { usd: each('usd'), tokens: each('tokens'), hours: 0 },
    own,
  };
}

const capsOf = ({ carried: { flow } }: RunState): Caps => ({
  usd: flow.budgetUsd,
  tokens: flow.budgetTokens ?? null,
  hours: flow.budgetHours ?? null,
});

/** Which cap of the run is reached. */
export const runCapReached = (state: RunState): string | undefined =>
  capReached(capsOf(state), costs(state).spent, state.carried.flow.run);

/** A stage of an episode that has spent what it may. */
const stageFull = ({ carried: { flow, usage } }: RunState): string | undefined =>
  stageCapReached(flow, usage, ['interact', 'construct', 'filter'], flow.run);

/** Why no further task may begin however long one waits; what is in flight may still leave room for one. */
function runFull(state: RunState): string | undefined {
  const { spent, own } = costs(state);
  const { flow, inFlight } = state.carried;
  return capReached(capsOf(state), spent, flow.run, inFlight.length === 0 ? own : {}) ?? stageFull(state);
}

/** Starts episodes while there is room, until all have ended or the run is to continue as new. */
export async function launchEpisodes(state: RunState): Promise<void> {
  const { carried, gate } = state;
  const { flow } = carried;
  const starting = new Set<Promise<void>>();
  const failures: unknown[] = [];
  const broken = (): boolean => failures.length > 0 || state.broken !== undefined;
  const idle = (): boolean => isOver(state);
  /** No episode starts that the budget may not bear; `lbi resume --budget` raises it. */
  const startable = (): boolean => {
    if (carried.waiting.length === 0 || carried.inFlight.length >= flow.concurrency || isPaused(state)) return false;
    const { spent, reserved, own } = costs(state);
    return stageFull(state) === undefined && mayBegin(capsOf(state), spent, reserved, own);
  };
  const overCap = (): string | undefined =>
    carried.waiting.length > 0 && !isPaused(state) ? runFull(state) : undefined;
  const spentUp = (): boolean => overCap() !== undefined;
  try {
    while (!state.continuing && !idle()) {
      await condition(() => state.continuing || idle() || startable() || spentUp() || pageIsFull(state) || broken());
      if (failures.length > 0) throw failures[0];
      if (state.broken !== undefined) throw tooManyFailed(state.broken);
      if (pageIsFull(state)) await recordPage(state);
      while (!state.continuing && startable()) {
        const task = carried.waiting.shift();
        if (task === undefined) break;
        const started = launch(state, task)
          .catch((error: unknown) => void failures.push(error))
          .finally(() => starting.delete(started));
        starting.add(started);
      }
      const reached = overCap();
      if (reached !== undefined) await gate.hold(reached, () => state.continuing || !spentUp() || broken());
      watchHistory(state);
    }
    if (state.broken !== undefined) throw tooManyFailed(state.broken);
  } finally {
    // Children must have started before the run may continue as new, or ask them to stop.
    await Promise.all(starting);
  }
}

/** Ends the run: what is finished stays in the store, and the same pipeline again takes it over. */
export const tooManyFailed = (why: string): ApplicationFailure =>
  ApplicationFailure.create({ message: why, type: 'too-many-failures', nonRetryable: true });

async function launch(state: RunState, task: TaskEntry): Promise<void> {
  const { flow } = state.carried;
  const id = `${flow.pipeline}/${flow.run}/${task.id}${task.tries === undefined ? '' : `~${task.tries + 1}`}`;
  state.carried.inFlight.push({ id, task });
  try {
    // A start that is under way is never interrupted: either there is a child that can be asked to stop, or none.
    await CancellationScope.nonCancellable(() =>
      startChild(episode, {
        workflowId: id,
        args: [{ flow, task: bare(task), parent: workflowInfo().workflowId }],
        parentClosePolicy: ParentClosePolicy.ABANDON,
        workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
        staticSummary: task.title,
        ...childAttributes([
          { key: keys.run, value: flow.run },
          { key: keys.pipeline, value: flow.pipeline },
          { key: keys.stage, value: 'interact' },
        ]),
      }),
    );
  } catch (error) {
    // It runs already, or ended while nobody listened: the sweeper finds out.
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
  // A pause that came while it started did not reach it.
  if (isPaused(state)) await signalAll([id], pauseSignal);
}

/** Without what only the run needs of it. */
const bare = ({ before: _before, ...task }: TaskEntry): TaskEntry => task;

/** Episodes of one look: their names are part of the history each time. The others have their turn at the next. */
const mostLookedAfter = 100;

const lookingAfter = { summary: 'until the next look after episodes that ended without a word' };
const lastWords = { summary: 'for the last words of the episodes that were asked to stop' };

/** Looks after episodes that were terminated or whose report got lost. */
export async function sweepEpisodes(state: RunState): Promise<void> {
  const { carried } = state;
  const over = (): boolean => state.continuing || isOver(state);
  let turn = 0;
  for (;;) {
    await condition(() => over() || carried.inFlight.length > 0);
    const before = new Set(carried.inFlight.map(({ id }) => id));
    if (await condition(over, carried.flow.timing.sweepSeconds * 1000, lookingAfter)) return;
    // Only those in flight for a whole period: a report on its way is not a lost one.
    const there = carried.inFlight.filter(({ id }) => before.has(id));
    const most = carried.flow.local === true ? mostLookedAfter : there.length;
    const looked = there.length <= most ? there : there.slice(turn, turn + most);
    turn = turn + most < there.length ? turn + most : 0;
    await settleEnded(state, looked);
    watchHistory(state);
  }
}

/** Settles those of the episodes that are no longer running. When that cannot be told now, the next look will. */
async function settleEnded(state: RunState, episodes: RunState['carried']['inFlight']): Promise<void> {
  if (episodes.length === 0) return;
  try {
    const look = call('inspect', { summary: `look after ${episodes.length} episodes in flight` });
    const ended = await look({ plan: state.carried.flow.plan, episodes });
    for (const { entry } of ended) settle(state, { entry, titles: [] });
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.warn('the episodes in flight could not be looked after', { error });
  }
}

/** Asks all episodes in flight to stop and waits a while for their last words. */
export async function cancelEpisodes(state: RunState): Promise<void> {
  const { carried } = state;
  await Promise.allSettled(carried.inFlight.map(({ id }) => getExternalWorkflowHandle(id).cancel()));
  const period = Math.min(carried.flow.timing.sweepSeconds, 20);
  for (let waited = 0; waited < 120; waited += period) {
    if (await condition(() => carried.inFlight.length === 0, period * 1000, lastWords)) return;
    await settleEnded(state, [...carried.inFlight]);
  }
}

/** Signals that one workflow has under way at once: the server takes two thousand. */
const signalsAtOnce = 200;

/** Sends a signal to episodes; one that has ended does not hear it. */
export async function signalAll<A extends unknown[]>(
  ids: string[],
  signal: SignalDefinition<A>,
  ...args: A
): Promise<void> {
  await inPool(ids, signalsAtOnce, async (id) => {
    try {
      await getExternalWorkflowHandle(id).signal(signal, ...args);
    } catch (error) {
      if (isCancellation(error)) throw error;
    }
  });
}

export const idsInFlight = (state: RunState | undefined): string[] =>
  (state?.carried.inFlight ?? []).map(({ id }) => id);
