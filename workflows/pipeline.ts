/**
 * The life of one run: documents → tasks → one child workflow per task → dataset. It is the only writer of the run's pages.
 * Two lanes work side by side: one invents and admits tasks, the other keeps a window of episodes in flight.
 */
import {
  allHandlersFinished,
  CancellationScope,
  CancelledFailure,
  condition,
  continueAsNew,
  isCancellation,
  workflowInfo,
} from '@temporalio/workflow';
import type { DatasetSummary, PipelineInput } from '../schemas/flow.ts';
import { bounded, call, inTree } from './call.ts';
import { cancelEpisodes, launchEpisodes, sweepEpisodes } from './episodes.ts';
import type { Gate } from './gate.ts';
import { admitTasks } from './instruct.ts';
import { passKept, writeOwn } from './own.ts';
import { retryFailed } from './retry.ts';
import { firstState, type RunState, recordPage, runState, tallyEntry } from './run-state.ts';
import {
  answer,
  probe,
  progressOf,
  redraw,
  setPhase,
  stateOptions,
  steerable,
  takeReports,
  type View,
  viewOf,
} from './view.ts';

export async function pipeline(input: PipelineInput): Promise<DatasetSummary> {
  const view = viewOf(input);
  const gate = answer(view);
  // Before the first handler: reports may arrive together with the start of a run that continued as new.
  if (input.carried !== undefined) view.state = runState(input.carried, gate, stateOptions(view));
  takeReports(view, gate);
  const root = CancellationScope.current();
  const probing = CancellationScope.nonCancellable(() => probe(view, gate));
  let problem = await attempt(() => work(input, view, gate));
  return CancellationScope.nonCancellable(async () => {
    const { state } = view;
    if (state !== undefined) {
      if (problem === undefined && state.continuing) {
        view.over = true;
        await probing;
        await recordPage(state);
        await condition(allHandlersFinished);
        // A cancellation does not reach the next run: one that came meanwhile is heeded here.
        if (!root.consideredCancelled)
          await continueAsNew<typeof pipeline>({
            ...input,
            carried: { ...state.carried, blocks: view.blocks.times() },
          });
        problem = new CancelledFailure('cancelled');
      }
      problem = await settleRun(view, state, problem, root);
    }
    view.over = true;
    setPhase(view, problem === undefined ? 'done' : isCancellation(problem) ? 'cancelled' : 'failed');
    return conclude(input.run, view, problem);
  });
}

/** What went wrong, or undefined. */
async function attempt(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Documents to finished episodes, until all are done or the run is to continue as new. Nothing is left running inside when it returns or throws. */
async function work(input: PipelineInput, view: View, gate: Gate): Promise<void> {
  if (view.state === undefined && steerable(view)) setPhase(view, 'reading');
  view.state ??= runState(await firstState(input, gate, view.blocked), gate, stateOptions(view));
  const { state } = view;
  Object.assign(state.carried.flow, view.raised);
  setPhase(view, 'running');
  redraw(view);
  let problem: unknown;
  const scope = new CancellationScope();
  await scope.run(async () => {
    const lane = async (work: Promise<void>): Promise<void> => {
      try {
        await work;
      } catch (error) {
        problem ??= error;
        scope.cancel();
      }
    };
    const lanes = [admitTasks, launchEpisodes, sweepEpisodes, retryFailed];
    await Promise.all(lanes.map((each) => lane(each(state))));
  });
  if (problem !== undefined) throw problem;
}

/** Brings the episodes to an end, seals what they gave, and makes the dataset unless the run has failed. Gives what went wrong. */
async function settleRun(view: View, state: RunState, problem: unknown, root: CancellationScope): Promise<unknown> {
  if (problem !== undefined) await cancelEpisodes(state);
  // What was to be tried again and is not: its earlier result stands.
  for (const { before } of state.carried.waiting.splice(0)) if (before !== undefined) tallyEntry(state, before);
  const sealing = await attempt(() => recordPage(state));
  const before = problem !== undefined && !isCancellation(problem) ? problem : sealing;
  if (before !== undefined) return before;
  view.steering.pausedAt = null;
  setPhase(view, 'finishing');
  redraw(view);
  const finishing = await attempt(async () => {
    view.dataset = await unlessGivenUp(view, root, () => finishRun(state));
  });
  return finishing ?? problem;
}

/** Finishing is not interrupted, with one exception: who cancels a run that waits for a person there need not mend it first. */
async function unlessGivenUp<T>(view: View, root: CancellationScope, work: () => Promise<T>): Promise<T> {
  if (!steerable(view)) return work();
  const own = workflowInfo().workflowId;
  const scope = new CancellationScope();
  let ended = false;
  void condition(() => ended || (root.consideredCancelled && view.blocked[own] !== undefined)).then(() =>
    scope.cancel(),
  );
  try {
    return await scope.run(work);
  } finally {
    ended = true;
  }
}

/** Writes the summary and ends the workflow as the run ended. */
async function conclude(run: string, view: View, problem: unknown): Promise<DatasetSummary> {
  redraw(view);
  const write = call('finish', { summary: 'write the summary of the run' });
  const unwritten = await attempt(() => write({ run, summary: progressOf(view) }));
  await condition(allHandlersFinished);
  if (isCancellation(problem)) throw new CancelledFailure('cancelled by request; what was finished is kept');
  if (problem !== undefined) throw bounded(problem);
  if (unwritten !== undefined) throw bounded(unwritten);
  if (view.dataset === null) throw bounded(new Error('the run ended without a dataset'));
  return view.dataset;
}

/** The stages over the whole dataset: count votes, index, export. */
async function finishRun(state: RunState): Promise<DatasetSummary> {
  const { pass } = state.gate;
  const { flow, manifestPages, funnel, usage } = state.carried;
  const { plan, run } = flow;
  const long = { seconds: 3600, heartbeat: flow.timing.heartbeatSeconds };
  const tallied = await pass(() =>
    call('tally', { ...long, summary: 'tally the votes, drop near-duplicates, split by document' })({
      plan,
      run,
      pages: manifestPages,
    }),
  );
  const books = { dropped: {}, usage };
  const summary = await passKept(flow, tallied, state.gate, books);
  if (flow.index && summary.kept > 0) {
    const { folder } = await pass(() =>
      call('index', { ...long, ...inTree(flow), summary: `${summary.kept} examples` })({
        plan,
        run,
        rows: summary.rows,
      }),
    );
    summary.index = folder;
  }
  if (!flow.export) return writeOwn(flow, summary, state.gate, books);
  const files = await pass(() =>
    call('export', { ...long, ...inTree(flow), summary: `${summary.kept} examples` })({
      plan,
      run,
      summary,
      funnel,
      usage,
    }),
  );
  return writeOwn(flow, { ...summary, ...files }, state.gate, books);
}
