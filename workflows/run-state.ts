/** The state of a run: what its workflow knows, counts, shows, and carries over continue-as-new. */

import { defineSearchAttributeKey } from '@temporalio/common';
import { condition, patched } from '@temporalio/workflow';
import { failuresOf } from '../core/failure-class.ts';
import { tooManyFailures } from '../core/failure-rate.ts';
import { chargeAll, count } from '../core/usage.ts';
import type {
  Carried,
  EpisodeEntry,
  FailedDocument,
  FailureCounts,
  Funnel,
  PipelineInput,
  Steering,
} from '../schemas/flow.ts';
import { searchAttributes } from '../schemas/search-attributes.ts';
import { upsertSearchAttributes } from './attributes.ts';
import { call, inTree } from './call.ts';
import type { Gate } from './gate.ts';
import { historyIsLong } from './history.ts';

/** Entries of one manifest page. */
const pageSize = 200;

const keys = {
  done: defineSearchAttributeKey(searchAttributes.done, 'INT'),
  kept: defineSearchAttributeKey(searchAttributes.kept, 'INT'),
};

export interface EpisodeReport {
  entry: EpisodeEntry;
  titles: string[];
}

export interface RunState {
  carried: Carried & { steering: Steering };
  gate: Gate;
  /** set where what failed in earlier runs is taken up again */
  retry: PipelineInput['retry'];
  /** hears of an episode's workflow that has ended */
  gone(id: string): void;
  /** true while a page is being sealed: the buffers must stay as they are */
  sealing: boolean;
  /** last lines of what happened, newest last */
  recent: string[];
  /** no more tasks will come */
  admitted: boolean;
  /** why the run must end: too many items failed */
  broken?: string;
  /** the history is long enough: both lanes stop at a safe place and the run continues as new */
  continuing: boolean;
}

export const emptyFunnel = (): Funnel => ({
  documents: 0,
  documentsTotal: 0,
  tasks: 0,
  taskDuplicates: 0,
  episodes: 0,
  episodesReused: 0,
  attemptsRecalled: 0,
  outcomes: {},
  steps: 0,
  windows: 0,
  dropped: {},
  voted: 0,
  kept: 0,
  unreadable: 0,
});

export const freshSteering = (): Steering => ({ pausedAt: null, retries: [], heard: [] });

export const runState = (
  carried: Carried,
  gate: Gate,
  { steering, retry, gone }: { steering: Steering } & Pick<RunState, 'retry' | 'gone'>,
): RunState => ({
  carried: Object.assign(carried, { steering }),
  gate,
  retry,
  gone,
  sealing: false,
  recent: [],
  admitted: false,
  continuing: false,
});

export const isPaused = ({ carried }: RunState): boolean => carried.steering.pausedAt !== null;

/** True when everything has ended and nothing more will come. */
export const isOver = ({ admitted, carried }: RunState): boolean =>
  admitted &&
  carried.waiting.length === 0 &&
  carried.inFlight.length === 0 &&
  carried.steering.retries.length === 0 &&
  (carried.documentsAgain ?? []).length === 0;

/** Compiles the plan and reads the documents: the state that a run starts from. */
export async function firstState(input: PipelineInput, gate: Gate, blocked: Record<string, string>): Promise<Carried> {
  const startedAt = Date.now();
  const flow = await gate.pass(() => call('prepare', { summary: 'compile the plan' })(input));
  const { pages, documents } = await gate.pass(() =>
    call('read', { ...inTree(flow), summary: 'read the documents', seconds: 3600 })({ plan: flow.plan, run: flow.run }),
  );
  return {
    flow,
    pages,
    cursor: { page: 0, index: 0 },
    batch: 0,
    waiting: [],
    inFlight: [],
    manifestPages: 0,
    buffer: [],
    funnel: { ...emptyFunnel(), documentsTotal: documents },
    usage: {},
    startedAt,
    firstKeptAt: null,
    blocked,
  };
}

/** Takes an episode's report into the counts; a second report of the same episode is ignored. */
export function settle(state: RunState, { entry, titles }: EpisodeReport): void {
  const { carried } = state;
  // One that was taken up again may have been reported on before: that was another try.
  const flown = carried.inFlight.find(({ task }) => task.id === entry.id && (task.tries ?? 0) === (entry.tries ?? 0));
  if (flown === undefined) return;
  carried.inFlight.splice(carried.inFlight.indexOf(flown), 1);
  const { before } = flown.task;
  // What was there before a new try stands when that comes to nothing; what the try cost was spent.
  const lost = entry.record === null && before !== undefined;
  const stands = lost ? { ...before, usage: entry.usage, tries: entry.tries ?? 0 } : entry;
  tallyEntry(state, { ...stands, endedAt: Date.now() });
  for (const title of titles) say(state, `  kept: ${title}`);
  state.gone(flown.id);
}

