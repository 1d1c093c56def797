/** `lbi pause`, `tune`, `resume`, `cancel`: steering a run that is going on. Each may be said twice. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, WorkflowHandle } from '@temporalio/client';
import type { BudgetChange, LaneChange, Progress } from '../schemas/flow.ts';
import { openStore } from '../store/stores.ts';
import { withClient } from './connection.ts';
import { homeFolder, program, storeUrl } from './home.ts';
import { duration } from './progress.ts';
import { findRun, type RunRecord } from './runs.ts';
import { stageCapsOf } from './stage-caps.ts';
import { up } from './supervise.ts';
import { WrongCall } from './wrong-call.ts';

export interface JsonOption {
  json?: boolean;
}

export const say = (line: string): void => void process.stderr.write(`${line}\n`);

/** Data for programs on stdout, words for people on stderr. */
export const report = (options: JsonOption, data: object, words: string): void => {
  if (options.json === true) process.stdout.write(`${JSON.stringify(data)}\n`);
  else say(words);
};

/** Finds the run, starts what is down, and works with a client. */
export async function withRun(
  text: string,
  work: (client: Client, record: RunRecord) => Promise<number>,
): Promise<number> {
  const record = await findRun(await openStore(storeUrl()), text);
  const home = homeFolder();
  await up(home, say);
  return withClient(home, (client) => work(client, record));
}

export const handleOf = (client: Client, { workflowId }: RunRecord): WorkflowHandle =>
  client.workflow.getHandle(workflowId);

export const statusOf = async (handle: WorkflowHandle): Promise<string> => (await handle.describe()).status.name;

/** The run's progress once it is as wanted; what it was last when it does not come to that; undefined when nobody answers. */
export async function progressOnce(
  handle: WorkflowHandle,
  wanted: (progress: Progress) => boolean,
  seconds = 15,
): Promise<Progress | undefined> {
  const end = Date.now() + seconds * 1000;
  let last: Progress | undefined;
  for (;;) {
    try {
      last = await handle.query<Progress>('progress');
      if (wanted(last)) return last;
    } catch {
      // The worker may be on its way up.
    }
    if (Date.now() > end) return last;
    await sleep(200);
  }
}

/** In words, for a run that has ended. */
const ended = ({ run, file }: RunRecord, status: string): string =>
  `${run} has ended (${status.toLowerCase()}); the same pipeline again reuses all that is finished: ${program} run ${file}`;

const finishing = ({ run }: RunRecord): string =>
  `${run} has done all its episodes and makes its dataset: there is nothing left to steer\n  watch  ${program} attach ${run}`;

const isLate = (progress: Progress | undefined): boolean =>
  progress !== undefined && !['reading', 'running'].includes(progress.phase);

/** Nothing new is begun until `lbi resume`. */
export const pauseCommand = (run: string, options: JsonOption): Promise<number> =>
  withRun(run, async (client, record) => {
    const handle = handleOf(client, record);
    const status = await statusOf(handle);
    if (status !== 'RUNNING') {
      report(options, { run: record.run, status, paused: false }, ended(record, status));
      return 0;
    }
    const before = await progressOnce(handle, () => true);
    if (before?.pausedAt != null) {
      const since = duration(Date.now() - before.pausedAt);
      const words = `${record.run} is paused already, since ${since}\n  go on  ${program} resume ${record.run}`;
      report(options, { run: record.run, status, paused: true, already: true }, words);
      return 0;
    }
    if (isLate(before)) {
      report(options, { run: record.run, status, paused: false, phase: before?.phase }, finishing(record));
      return 0;
    }
    await handle.signal('pause');
    const now = await progressOnce(handle, (progress) => progress.pausedAt != null || isLate(progress));
    const flying = now?.inFlight ?? 0;
    const words = [
      now?.pausedAt == null
        ? `${record.run} was asked to pause; it will once its worker answers`
        : `${record.run} is paused: nothing new is begun`,
      ...(flying > 0
        ? [`  ${flying} in flight end the call they are in and wait before the next; their sessions stay open`]
        : []),
      `  go on  ${program} resume ${record.run}`,
    ];
    report(options, { run: record.run, status, paused: true, already: false, inFlight: flying }, words.join('\n'));
    return 0;
  });

interface TuneOptions extends JsonOption {
  concurrency?: number;
  ahead?: number;
}

/** As the schema of the pipeline bounds them. */
const most = { concurrency: 1000, ahead: 200 };

