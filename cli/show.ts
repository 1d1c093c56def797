/** `lbi show`: a run's funnel, its examples with votes, or one of its trajectories step by step. */

import { readTrajectory } from '../activities/chain.ts';
import { readJudged } from '../activities/judged.ts';
import { readLedger } from '../activities/ledger.ts';
import { notesOf } from '../activities/read.ts';
import { sealedEpisodes } from '../activities/record.ts';
import { describeAction } from '../core/describe.ts';
import { LbiError } from '../core/errors.ts';
import type { CountedVote } from '../core/recount.ts';
import type { Absence, Episode } from '../schemas/episode.ts';
import type { EpisodeEntry, Progress } from '../schemas/flow.ts';
import type { Trajectory } from '../schemas/step.ts';
import type { Task } from '../schemas/task.ts';
import type { Vote } from '../schemas/vote.ts';
import { getJson } from '../store/json.ts';
import type { Store } from '../store/store.ts';
import { openStore } from '../store/stores.ts';
import { withClient } from './connection.ts';
import { homeFolder, program, storeUrl } from './home.ts';
import { openLeases } from './leases.ts';
import { paint, waitLines } from './progress.ts';
import { ledgerLines, reportLines } from './report.ts';
import { findRun, type RunRecord, runSummary } from './runs.ts';

export interface ShowOptions {
  json?: boolean;
  examples?: boolean;
  dropped?: boolean;
}

const print = (lines: string[]): void => void process.stdout.write(`${lines.join('\n')}\n`);

export async function showCommand(run: string, trajectory: string | undefined, options: ShowOptions): Promise<number> {
  const store = await openStore(storeUrl());
  const record = await findRun(store, run);
  if (trajectory !== undefined) return showTrajectory(store, record, trajectory, options);
  if (options.examples === true || options.dropped === true) return showExamples(store, record, options);
  const progress = (await runSummary(store, record.run)) ?? (await liveProgress(record));
  const lost = 'failed' in progress && progress.failed === true;
  const ledger = await readLedger(store, record.run, lost || progress.endedAt !== null, Date.now());
  if (options.json === true) process.stdout.write(`${JSON.stringify({ ...record, ...progress, ledger })}\n`);
  else {
    print([...reportLines(record, progress), ...ledgerLines(ledger, progress)]);
    const waits = waitLines(progress, progress.endedAt ?? Date.now());
    const blocked = waits.map((line) => paint('yellow', `  ! ${line}`));
    print([
      ...blocked,
      ...(progress.dataset === null ? await leasesOfRun(record) : []),
      '',
      ...(progress.dataset === null
        ? [
            lost ? `  it failed; why    ${program} attach ${record.run}` : `  watch    ${program} attach ${record.run}`,
            ...(blocked.length > 0 ? [`  mend it, then  ${program} resume ${record.run}`] : []),
          ]
        : [
            `  kept     ${program} show ${record.run} --examples`,
            `  dropped  ${program} show ${record.run} --dropped`,
          ]),
      ...(await taskLines(store, record)),
      ...(await leftOutLines(store, record)),
    ]);
  }
  return 0;
}

/** Asks the workflow itself, for a run that has not ended. */
async function liveProgress(record: RunRecord): Promise<Progress & { failed: boolean }> {
  try {
    return await withClient(homeFolder(), async (client) => {
      const handle = client.workflow.getHandle(record.workflowId);
      const { status } = await handle.describe();
      return { ...(await handle.query<Progress>('progress')), failed: status.name !== 'RUNNING' };
    });
  } catch (cause) {
    throw new LbiError(
      'operator',
      `${record.run} has no summary yet, and its workflow does not answer: ${program} up, then ${program} attach ${record.run}`,
      { cause },
    );
  }
}

/** Which leases the episodes of the run wait for, and who holds them; nothing where nobody can be asked. */
async function leasesOfRun({ workflowId }: RunRecord): Promise<string[]> {
  const states = await withClient(homeFolder(), openLeases).catch(() => []);
  return states.flatMap(({ name, waiting, holders }) => {
    const mine = waiting.filter(({ holder }) => holder.startsWith(`${workflowId}/`)).length;
    const held = holders.map(({ holder, since }) => `${holder} since ${new Date(since).toISOString().slice(0, 19)}Z`);
    return mine === 0 ? [] : [`  ${mine} wait for the lease ${name}, held by ${held.join(', ') || 'nobody'}`];
  });
}

async function entries(store: Store, record: RunRecord): Promise<EpisodeEntry[]> {
  const pages = await store.list(`runs/${record.run}/episodes/`);
  const all: EpisodeEntry[] = [];
  for await (const entry of sealedEpisodes({ store }, record.run, pages.length)) all.push(entry);
  return all;
}

/** Pages, files and documents that were not read, by the reason. */
async function leftOutLines(store: Store, { run }: RunRecord): Promise<string[]> {
  const { notes, more } = await notesOf(store, run);
  if (notes.length === 0) return [];
  const shown = notes.slice(0, 10).map(({ what, why }) => `  ${what}  ${paint('dim', why)}`);
  const rest = notes.length + more - shown.length;
  return ['', 'not read, and why', ...shown, ...(rest > 0 ? [`  … and ${rest} more`] : [])];
}

async function taskLines(store: Store, record: RunRecord): Promise<string[]> {
  const all = await entries(store, record);
  if (all.length === 0) return [];
  const lines = all
    .slice(0, 30)
    .flatMap(({ id, outcome, detail, steps, kept, title }) => [
      `  ${id.padEnd(34)} ${outcome.padEnd(10)} ${String(steps).padStart(2)} actions  kept ${String(kept).padStart(2)}  ${paint('dim', title)}`,
      ...(outcome === 'failed' ? [paint('red', `      ${detail}`)] : []),
    ]);
  const more = all.length > 30 ? [`  … ${all.length - 30} more: ${program} show ${record.run} --json`] : [];
  return ['', `  trajectories (${program} show ${record.run} TASK)`, ...lines, ...more];
}

