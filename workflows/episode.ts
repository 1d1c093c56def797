/** The life of one task: interact → construct → filter. Its history is its biography. */

import { defineSearchAttributeKey } from '@temporalio/common';
import {
  CancellationScope,
  defineSignal,
  getExternalWorkflowHandle,
  isCancellation,
  log,
  setCurrentDetails,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { emptyEntry } from '../core/episode-entry.ts';
import type { EpisodeDraft } from '../schemas/episode.ts';
import type { EpisodeEntry, EpisodeInput } from '../schemas/flow.ts';
import { searchAttributes } from '../schemas/search-attributes.ts';
import { bounded, call, failureMessage } from './call.ts';
import { construct, type Harvest } from './construct.ts';
import { type Gate, openGate } from './gate.ts';
import { interact, type Ledger, type Walk } from './interact.ts';
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
    const walk = await held(session, async () => {
      const walked = await interact(flow, task, session, gate, ledger);
      return flow.interact.verify === true ? { ...walked, verification: await session.evaluate(walked.head) } : walked;
    });
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

async function conclude(
  { flow, task }: EpisodeInput,
  walk: Walk,
  harvest: Harvest,
  { session, gate, ledger }: { session: EpisodeSession; gate: Gate; ledger: Ledger },
): Promise<string> {
  const { outcome, detail, head } = walk;
  const steps = walk.facts.length;
  const seal = call('seal', { summary: `the trajectory: ${steps} actions, ${outcome}` });
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
    finish: walk.finish,
    usage: walk.usage,
  };
  const trajectory = await gate.pass(() => seal(sealed));
  const record: EpisodeDraft = {
    task: task.ref,
    trajectory,
    outcome,
    detail,
    steps,
    windows: harvest.windows,
    dropped: harvest.dropped,
    candidates: harvest.candidates,
    usage: ledger.usage,
  };
  const keep = call('conclude', {
    summary: `${harvest.voted} examples judged, ${harvest.kept} accepted`,
  });
  return gate.pass(() => keep({ plan: flow.plan, record }));
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
