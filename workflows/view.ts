/** A run as people see and steer it: what it answers, what it hears, and what it shows of itself. */
import { defineSearchAttributeKey } from '@temporalio/common';
import { defineQuery, defineSignal, setHandler, workflowInfo } from '@temporalio/workflow';
import { failuresOf } from '../core/failure-class.ts';
import type {
  BudgetChange,
  DatasetSummary,
  EpisodeEntry,
  FailedDocument,
  LaneChange,
  Phase,
  PipelineInput,
  Progress,
  RetryRequest,
  Steering,
} from '../schemas/flow.ts';
import { searchAttributes } from '../schemas/search-attributes.ts';
import { upsertSearchAttributes } from './attributes.ts';
import { type Blocks, blocksOf } from './blocks.ts';
import { type Outline, runDetails } from './details.ts';
import { episodeBlocked, episodeDone } from './episode.ts';
import { idsInFlight, signalAll } from './episodes.ts';
import { type Gate, openGate, pausedWord, pauseSignal, resumeSignal, showBlockedOn, tryAgainSignal } from './gate.ts';
import { askRetry } from './retry.ts';
import { emptyFunnel, freshSteering, type RunState, type runState, settle } from './run-state.ts';

export const progressQuery = defineQuery<Progress>('progress');
/** Failed items that are not in a page yet. */
export const unsealedQuery = defineQuery<{ documents: FailedDocument[]; episodes: EpisodeEntry[] }>('unsealed');
/** `lbi tune`: lanes made wider or narrower. */
export const tuneSignal = defineSignal<[LaneChange]>('tune');
/** `lbi retry`. */
export const retrySignal = defineSignal<[RetryRequest]>('retry');

const stageKey = defineSearchAttributeKey(searchAttributes.stage, 'KEYWORD');

/** Blocked workflows that are named one by one. */
const mostNamed = 100;

/** A run as it stands: what the query answers from. */
export interface View {
  input: PipelineInput;
  state: RunState | undefined;
  phase: Phase;
  dataset: DatasetSummary | null;
  blocked: Record<string, string>;
  blocks: Blocks;
  steering: Steering;
  /** what was raised or tuned before there was a state */
  raised: BudgetChange & LaneChange;
  /** what `LbiBlockedOn` says */
  shown: string | null;
  /** nothing is tried any more */
  over: boolean;
}

export function viewOf(input: PipelineInput): View {
  const blocked = input.carried?.blocked ?? {};
  return {
    input,
    state: undefined,
    phase: input.carried === undefined ? 'reading' : 'running',
    dataset: null,
    blocked,
    blocks: blocksOf(blocked, input.carried?.blocks ?? {}, input.probe),
    steering: input.carried?.steering ?? freshSteering(),
    raised: {},
    shown: null,
    over: false,
  };
}

export const stateOptions = ({ steering, blocks, input: { retry } }: View): Parameters<typeof runState>[2] => ({
  steering,
  retry,
  gone: (id) => blocks.note(id, null),
});

/** Answers the queries and what a person asks of a run: resume, pause, tune, retry. */
export function answer(view: View): Gate {
  const id = workflowInfo().workflowId;
  setHandler(progressQuery, () => progressOf(view));
  setHandler(unsealedQuery, () => unsealedOf(view));
  const gate = openGate({
    told: async (blockedOn, passed) => {
      note(view, id, blockedOn);
      if (passed !== undefined) await release(view, gate, passed, id);
    },
    resumed: async (change) => {
      Object.assign(view.raised, change);
      if (view.state !== undefined) Object.assign(view.state.carried.flow, change);
      setPaused(view, null);
      await signalAll(idsInFlight(view.state), resumeSignal, {});
    },
    shows: !steerable(view),
  });
  setHandler(pauseSignal, async () => {
    if (view.steering.pausedAt !== null || !['reading', 'running'].includes(view.phase)) return;
    setPaused(view, Date.now());
    await signalAll(idsInFlight(view.state), pauseSignal);
  });
  setHandler(tuneSignal, (change) => {
    Object.assign(view.raised, change);
    if (view.state !== undefined) Object.assign(view.state.carried.flow, change);
    redraw(view);
  });
  setHandler(retrySignal, (request) => {
    if (view.state !== undefined) askRetry(view.state, request);
  });
  return gate;
}

