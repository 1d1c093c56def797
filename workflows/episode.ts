/** The life of one task: interact → construct → filter. Its history is its biography. */

import { defineSearchAttributeKey } from '@temporalio/common';
import {
  CancellationScope,
  continueAsNew,
  defineSignal,
  getExternalWorkflowHandle,
  isCancellation,
  log,
  patched,
  setCurrentDetails,
  workflowInfo,
} from '@temporalio/workflow';
import { emptyEntry } from '../core/episode-entry.ts';
import { shortfallOf, unreadableInstruction } from '../core/failure-class.ts';
import { walkSoFar } from '../core/walk.ts';
import type { Ref } from '../schemas/common.ts';
import type { EpisodeDraft } from '../schemas/episode.ts';
import type { EpisodeCarried, EpisodeEntry, EpisodeInput, Flow, TaskEntry } from '../schemas/flow.ts';
import { searchAttributes } from '../schemas/search-attributes.ts';
import { upsertSearchAttributes } from './attributes.ts';
import { book } from './book.ts';
import { bounded, failureKind, failureMessage } from './call.ts';
import { construct, type Harvest } from './construct.ts';
import { moment } from './details.ts';
import { type Gate, openGate } from './gate.ts';
import { historyIsLong } from './history.ts';
import { interact, type Ledger, recallWalk, type Walk } from './interact.ts';
import { type EpisodeSession, episodeSession } from './session.ts';

export const episodeDone = defineSignal<[{ entry: EpisodeEntry; titles: string[] }]>('episodeDone');
/** What an episode waits for, or null; `passed` is a reason that it has found to be gone. */
export const episodeBlocked =
  defineSignal<[{ id: string; blockedOn: string | null; passed?: string }]>('episodeBlocked');

const keys = {
  stage: defineSearchAttributeKey(searchAttributes.stage, 'KEYWORD'),
  outcome: defineSearchAttributeKey(searchAttributes.outcome, 'KEYWORD'),
  kept: defineSearchAttributeKey(searchAttributes.kept, 'INT'),
};

export async function episode(input: EpisodeInput): Promise<EpisodeEntry> {
  const lived = await live(input);
  if ('entry' in lived) return lived.entry;
  const { paused: _before, ...same } = input;
  return continueAsNew<typeof episode>({ ...same, ...lived });
}

interface Report {
  entry: EpisodeEntry;
  titles: string[];
}

/** Lives until the episode is over and its run has heard of it, or until its history is long enough to go on in another. */
async function live(
  input: EpisodeInput,
): Promise<{ entry: EpisodeEntry } | (Required<Pick<EpisodeInput, 'carried'>> & Pick<EpisodeInput, 'paused'>)> {
  const { flow, task, carried } = input;
  const run = getExternalWorkflowHandle(input.parent);
  const id = workflowInfo().workflowId;
  const shown: Shown = { title: task.title, stage: 'interact', lines: [], waits: null };
  const gate = openGate({
    pauses: true,
    paused: input.paused === true,
    told: (blockedOn, passed) => {
      show(Object.assign(shown, { waits: blockedOn === null ? null : { on: blockedOn, since: Date.now() } }));
      return heard(() => run.signal(episodeBlocked, { id, blockedOn, ...(passed === undefined ? {} : { passed }) }));
    },
  });
  const ledger: Ledger = { usage: carried?.usage ?? {} };
  const parts: Parts = {
    gate,
    ledger,
    session: episodeSession(flow, task, gate, carried?.session),
    tell: (stage, lines) => show(Object.assign(shown, { stage, lines })),
  };
  const report: Report = { entry: emptyEntry(input.task, 'not finished'), titles: [] };
  let goesOn = false;
  try {
    const walk = await walkOf(input, parts);
    const next = walk.paused === true ? { walk: walkSoFar(walk, flow.interact.stuckAfter) } : undefined;
    const stopped = next ?? (await harvestOf(input, walk, parts, report));
    if (stopped === undefined) return { entry: report.entry };
    if (next === undefined) await parts.session.close();
    goesOn = true;
    const goingOn = { usage: ledger.usage, session: parts.session.carried(), ...stopped };
    return { carried: goingOn, ...(gate.standing() ? { paused: true } : {}) };
  } catch (error) {
    const detail = isCancellation(error) ? 'cancelled' : failureMessage(error);
    const kind = isCancellation(error) ? 'cancelled' : (failureKind(error) ?? 'unexpected');
    report.entry = { ...report.entry, detail, kind, usage: ledger.usage };
    parts.tell(kind === 'cancelled' ? 'cancelled' : 'failed', [...shown.lines, '', `**${kind}**: ${detail}`]);
    throw bounded(error);
  } finally {
    if (!goesOn) {
      await CancellationScope.nonCancellable(() => heard(() => run.signal(episodeDone, report)));
      // Reported already: what a session leaves when it cannot be closed is reaped when a worker starts.
      await parts.session.close().catch((error: unknown) => log.warn('the session could not be closed', { error }));
    }
  }
}

