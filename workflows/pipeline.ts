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
  defineQuery,
  isCancellation,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { BudgetChange, DatasetSummary, Phase, PipelineInput, Progress } from '../schemas/flow.ts';
import { bounded, call, inTree } from './call.ts';
import { episodeBlocked, episodeDone } from './episode.ts';
import { cancelEpisodes, launchEpisodes, resumeEpisodes, sweepEpisodes } from './episodes.ts';
import { type Gate, openGate } from './gate.ts';
import { admitTasks } from './instruct.ts';
import { passKept, writeOwn } from './own.ts';
import { emptyFunnel, firstState, type RunState, recordPage, runDetails, runState, settle } from './run-state.ts';

export const progressQuery = defineQuery<Progress>('progress');

/** A run as it stands: what the query answers from. */
interface View {
  state: RunState | undefined;
  phase: Phase;
  dataset: DatasetSummary | null;
  blocked: Record<string, string>;
  /** caps that were raised before there was a state */
  raised: BudgetChange;
}

export async function pipeline(input: PipelineInput): Promise<DatasetSummary> {
  const view: View = {
    state: undefined,
    phase: 'reading',
    dataset: null,
    blocked: input.carried?.blocked ?? {},
    raised: {},
  };
  const gate = answer(view);
  // Before the first handler: reports may arrive together with the start of a run that continued as new.
  if (input.carried !== undefined) view.state = runState(input.carried, gate);
  takeReports(view);
  const root = CancellationScope.current();
  let problem = await attempt(() => work(input, view, gate));
  return CancellationScope.nonCancellable(async () => {
    const { state } = view;
    if (state !== undefined) {
      if (problem === undefined && state.continuing) {
        await recordPage(state);
        await condition(allHandlersFinished);
        // A cancellation does not reach the next run: one that came meanwhile is heeded here.
        if (!root.consideredCancelled) await continueAsNew<typeof pipeline>({ ...input, carried: state.carried });
        problem = new CancelledFailure('cancelled');
      }
      problem = await settleRun(view, state, problem);
    }
    view.phase = problem === undefined ? 'done' : isCancellation(problem) ? 'cancelled' : 'failed';
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

/** Answers `resume` and the query. */
function answer(view: View): Gate {
  const id = workflowInfo().workflowId;
  setHandler(progressQuery, () => progressOf(view));
  return openGate(
    async (blockedOn) => note(view, id, blockedOn),
    async (change) => {
      view.raised = { ...view.raised, ...change };
      if (view.state !== undefined) Object.assign(view.state.carried.flow, change);
      await resumeEpisodes(view.state);
    },
  );
}

/** Hears what episodes say. */
function takeReports(view: View): void {
  setHandler(episodeDone, (report) => {
    if (view.state === undefined) return;
    settle(view.state, report);
    redraw(view);
  });
  setHandler(episodeBlocked, ({ id, blockedOn }) => note(view, id, blockedOn));
}

function note(view: View, id: string, blockedOn: string | null): void {
  if (blockedOn === null) delete view.blocked[id];
  else view.blocked[id] = blockedOn;
  redraw(view);
}

const redraw = ({ state, phase, dataset }: View): void => {
  if (state !== undefined) runDetails(state, phase, dataset);
};

/** Documents to finished episodes, until all are done or the run is to continue as new. Nothing is left running inside when it returns or throws. */
async function work(input: PipelineInput, view: View, gate: Gate): Promise<void> {
  view.state ??= runState(await firstState(input, gate, view.blocked), gate);
  const { state } = view;
  Object.assign(state.carried.flow, view.raised);
  view.phase = 'running';
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
    await Promise.all([lane(admitTasks(state)), lane(launchEpisodes(state)), lane(sweepEpisodes(state))]);
  });
  if (problem !== undefined) throw problem;
}

/** Brings the episodes to an end, seals what they gave, and makes the dataset unless the run has failed. Gives what went wrong. */
async function settleRun(view: View, state: RunState, problem: unknown): Promise<unknown> {
  if (problem !== undefined) await cancelEpisodes(state);
  const sealing = await attempt(() => recordPage(state));
  const before = problem !== undefined && !isCancellation(problem) ? problem : sealing;
  if (before !== undefined) return before;
  view.phase = 'finishing';
  redraw(view);
  const finishing = await attempt(async () => {
    view.dataset = await finishRun(state);
  });
  return finishing ?? problem;
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

const progressOf = ({ state, phase, blocked, dataset }: View): Progress => ({
  phase,
  funnel: state?.carried.funnel ?? emptyFunnel(),
  usage: state?.carried.usage ?? {},
  inFlight: state?.carried.inFlight.length ?? 0,
  waiting: state?.carried.waiting.length ?? 0,
  blocked,
  startedAt: state?.carried.startedAt ?? Date.now(),
  endedAt: phase === 'done' || phase === 'cancelled' ? Date.now() : null,
  firstKeptAt: state?.carried.firstKeptAt ?? null,
  dataset,
  recent: state?.recent ?? [],
});
