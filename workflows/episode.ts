/** The life of one task: interact → construct → filter. Its history is its biography. */

import { defineSearchAttributeKey } from '@temporalio/common';
import {
  CancellationScope,
  defineSignal,
  getExternalWorkflowHandle,
  isCancellation,
  log,
  patched,
  setCurrentDetails,
  workflowInfo,
} from '@temporalio/workflow';
import { emptyEntry } from '../core/episode-entry.ts';
import type { Ref } from '../schemas/common.ts';
import type { EpisodeDraft } from '../schemas/episode.ts';
import type { EpisodeEntry, EpisodeInput } from '../schemas/flow.ts';
import { searchAttributes } from '../schemas/search-attributes.ts';
import { upsertSearchAttributes } from './attributes.ts';
import { bounded, call, failureMessage } from './call.ts';
import { construct, type Harvest } from './construct.ts';
import { type Gate, openGate } from './gate.ts';
import { interact, type Ledger, recallWalk, type Walk } from './interact.ts';
import { type EpisodeSession, episodeSession } from './session.ts';

export const episodeDone = defineSignal<[{ entry: EpisodeEntry; titles: string[] }]>('episodeDone');
export const episodeBlocked = defineSignal<[{ id: string; blockedOn: string | null }]>('episodeBlocked');

const keys = {
  stage: defineSearchAttributeKey(searchAttributes.stage, 'KEYWORD'),
  outcome: defineSearchAttributeKey(searchAttributes.outcome, 'KEYWORD'),
  kept: defineSearchAttributeKey(searchAttributes.kept, 'INT'),
};

export async function episode(input: EpisodeInput): Promise<EpisodeEntry> {
  const { flow, task } = input;
  const run = getExternalWorkflowHandle(input.parent);
  const id = workflowInfo().workflowId;
  const gate = openGate((blockedOn) => heard(() => run.signal(episodeBlocked, { id, blockedOn })));
  const ledger: Ledger = { usage: {} };
  const session = episodeSession(flow, task, gate);
  const report: { entry: EpisodeEntry; titles: string[] } = {
    entry: emptyEntry(input.task, 'not finished'),
    titles: [],
  };
  const tell = (stage: string, lines: string[]): void =>
    setCurrentDetails([`**${task.title}**`, '', `stage: ${stage}`, ...lines].join('\n'));
  try {
    tell('interact', []);
    const walk =
      task.attempt === undefined
        ? await held(session, () => walkAndVerify(input, session, gate, ledger))
        : await recallWalk(task.attempt);
    // Sealed before anything is made of it: what fails later then loses no step.
    if (walk.trajectory === undefined && patched('sealed-first'))
      walk.trajectory = await seal(input, walk, session, gate);
    tell('construct and filter', [`trajectory: ${walk.facts.length} actions, ${walk.outcome} (${walk.detail})`]);
    upsertSearchAttributes([
      { key: keys.stage, value: 'construct' },
      { key: keys.outcome, value: walk.outcome },
    ]);
    const harvest = await construct(flow, task, walk, gate, ledger);
    report.titles = harvest.titles;
    report.entry = {
      ...summarise(input, walk, harvest, ledger),
      record: await conclude(input, walk, harvest, { session, gate, ledger }),
      recalled: task.attempt !== undefined,
    };
    upsertSearchAttributes([
      { key: keys.stage, value: 'done' },
      { key: keys.kept, value: harvest.kept },
    ]);
    tell('done', details(walk, harvest));
    return report.entry;
  } catch (error) {
    const detail = isCancellation(error) ? 'cancelled' : failureMessage(error);
    report.entry = { ...report.entry, detail, usage: ledger.usage };
    throw bounded(error);
  } finally {
    await CancellationScope.nonCancellable(() => heard(() => run.signal(episodeDone, report)));
  }
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
async function walkAndVerify(
  { flow, task }: EpisodeInput,
  session: EpisodeSession,
  gate: Gate,
  ledger: Ledger,
): Promise<Walk> {
  const walk = await interact(flow, task, session, gate, ledger);
  return flow.interact.verify === true ? { ...walk, verification: await session.evaluate(walk.head) } : walk;
}

/** Holds the session for the work and closes it whatever happens. */
async function held(session: EpisodeSession, work: () => Promise<Walk>): Promise<Walk> {
  try {
    return await work();
  } finally {
    await session.close();
  }
}

const summarise = (input: EpisodeInput, walk: Walk, harvest: Harvest, ledger: Ledger): EpisodeEntry => ({
  ...emptyEntry(input.task, ''),
  outcome: walk.outcome,
  detail: walk.detail,
  steps: walk.facts.length,
  windows: harvest.windows,
  voted: harvest.voted,
  kept: harvest.kept,
  unreadable: walk.unreadable + harvest.unreadable,
  dropped: harvest.dropped,
  usage: ledger.usage,
});

/** Seals the trajectory under its identity. */
async function seal({ flow, task }: EpisodeInput, walk: Walk, session: EpisodeSession, gate: Gate): Promise<Ref> {
  const { outcome, detail, head, finish, usage } = walk;
  const steps = walk.facts.length;
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
      ...scored(walk),
    },
    finish,
    usage,
  };
  const work = call('seal', { summary: `the trajectory: ${steps} actions, ${outcome}` });
  return gate.pass(() => work(sealed));
}

async function conclude(
  input: EpisodeInput,
  walk: Walk,
  harvest: Harvest,
  { session, gate, ledger }: { session: EpisodeSession; gate: Gate; ledger: Ledger },
): Promise<string> {
  const { outcome, detail } = walk;
  const record: EpisodeDraft = {
    task: input.task.ref,
    trajectory: walk.trajectory ?? (await seal(input, walk, session, gate)),
    outcome,
    detail,
    steps: walk.facts.length,
    windows: harvest.windows,
    dropped: harvest.dropped,
    candidates: harvest.candidates,
    usage: ledger.usage,
  };
  const keep = call('conclude', {
    summary: `${harvest.voted} examples judged, ${harvest.kept} accepted`,
  });
  return gate.pass(() => keep({ plan: input.flow.plan, record }));
}

/** Of a place that verifies: the score, or why there is none. */
const scored = ({ verification }: Walk): { score?: number; scoreDetail?: string } =>
  verification === undefined
    ? {}
    : {
        ...(verification.score === null ? {} : { score: verification.score }),
        scoreDetail: verification.detail,
      };

const details = (walk: Walk, harvest: Harvest): string[] => [
  `trajectory: ${walk.facts.length} actions, ${walk.outcome} (${walk.detail})`,
  `windows: ${harvest.windows}; examples judged: ${harvest.voted}; accepted by the committee: **${harvest.kept}**`,
  ...Object.entries(harvest.dropped).map(([reason, number]) => `dropped before the vote: ${number} × ${reason}`),
  '',
  ...harvest.titles.map((title) => `- ${title}`),
];