/** What the Temporal UI shows of an episode. */
interface Shown {
  title: string;
  stage: string;
  lines: string[];
  waits: { on: string; since: number } | null;
}

function show({ title, stage, lines, waits }: Shown): void {
  const blocked = waits === null ? [] : ['', `**blocked** since ${moment(waits.since)}: ${waits.on}`];
  setCurrentDetails([`**${title}**`, '', `stage: ${stage}`, ...lines, ...blocked].join('\n'));
}

interface Parts {
  gate: Gate;
  ledger: Ledger;
  session: EpisodeSession;
  /** Says what the Temporal UI shows. */
  tell(stage: string, lines: string[]): void;
}

/** The walk of the task: made now, gone on with, or made by an earlier run. It is sealed unless it goes on elsewhere. */
async function walkOf(input: EpisodeInput, parts: Parts): Promise<Walk> {
  const { task, carried } = input;
  if (carried?.construct !== undefined) {
    const { trajectory, unreadable } = carried.construct;
    return { ...(await recallWalk(input.flow, trajectory)), unreadable };
  }
  parts.tell('interact', []);
  if (task.attempt !== undefined) return recallWalk(input.flow, task.attempt);
  const walk = await held(input.flow, parts.session, () => walkAndVerify(input, parts));
  // Sealed before anything is made of it: what fails later then loses no step.
  if (walk.paused !== true && (input.flow.local === true || patched('sealed-first')))
    walk.trajectory = await seal(input, walk, parts);
  if (walk.trajectory === undefined || walk.whole) return walk;
  const { facts } = await recallWalk(input.flow, walk.trajectory);
  return { ...walk, facts, whole: true };
}

/** What is made of the walk, into the report; or where it stopped, to go on elsewhere. */
async function harvestOf(
  input: EpisodeInput,
  walk: Walk,
  parts: Parts,
  report: Report,
): Promise<Pick<EpisodeCarried, 'construct'> | undefined> {
  const { flow, task, carried } = input;
  parts.tell('construct and filter', [`trajectory: ${walk.steps} actions, ${walk.outcome} (${walk.detail})`]);
  const outcome = { key: keys.outcome, value: walk.outcome };
  // Each change of attributes is an event and a row: where nothing is made of the trajectory, the last one tells all.
  const atOnce = flow.local === true && flow.construct === null;
  if (!atOnce) upsertSearchAttributes([{ key: keys.stage, value: 'construct' }, outcome]);
  const { harvest: earlier = null, done = 0 } = carried?.construct ?? {};
  const { trajectory, unreadable } = walk;
  const pause = (): boolean => trajectory !== undefined && goesOnElsewhere(flow);
  const part = { harvest: earlier, done, pause };
  const { harvest, stoppedAt } = await construct(flow, task, walk, parts.gate, parts.ledger, part);
  if (trajectory !== undefined && stoppedAt !== undefined)
    return { construct: { trajectory, unreadable, done: stoppedAt, harvest } };
  report.titles = harvest.titles;
  report.entry = {
    ...summarise(input, walk, harvest, parts.ledger),
    record: await conclude(input, walk, harvest, parts),
    recalled: task.attempt !== undefined,
  };
  upsertSearchAttributes([
    { key: keys.stage, value: 'done' },
    { key: keys.kept, value: harvest.kept },
    ...(atOnce ? [outcome] : []),
  ]);
  parts.tell('done', details(walk, harvest));
  return undefined;
}

/** An episode outlives a run that was terminated: then nobody hears it. */
async function heard(signal: () => Promise<void>): Promise<void> {
  try {
    await signal();
  } catch (error) {
    log.warn('the run of this episode is gone; the record is in the store', { error });
  }
}

/** The walk, and what the place says of its end where the pipeline asks. */
async function walkAndVerify({ flow, task, carried }: EpisodeInput, { session, gate, ledger }: Parts): Promise<Walk> {
  const pause = (): boolean => goesOnElsewhere(flow);
  const walk = await interact(flow, task, { session, gate, ledger, pause }, carried?.walk);
  if (walk.paused === true || flow.interact.verify !== true) return walk;
  return { ...walk, verification: await session.evaluate(walk.head) };
}