/** Runs of earlier versions show less of themselves: their histories hold no more. */
export const steerable = ({ input }: View): boolean => input.probe !== undefined;

function setPaused(view: View, at: number | null): void {
  view.steering.pausedAt = at;
  redraw(view);
}

/** Hears what episodes say. */
export function takeReports(view: View, gate: Gate): void {
  setHandler(episodeDone, (report) => {
    if (view.state === undefined) return;
    settle(view.state, report);
    redraw(view);
  });
  setHandler(episodeBlocked, async ({ id, blockedOn, passed }) => {
    note(view, id, blockedOn);
    if (passed !== undefined) await release(view, gate, passed, id);
  });
}

function note(view: View, id: string, blockedOn: string | null): void {
  view.blocks.note(id, blockedOn);
  redraw(view);
}

/** Lets all go on that wait for a reason which one of them has found to be gone. */
async function release(view: View, gate: Gate, reason: string, but: string): Promise<void> {
  const id = workflowInfo().workflowId;
  const others = view.blocks.idsOf(reason).filter((other) => other !== but && other !== id);
  gate.tryAgain(reason, true);
  await signalAll(others, tryAgainSignal, { reason, all: true });
}

/** Tries now and then whether what is blocked has been mended. */
export function probe(view: View, gate: Gate): Promise<void> {
  const own = workflowInfo().workflowId;
  return view.blocks.probe(
    { over: () => view.over || (view.state?.continuing ?? false), paused: () => view.steering.pausedAt !== null },
    async (id, reason) => {
      if (id === own) return gate.tryAgain(reason, false);
      await signalAll([id], tryAgainSignal, { reason, all: false });
      return true;
    },
  );
}

export function redraw(view: View): void {
  const { pipeline, run } = view.input;
  if (view.state !== undefined) runDetails({ pipeline, run }, outlineOf(view));
  if (!steerable(view)) return;
  const blockedOn = view.steering.pausedAt !== null ? pausedWord : (view.blocks.first() ?? null);
  if (blockedOn === view.shown) return;
  view.shown = blockedOn;
  showBlockedOn(blockedOn);
}

/** The phase, for whoever asks and for the Temporal UI. */
export function setPhase(view: View, phase: Phase): void {
  view.phase = phase;
  if (steerable(view)) upsertSearchAttributes([{ key: stageKey, value: phase }]);
}

/** Failed items that no page holds yet. */
function unsealedOf({ state }: View): { documents: FailedDocument[]; episodes: EpisodeEntry[] } {
  const failed = (entry: EpisodeEntry): boolean => Object.keys(failuresOf(entry)).length > 0;
  const { failedDocuments = [], buffer = [] } = state?.carried ?? {};
  return { documents: failedDocuments, episodes: buffer.filter(failed) };
}

export const progressOf = (view: View): Progress => ({
  ...outlineOf(view),
  blocked: Object.fromEntries(Object.entries(view.blocked).slice(0, mostNamed)),
});

const outlineOf = ({ state, phase, blocks, dataset, steering }: View): Outline => ({
  phase,
  funnel: state?.carried.funnel ?? emptyFunnel(),
  usage: state?.carried.usage ?? {},
  inFlight: state?.carried.inFlight.length ?? 0,
  waiting: state?.carried.waiting.length ?? 0,
  waits: blocks.waits(),
  pausedAt: steering.pausedAt,
  ...(state === undefined ? {} : { concurrency: state.carried.flow.concurrency, ahead: state.carried.flow.ahead }),
  retrying: steering.retries.map(({ id, class: wanted }) => ({ id, class: wanted })),
  startedAt: state?.carried.startedAt ?? Date.now(),
  endedAt: phase === 'done' || phase === 'cancelled' ? Date.now() : null,
  firstKeptAt: state?.carried.firstKeptAt ?? null,
  dataset,
  recent: state?.recent ?? [],
});
