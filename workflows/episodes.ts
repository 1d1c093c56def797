/**
 * The lane that keeps a window of episodes in flight. Children are abandoned (they outlive a run that continues as new) and
 * report to the run's workflow id; a sweeper asks after those that ended without a word.
 */

import { defineSearchAttributeKey, WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  condition,
  getExternalWorkflowHandle,
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
import { historyIsLong, type RunState, recordFullPage, settle } from './run-state.ts';

const keys = {
  run: defineSearchAttributeKey(searchAttributes.run, 'KEYWORD'),
  pipeline: defineSearchAttributeKey(searchAttributes.pipeline, 'KEYWORD'),
  stage: defineSearchAttributeKey(searchAttributes.stage, 'KEYWORD'),
};

/** Seconds between two looks after episodes that ended without a word. */
const sweepSeconds = 60;

/** No episode starts once the budget is spent; `lbi resume --budget` raises it. */
function affordable(state: RunState): boolean {
  const { budgetUsd } = state.carried.flow;
  const spent = Object.values(state.carried.usage).reduce((sum, usage) => sum + usage.usd, 0);
  const within = budgetUsd === null || spent < budgetUsd;
  state.overBudget(
    within
      ? null
      : `the budget of $${budgetUsd} is spent ($${spent.toFixed(2)}): lbi resume ${state.carried.flow.run} --budget USD`,
  );
  return within;
}

/** Starts episodes while there is room, until all have ended or the run is to continue as new. */
export async function launchEpisodes(state: RunState): Promise<void> {
  const { carried } = state;
  const { flow } = carried;
  const starting = new Set<Promise<void>>();
  const idle = (): boolean => state.admitted && carried.waiting.length === 0 && carried.inFlight.length === 0;
  const startable = (): boolean =>
    carried.waiting.length > 0 && carried.inFlight.length < flow.concurrency && affordable(state);
  while (!state.continuing && !idle()) {
    await condition(() => state.continuing || idle() || startable() || carried.buffer.length >= 200);
    await recordFullPage(state);
    while (!state.continuing && startable()) {
      const task = carried.waiting.shift();
      if (task === undefined) break;
      const started = launch(state, task).finally(() => starting.delete(started));
      starting.add(started);
    }
    if (historyIsLong()) state.continuing = true;
  }
  // Children must have started before the run may continue as new.
  await Promise.all(starting);
}

async function launch(state: RunState, task: TaskEntry): Promise<void> {
  const { flow } = state.carried;
  const id = `${flow.pipeline}/${flow.run}/${task.id}`;
  state.carried.inFlight.push({ id, task });
  try {
    await startChild(episode, {
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
    });
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
    const before = new Set(carried.inFlight.map(({ id }) => id));
    if (await condition(over, sweepSeconds * 1000)) return;
    // Only those in flight for a whole period: a report on its way is not a lost one.
    const episodes = carried.inFlight.filter(({ id }) => before.has(id));
    if (episodes.length === 0) continue;
    const ended = await call('inspect', { summary: `look after ${episodes.length} episodes in flight` })({
      plan: carried.flow.plan,
      episodes,
    });
    for (const { entry } of ended) settle(state, { entry, titles: [] });
  }
}

/** Asks all episodes in flight to stop and waits a while for their last words. */
export async function cancelEpisodes(state: RunState): Promise<void> {
  const { carried } = state;
  await Promise.allSettled(carried.inFlight.map(({ id }) => getExternalWorkflowHandle(id).cancel()));
  await condition(() => carried.inFlight.length === 0, 120_000);
}

/** Opens the gates of all episodes in flight. */
export async function resumeEpisodes(state: RunState | undefined): Promise<void> {
  await Promise.allSettled(
    (state?.carried.inFlight ?? []).map(({ id }) => getExternalWorkflowHandle(id).signal(resumeSignal, {})),
  );
}