/**
 * Holds the session for the work and closes it whatever happens, unless the walk goes on elsewhere; the work that needs it no more
 * does not wait for that.
 */
async function held(flow: Flow, session: EpisodeSession, work: () => Promise<Walk>): Promise<Walk> {
  let paused = false;
  try {
    const walk = await work();
    paused = walk.paused === true;
    return walk;
  } finally {
    if (!paused) {
      const closing = session.close();
      if (flow.local !== true) await closing;
      closing.catch(() => undefined);
    }
  }
}

/** True when the history is so long that the episode should go on in another. A cancellation does not reach that one: it is heeded here. */
const goesOnElsewhere = ({ timing }: Flow): boolean =>
  historyIsLong(timing.historyEvents) &&
  !CancellationScope.current().consideredCancelled &&
  patched('episodes-continue');

const summarise = (input: EpisodeInput, walk: Walk, harvest: Harvest, ledger: Ledger): EpisodeEntry => ({
  ...emptyEntry(input.task, ''),
  outcome: walk.outcome,
  detail: walk.detail,
  steps: walk.steps,
  windows: harvest.windows,
  voted: harvest.voted,
  kept: harvest.kept,
  unreadable: walk.unreadable + harvest.unreadable,
  dropped: harvest.dropped,
  usage: ledger.usage,
  ...failuresIn(walk, harvest),
});

/** What failed in an episode that has a record; nothing is said where nothing did. */
function failuresIn({ outcome }: Walk, { dropped, candidates, unreadable }: Harvest): Pick<EpisodeEntry, 'failures'> {
  const votes = unreadable - (dropped[unreadableInstruction] ?? 0);
  const failures = shortfallOf({ outcome, dropped, candidates }, undefined, Math.max(0, votes));
  return Object.keys(failures).length === 0 ? {} : { failures };
}

/** Seals the trajectory under its identity. */
async function seal({ flow, task }: EpisodeInput, walk: Walk, { session, gate }: Parts): Promise<Ref> {
  const { outcome, detail, head, finish, usage, steps, diverged } = walk;
  const sealed = {
    plan: flow.plan,
    trajectory: {
      task: task.ref,
      environment: flow.interact.environment,
      head,
      steps,
      outcome,
      detail,
      recovered: session.recovered(),
      ...(diverged.length === 0 ? {} : { diverged }),
      ...scored(walk),
    },
    finish,
    usage,
    ...againOf(task),
  };
  const work = book(flow, 'seal', `the trajectory: ${steps} actions, ${outcome}`);
  return gate.pass(() => work(sealed));
}

async function conclude(input: EpisodeInput, walk: Walk, harvest: Harvest, parts: Parts): Promise<string> {
  const { outcome, detail } = walk;
  const record: EpisodeDraft = {
    task: input.task.ref,
    trajectory: walk.trajectory ?? (await seal(input, walk, parts)),
    outcome,
    detail,
    steps: walk.steps,
    windows: harvest.windows,
    dropped: harvest.dropped,
    candidates: harvest.candidates,
    usage: parts.ledger.usage,
  };
  const keep = book(input.flow, 'conclude', `${harvest.voted} examples judged, ${harvest.kept} accepted`);
  return parts.gate.pass(() => keep({ plan: input.flow.plan, record, ...againOf(input.task) }));
}

/** Left out of inputs, and so of identities, where nothing is made anew. */
const againOf = ({ again = 0 }: TaskEntry): { again?: number } => (again > 0 ? { again } : {});

/** Of a place that verifies: the score, or why there is none. */
const scored = ({ verification }: Walk): { score?: number; scoreDetail?: string } =>
  verification === undefined
    ? {}
    : {
        ...(verification.score === null ? {} : { score: verification.score }),
        scoreDetail: verification.detail,
      };

const details = (walk: Walk, harvest: Harvest): string[] => [
  `trajectory: ${walk.steps} actions, ${walk.outcome} (${walk.detail})`,
  `windows: ${harvest.windows}; examples judged: ${harvest.voted}; accepted by the committee: **${harvest.kept}**`,
  ...Object.entries(harvest.dropped).map(([reason, number]) => `dropped before the vote: ${number} × ${reason}`),
  '',
  ...harvest.titles.map((title) => `- ${title}`),
];