async function showExamples(store: Store, record: RunRecord, options: ShowOptions): Promise<number> {
  const all = await readJudged(store, record.run);
  if (all === undefined)
    throw new LbiError('spec', `${record.run} has not tallied its votes yet: ${program} attach ${record.run}`);
  const judged = all.filter(({ kept }) => kept !== (options.dropped === true));
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify(judged)}\n`);
    return 0;
  }
  for (const { example, instruction, style, task, actions, votes, absent, kept, reason } of judged) {
    const ballots = await Promise.all(votes.map(async (vote) => voteLine(vote, await getJson<Vote>(store, vote.vote))));
    print([
      paint(kept ? 'green' : 'red', `${kept ? '✔' : '✘'} ${instruction.replaceAll(/\s+/g, ' ')}`),
      `    ${example.slice(0, 12)}  ${style}, from ${task}${kept ? '' : `; ${reason}`}`,
      ...actions.map((action) => `    ${action}`),
      ...[...ballots, ...(absent ?? []).map(absenceLine)].map((line) => paint('dim', `    ${line}`)),
      '',
    ]);
  }
  print([
    `${judged.length} ${options.dropped === true ? 'dropped' : 'kept'}`,
    ...(judged[0] === undefined
      ? []
      : ['', `  where one comes from  ${program} explain ${record.run}/${judged[0].example.slice(0, 12)}`]),
  ]);
  return 0;
}

/** How a vote counts under the rule of the run, and what it rests on. */
function voteLine({ member, yes, confidence }: CountedVote, { criteria, parsed }: Vote): string {
  if (!parsed) return `${member}: reply could not be read`;
  const answers = Object.entries(criteria).map(
    ([name, { yes: answer, probability }]) =>
      `${name} ${answer ? 'yes' : 'no'}${probability === undefined ? '' : ` ${probability.toFixed(2)}`}`,
  );
  const reason = Object.values(criteria).find((answer) => answer.reason !== '' && answer.yes === yes)?.reason ?? '';
  return `${member}: ${yes ? 'yes' : 'no'}${confidence === undefined ? '' : ` (${confidence.toFixed(2)})`} · ${answers.join(', ')}${reason === '' ? '' : ` · ${reason}`}`;
}

const absenceLine = ({ member, why, detail }: Absence): string =>
  why === 'failed'
    ? `${member}: failed, the verdict is without it · ${detail}`
    : `${member}: not asked, the verdict stood`;

async function showTrajectory(store: Store, record: RunRecord, text: string, options: ShowOptions): Promise<number> {
  const all = await entries(store, record);
  const entry = all.find(({ id }) => id === text) ?? all.find(({ id }) => id.includes(text));
  if (entry === undefined)
    throw new LbiError(
      'spec',
      `${record.run} has no finished task "${text}"; it has ${
        all
          .slice(0, 8)
          .map(({ id }) => id)
          .join(', ') || 'none yet'
      }`,
    );
  if (entry.record === null) throw new LbiError('spec', `${entry.id} has no trajectory: ${entry.detail}`);
  const episode = await getJson<Episode>(store, entry.record);
  const trajectory = episode.trajectory === null ? undefined : await getJson<Trajectory>(store, episode.trajectory);
  const chain = trajectory === undefined ? [] : await readTrajectory(store, trajectory.head);
  const task = await getJson<Task>(store, entry.task);
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify({ task, episode, trajectory, chain })}\n`);
    return 0;
  }
  print([
    paint('bold', task.instruction),
    `task ${task.id}${task.documentId === null ? '' : `, from ${task.documentId}`}`,
    '',
  ]);
  for (const { index, reason, action, observation, error } of chain) {
    if (action !== null)
      print([
        paint('cyan', `${index}. ${describeAction(action)}`),
        ...(reason === '' ? [] : [paint('dim', `   because: ${reason}`)]),
      ]);
    if (error !== undefined) print([paint('red', `   failed: ${error.message}`)]);
    print([
      observation.text
        .split('\n')
        .map((line) => `   ${line}`)
        .join('\n'),
      '',
    ]);
  }
  print([
    `${episode.outcome}: ${episode.detail}${trajectory?.answer === undefined ? '' : ` · answer: ${trajectory.answer}`}`,
    ...scoreLines(trajectory),
    ...recoveryLines(trajectory),
    `windows ${episode.windows}, judged ${episode.candidates.length}, accepted ${entry.kept}`,
  ]);
  return 0;
}

/** What the session went through that the steps above do not show. */
function recoveryLines(trajectory: Trajectory | undefined): string[] {
  const { recovered = 0, diverged = [] } = trajectory ?? {};
  if (recovered === 0) return [];
  const anew = diverged.map((step) =>
    step === 0 ? 'its first observation was another' : `the place answered otherwise after action ${step}`,
  );
  return [
    `the session was lost and opened again ${recovered === 1 ? 'once' : `${recovered} times`}${anew.length === 0 ? '; every replayed action led to the same state' : `; begun anew because ${anew.join(', then ')}`}`,
  ];
}

function scoreLines(trajectory: Trajectory | undefined): string[] {
  if (trajectory?.scoreDetail === undefined) return [];
  const { score, scoreDetail } = trajectory;
  const said = scoreDetail === '' ? '' : ` (${scoreDetail.replaceAll(/\s+/g, ' ')})`;
  return [score === undefined ? `not verified${said}` : `score ${score}${said}`];
}
