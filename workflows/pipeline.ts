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
import type { DatasetSummary, Phase, PipelineInput, Progress } from '../schemas/flow.ts';
import { call } from './call.ts';
import { episodeBlocked, episodeDone } from './episode.ts';
import { cancelEpisodes, launchEpisodes, resumeEpisodes, sweepEpisodes } from './episodes.ts';
import { openGate } from './gate.ts';
import { admitTasks } from './instruct.ts';
import { beginRun, emptyFunnel, type RunState, recordPage, runDetails, settle } from './run-state.ts';

export const progressQuery = defineQuery<Progress>('progress');

export async function pipeline(input: PipelineInput): Promise<DatasetSummary> {
  const blocked: Record<string, string> = {};
  const told = async (id: string, blockedOn: string | null): Promise<void> => {
    if (blockedOn === null) delete blocked[id];
    else blocked[id] = blockedOn;
    state?.changed();
  };
  const id = workflowInfo().workflowId;
  const gate = openGate(
    (blockedOn) => told(id, blockedOn),
    async ({ budgetUsd }) => {
      if (state !== undefined && budgetUsd !== undefined) state.carried.flow.budgetUsd = budgetUsd;
      await resumeEpisodes(state);
    },
  );
  let state: RunState | undefined;
  let phase: Phase = 'reading';
  let dataset: DatasetSummary | null = null;
  const early: Parameters<typeof settle>[1][] = [];

  setHandler(episodeDone, ({ entry, titles }) => {
    if (state === undefined) early.push({ entry, titles });
    else settle(state, { entry, titles });
  });
  setHandler(episodeBlocked, ({ id: episode, blockedOn }) => told(episode, blockedOn));
  setHandler(progressQuery, () => progressOf(state, phase, blocked, dataset));

  state = await beginRun(input, gate, blocked);
  for (const report of early) settle(state, report);
  const run = state;
  phase = 'running';
  let cancelled = false;
  try {
    await CancellationScope.cancellable(async () => {
      await Promise.all([admitTasks(run, gate), launchEpisodes(run), sweepEpisodes(run)]);
    });
  } catch (error) {
    if (!isCancellation(error)) throw error;
    cancelled = true;
    await CancellationScope.nonCancellable(() => cancelEpisodes(run));
  }
  await CancellationScope.nonCancellable(() => recordPage(run));
  if (!cancelled && run.continuing) {
    await condition(allHandlersFinished);
    await continueAsNew<typeof pipeline>({ ...input, carried: run.carry() });
  }

  phase = 'finishing';
  dataset = await CancellationScope.nonCancellable(() => finishRun(run, (work) => gate.pass(work)));
  phase = cancelled ? 'cancelled' : 'done';
  runDetails(run, phase, blocked, dataset);
  await CancellationScope.nonCancellable(() =>
    call('finish', { summary: 'write the summary of the run' })({
      run: run.carried.flow.run,
      summary: progressOf(run, phase, blocked, dataset),
    }),
  );
  if (cancelled) throw new CancelledFailure('cancelled by request; what was finished is kept');
  return dataset;
}

/** The stages over the whole dataset: count votes, index, export. */
async function finishRun(state: RunState, pass: <T>(work: () => Promise<T>) => Promise<T>): Promise<DatasetSummary> {
  const { flow, manifestPages, funnel, usage } = state.carried;
  const { plan, run } = flow;
  const long = { seconds: 3600, heartbeat: flow.timing.heartbeatSeconds };
  const summary = await pass(() =>
    call('tally', { ...long, summary: 'tally the votes, drop near-duplicates, split by document' })({
      plan,
      run,
      pages: manifestPages,
    }),
  );
  if (flow.index && summary.kept > 0) {
    const { folder } = await pass(() =>
      call('index', { ...long, summary: `index ${summary.kept} examples` })({ plan, run, rows: summary.rows }),
    );
    summary.index = folder;
  }
  if (!flow.export) return summary;
  const files = await pass(() =>
    call('export', { ...long, summary: `export ${summary.kept} examples` })({ plan, run, summary, funnel, usage }),
  );
  return { ...summary, ...files };
}

const progressOf = (
  state: RunState | undefined,
  phase: Phase,
  blocked: Record<string, string>,
  dataset: DatasetSummary | null,
): Progress => ({
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
