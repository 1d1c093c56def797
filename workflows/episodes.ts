/**
 * The lane that keeps a window of episodes in flight. Children are abandoned (they outlive a run that continues as new) and
 * report to the run's workflow id; a sweeper asks after those that ended without a word.
 */

import { defineSearchAttributeKey, WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  isCancellation,
  log,
  ParentClosePolicy,
  startChild,
  WorkflowIdReusePolicy,
  workflowInfo,
} from '@temporalio/workflow';
import type { TaskEntry } from '../schemas/flow.ts';
import { searchAttributes } from '../schemas/search-attributes.ts';
import { call } from './call.ts';
import { episode } from './episode.ts';
import { resumeSignal } from './gate.ts';
import { pageIsFull, type RunState, recordPage, settle, watchHistory } from './run-state.ts';

const keys = {
  run: defineSearchAttributeKey(searchAttributes.run, 'KEYWORD'),
  pipeline: defineSearchAttributeKey(searchAttributes.pipeline, 'KEYWORD'),
  stage: defineSearchAttributeKey(searchAttributes.stage, 'KEYWORD'),
};

/** What was spent, and what the episodes in flight will cost if they cost what the others did. */
function costs({ carried }: RunState): { spent: number; reserved: number } {
  const { usage, funnel, flow, inFlight } = carried;
  const spent = Object.values(usage).reduce((sum, { usd }) => sum + usd, 0);
  const onEpisodes = spent - (usage[flow.accounts.instruct]?.usd ?? 0);
  const paid = funnel.episodes - funnel.episodesReused;
  return { spent, reserved: paid > 0 ? (inFlight.length * onEpisodes) / paid : 0 };
}

/** Starts episodes while there is room, until all have ended or the run is to continue as new. */
export async function launchEpisodes(state: RunState): Promise<void> {
  const { carried, gate } = state;
  const { flow } = carried;
  const starting = new Set<Promise<void>>();
  const failures: unknown[] = [];
  const idle = (): boolean => state.admitted && carried.waiting.length === 0 && carried.inFlight.length === 0;
  /** No episode starts that the budget may not bear; `lbi resume --budget` raises it. */
  const startable = (): boolean => {
    const { spent, reserved } = costs(state);
    const within = flow.budgetUsd === null || spent + reserved < flow.budgetUsd;
    return carried.waiting.length > 0 && carried.inFlight.length < flow.concurrency && within;
  };
  const spentUp = (): boolean =>
    carried.waiting.length > 0 && flow.budgetUsd !== null && costs(state).spent >= flow.budgetUsd;
  try {
    while (!state.continuing && !idle()) {
      await condition(
        () => state.continuing || idle() || startable() || spentUp() || pageIsFull(state) || failures.length > 0,
      );
      if (failures.length > 0) throw failures[0];
      if (pageIsFull(state)) await recordPage(state);
      while (!state.continuing && startable()) {
        const task = carried.waiting.shift();
        if (task === undefined) break;
        const started = launch(state, task)
          .catch((error: unknown) => void failures.push(error))
          .finally(() => starting.delete(started));
        starting.add(started);
      }
      if (spentUp()) await gate.hold(overBudget(state), () => state.continuing || !spentUp());
      watchHistory(state);
    }
  } finally {
    // Children must have started before the run may continue as new, or ask them to stop.
    await Promise.all(starting);
  }
}

const overBudget = (state: RunState): string => {
  const { budgetUsd, run } = state.carried.flow;
  return `the budget of $${budgetUsd} is spent ($${costs(state).spent.toFixed(2)}): lbi resume ${run} --budget USD`;
};

async function launch(state: RunState, task: TaskEntry): Promise<void> {
  const { flow } = state.carried;
  const id = `${flow.pipeline}/${flow.run}/${task.id}`;
  state.carried.inFlight.push({ id, task });
  try {
    // A start that is under way is never interrupted: either there is a child that can be asked to stop, or none.
    await CancellationScope.nonCancellable(() =>
      startChild(episode, {
        workflowId: id,
        args: [{ flow, task, parent: workflowInfo().workflowId }],
        parentClosePolicy: ParentClosePolicy.ABANDON,
        workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
        staticSummary: task.title,
        typedSearchAttributes: [
          { key: keys.run, value: flow.run },
          { key: keys.pipeline, value: flow.pipeline },
          { key: keys.stage, value: 'interact' },
        ],
      }),
    );
  } catch (error) {
    // It runs already, or ended while nobody listened: the sweeper finds out.
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

/** Looks after episodes that were terminated or whose report got lost. */
export async function sweepEpisodes(state: RunState): Promise<void> {
  const { carried } = state;
  const over = (): boolean =>
    state.continuing || (state.admitted && carried.waiting.length === 0 && carried.inFlight.length === 0);
  for (;;) {
    await condition(() => over() || carried.inFlight.length > 0);
    const before = new Set(carried.inFlight.map(({ id }) => id));
    if (await condition(over, carried.flow.timing.sweepSeconds * 1000)) return;
    // Only those in flight for a whole period: a report on its way is not a lost one.
    await settleEnded(
      state,
      carried.inFlight.filter(({ id }) => before.has(id)),
    );
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
    if (await condition(() => carried.inFlight.length === 0, period * 1000)) return;
    await settleEnded(state, [...carried.inFlight]);
  }
}

/** Opens the gates of all episodes in flight. */
export async function resumeEpisodes(state: RunState | undefined): Promise<void> {
  await Promise.allSettled(
    (state?.carried.inFlight ?? []).map(({ id }) => getExternalWorkflowHandle(id).signal(resumeSignal, {})),
  );
}