/** Takes an entry into the counts and the next page. */
export function tallyEntry(state: RunState, entry: EpisodeEntry): void {
  const { carried } = state;
  const { funnel } = carried;
  funnel.episodes += 1;
  if (entry.reused) funnel.episodesReused += 1;
  // A run that began under an earlier version carries no such count.
  if (entry.recalled) funnel.attemptsRecalled = (funnel.attemptsRecalled ?? 0) + 1;
  count(funnel.outcomes, entry.outcome);
  for (const [reason, number] of Object.entries(entry.dropped)) count(funnel.dropped, reason, number);
  funnel.steps += entry.steps;
  funnel.windows += entry.windows;
  funnel.voted += entry.voted;
  funnel.kept += entry.kept;
  funnel.unreadable += entry.unreadable;
  chargeAll(carried.usage, entry.usage);
  if (entry.kept > 0 && carried.firstKeptAt === null) carried.firstKeptAt = Date.now();
  addFailures(funnel, failuresOf(entry), 1);
  carried.buffer.push(entry);
  noteFailures(state, 'interact', 'episodes', funnel.outcomes.failed ?? 0, funnel.episodes);
  say(state, `${entry.title}: ${entry.outcome}, ${entry.steps} actions, kept ${entry.kept} of ${entry.voted}`);
}

/** Takes an entry out of the counts again: its task is tried anew. What it cost stays spent. */
export function untallyEntry({ carried: { funnel } }: RunState, entry: EpisodeEntry): void {
  funnel.episodes -= 1;
  if (entry.reused) funnel.episodesReused -= 1;
  if (entry.recalled) funnel.attemptsRecalled -= 1;
  count(funnel.outcomes, entry.outcome, -1);
  if (funnel.outcomes[entry.outcome] === 0) delete funnel.outcomes[entry.outcome];
  for (const [reason, number] of Object.entries(entry.dropped)) {
    count(funnel.dropped, reason, -number);
    if (funnel.dropped[reason] === 0) delete funnel.dropped[reason];
  }
  for (const kind of ['steps', 'windows', 'voted', 'kept', 'unreadable'] as const) funnel[kind] -= entry[kind];
  addFailures(funnel, failuresOf(entry), -1);
  funnel.retried = (funnel.retried ?? 0) + 1;
}

export function addFailures(funnel: Funnel, failures: FailureCounts, sign: 1 | -1): void {
  if (Object.keys(failures).length === 0) return;
  const all: Record<string, number> = { ...funnel.failures };
  for (const [name, number] of Object.entries(failures)) count(all, name, sign * number);
  funnel.failures = Object.fromEntries(Object.entries(all).filter(([, number]) => number > 0));
}

/** Keeps a document that gave no tasks because something failed, for the list and for another try. */
export function noteDocument({ carried }: RunState, failed: FailedDocument): void {
  addFailures(carried.funnel, { [failed.class]: 1 }, 1);
  // Runs of earlier versions seal no such pages.
  if (!patched('failed-documents')) return;
  carried.failedDocuments ??= [];
  carried.failedDocuments.push(failed);
}

/** Marks the run as broken once the stage's rule over failed items says so. */
export function noteFailures(
  state: RunState,
  stage: 'instruct' | 'interact',
  what: string,
  failed: number,
  ended: number,
): void {
  const why = tooManyFailures(state.carried.flow.failures?.[stage], what, failed, ended);
  if (why !== undefined) state.broken ??= why;
}

export const say = (state: RunState, line: string): void => {
  state.recent.push(line);
  if (state.recent.length > 12) state.recent.shift();
};

/** Seals what was settled since the last page. Awaits nothing but its calls: the order of commands is part of every history. */
export async function recordPage(state: RunState): Promise<void> {
  const { carried } = state;
  const { run } = carried.flow;
  if (state.sealing) await condition(() => !state.sealing);
  state.sealing = true;
  try {
    while (carried.buffer.length > 0) {
      const entries = carried.buffer.slice(0, pageSize);
      const page = carried.manifestPages;
      const seal = call('record', { summary: `seal manifest page ${page + 1}: ${entries.length} episodes` });
      await state.gate.pass(() => seal({ run, page, entries }));
      carried.buffer.splice(0, entries.length);
      carried.manifestPages += 1;
    }
    for (let left = carried.failedDocuments ?? []; left.length > 0; left = carried.failedDocuments ?? []) {
      const documents = left.slice(0, pageSize);
      const page = carried.failedPages ?? 0;
      const seal = call('recordFailed', { summary: `seal a page of ${documents.length} documents that failed` });
      await state.gate.pass(() => seal({ run, page, documents }));
      carried.failedDocuments = (carried.failedDocuments ?? []).slice(documents.length);
      carried.failedPages = page + 1;
    }
  } finally {
    state.sealing = false;
  }
  upsertSearchAttributes([
    { key: keys.done, value: carried.funnel.episodes },
    { key: keys.kept, value: carried.funnel.kept },
  ]);
}

/** True once enough episodes have ended for a page. */
export const pageIsFull = ({ carried }: RunState): boolean => carried.buffer.length >= pageSize;

/** Tells both lanes to stop at a safe place when the history has grown so long that the run should continue as new. */
export function watchHistory(state: RunState): void {
  if (historyIsLong(state.carried.flow.timing.historyEvents)) state.continuing = true;
}