/** Changes how many episodes are in flight, and how many documents are asked ahead, while the run goes on. */
export async function tuneCommand(run: string, options: TuneOptions): Promise<number> {
  const change: LaneChange = {
    ...(options.concurrency === undefined ? {} : { concurrency: options.concurrency }),
    ...(options.ahead === undefined ? {} : { ahead: options.ahead }),
  };
  if (Object.keys(change).length === 0)
    throw new WrongCall(`say what to change: ${program} tune ${run} --concurrency 8, or --ahead 4`);
  for (const [name, number] of Object.entries(change) as [keyof LaneChange, number][])
    if (number > most[name]) throw new WrongCall(`--${name} ${number} is too many: ${most[name]} at most`);
  return withRun(run, async (client, record) => {
    const handle = handleOf(client, record);
    const status = await statusOf(handle);
    if (status !== 'RUNNING') {
      report(options, { run: record.run, status, tuned: false }, ended(record, status));
      return 0;
    }
    const before = await progressOnce(handle, () => true);
    await handle.signal<[LaneChange]>('tune', change);
    const as = (progress: Progress): boolean =>
      (change.concurrency ?? progress.concurrency) === progress.concurrency &&
      (change.ahead ?? progress.ahead) === progress.ahead;
    const now = await progressOnce(handle, (progress) => as(progress) || progress.concurrency === undefined);
    const words = [
      `${record.run}: ${laneWords(before, now, change)}`,
      ...(now !== undefined && now.inFlight > (now.concurrency ?? now.inFlight)
        ? [`  ${now.inFlight} are in flight: they end, and no new one begins until they are fewer`]
        : []),
      `  watch  ${program} attach ${record.run}`,
    ];
    const data = { run: record.run, status, tuned: true, ...change, inFlight: now?.inFlight ?? null };
    report(options, data, words.join('\n'));
    return 0;
  });
}

function laneWords(before: Progress | undefined, now: Progress | undefined, change: LaneChange): string {
  const named = { concurrency: 'episodes in flight at most', ahead: 'documents asked ahead at most' };
  return (Object.keys(change) as (keyof LaneChange)[])
    .map((name) => {
      const [was, is] = [before?.[name], now?.[name] ?? change[name]];
      return `${is} ${named[name]}${was === undefined ? '' : was === is ? ' (as before)' : ` (${was} before)`}`;
    })
    .join(', ');
}

interface ResumeOptions extends JsonOption {
  /** US dollars */
  budget?: number;
  budgetTokens?: number;
  budgetHours?: number;
  /** of stages: `construct=5` */
  stageBudget?: string[];
  stageTokens?: string[];
}

/** Starts what is down, ends a pause, opens the gates of what waits, and raises caps. */
export const resumeCommand = (run: string, options: ResumeOptions): Promise<number> =>
  withRun(run, async (client, record) => {
    const handle = handleOf(client, record);
    const status = await statusOf(handle);
    if (status !== 'RUNNING') {
      report(options, { run: record.run, status, resumed: false }, ended(record, status));
      return 0;
    }
    const change: BudgetChange = {
      ...(options.budget === undefined ? {} : { budgetUsd: options.budget }),
      ...(options.budgetTokens === undefined ? {} : { budgetTokens: options.budgetTokens }),
      ...(options.budgetHours === undefined ? {} : { budgetHours: options.budgetHours }),
      ...stageCapsOf(options),
    };
    await handle.signal<[BudgetChange]>('resume', change);
    report(
      options,
      { run: record.run, status: 'RUNNING', resumed: true },
      `${record.run} goes on\n  watch  ${program} attach ${record.run}`,
    );
    return 0;
  });

/** Asks a run to stop; what is finished is kept and becomes its dataset. */
export const cancelCommand = (run: string, options: JsonOption): Promise<number> =>
  withRun(run, async (client, record) => {
    const handle = handleOf(client, record);
    const status = await statusOf(handle);
    const running = status === 'RUNNING';
    const before = running ? await progressOnce(handle, () => true, 5) : undefined;
    if (running) await handle.cancel();
    const words = !running
      ? `${record.run} had ended already (${status.toLowerCase()})`
      : before?.phase === 'finishing'
        ? Object.keys(before.blocked).length > 0
          ? `${record.run} waits for a person while it makes its dataset: it ends without; what is finished is kept`
          : `${record.run} makes its dataset already: that is brought to an end`
        : `${record.run} stops; what is finished is kept and becomes its dataset`;
    report(
      options,
      { run: record.run, status, cancelled: running, ...(before === undefined ? {} : { phase: before.phase }) },
      `${words}\n  look  ${program} show ${record.run}`,
    );
    return 0;
  });
