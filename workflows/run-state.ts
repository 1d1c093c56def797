/** The state of a run: what its workflow knows, counts, shows, and carries over continue-as-new. */

import { defineSearchAttributeKey } from '@temporalio/common';
import { setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import { tooManyFailures } from '../core/failure-rate.ts';
import { chargeAll, count } from '../core/usage.ts';
import type { Carried, DatasetSummary, EpisodeEntry, Funnel, Phase, PipelineInput } from '../schemas/flow.ts';
import { searchAttributes } from '../schemas/search-attributes.ts';
import { upsertSearchAttributes } from './attributes.ts';
import { call } from './call.ts';
import type { Gate } from './gate.ts';

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
  carried: Carried;
  gate: Gate;
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

export const runState = (carried: Carried, gate: Gate): RunState => ({
  carried,
  gate,
  recent: [],
  admitted: false,
  continuing: false,
});

/** Compiles the plan and reads the documents: the state that a run starts from. */
export async function firstState(input: PipelineInput, gate: Gate, blocked: Record<string, string>): Promise<Carried> {
  const startedAt = Date.now();
  const flow = await gate.pass(() => call('prepare', { summary: 'compile the plan' })(input));
  const { pages, documents } = await gate.pass(() =>
    call('read', { summary: 'read the documents', seconds: 3600 })({ plan: flow.plan, run: flow.run }),
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
  const flown = carried.inFlight.find(({ task }) => task.id === entry.id);
  if (flown === undefined) return;
  carried.inFlight.splice(carried.inFlight.indexOf(flown), 1);
  delete carried.blocked[flown.id];
  tallyEntry(state, entry);
  for (const title of titles) say(state, `  kept: ${title}`);
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
  carried.buffer.push(entry);
  noteFailures(state, 'interact', 'episodes', funnel.outcomes.failed ?? 0, funnel.episodes);
  say(state, `${entry.title}: ${entry.outcome}, ${entry.steps} actions, kept ${entry.kept} of ${entry.voted}`);
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

/** Seals what was settled since the last page. */
export async function recordPage(state: RunState): Promise<void> {
  const { carried } = state;
  while (carried.buffer.length > 0) {
    const entries = carried.buffer.slice(0, pageSize);
    const page = carried.manifestPages;
    const seal = call('record', { summary: `seal manifest page ${page + 1}: ${entries.length} episodes` });
    await state.gate.pass(() => seal({ run: carried.flow.run, page, entries }));
    carried.buffer.splice(0, entries.length);
    carried.manifestPages += 1;
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
  const { continueAsNewSuggested, historyLength } = workflowInfo();
  const bound = state.carried.flow.timing.historyEvents;
  if (continueAsNewSuggested || (bound !== null && historyLength >= bound)) state.continuing = true;
}

const dollars = (usd: number): string => `$${usd.toFixed(2)}`;

/** The run as the Temporal UI shows it: the funnel, the cost, what is blocked. */
export function runDetails(state: RunState, phase: Phase, dataset: DatasetSummary | null): void {
  const { funnel, usage, flow, inFlight, waiting, blocked } = state.carried;
  const spent = Object.entries(usage).map(
    ([account, used]) =>
      `| ${account} | ${used.calls} | ${used.input} | ${used.cached} | ${used.output} | ${dollars(used.usd)} |`,
  );
  const lines = [
    `**${flow.pipeline}** · run ${flow.run} · ${phase}`,
    '',
    `| documents | tasks | episodes | windows | judged | accepted |`,
    `|---|---|---|---|---|---|`,
    `| ${funnel.documents} of ${funnel.documentsTotal} | ${funnel.tasks} (${funnel.taskDuplicates} duplicates dropped) | ${funnel.episodes} done, ${inFlight.length} in flight, ${waiting.length} waiting | ${funnel.windows} | ${funnel.voted} | **${funnel.kept}** |`,
    '',
    `| model calls | calls | input | cached | output | cost |`,
    `|---|---|---|---|---|---|`,
    ...spent,
    '',
    ...Object.entries(funnel.dropped).map(([reason, number]) => `- dropped before the vote: ${number} × ${reason}`),
    ...Object.entries(blocked).map(
      ([id, on]) => `- **blocked** \`${id}\`: ${on} (mend it, then \`lbi resume ${flow.run}\`)`,
    ),
    ...(dataset === null ? [] : ['', `dataset: ${dataset.kept} examples in \`${dataset.folder ?? dataset.rows}\``]),
    '',
    ...state.recent.map((line) => `    ${line}`),
  ];
  setCurrentDetails(lines.join('\n'));
}
