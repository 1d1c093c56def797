/** `lbi attach`, `resume`, `cancel`, `ui`, `runs`: commands about a run that exists. */
import type { Client } from '@temporalio/client';
import { execa } from 'execa';
import type { BudgetChange } from '../schemas/flow.ts';
import { openStore } from '../store/stores.ts';
import { watch } from './attach.ts';
import { whichServer, withClient, workflowPage } from './connection.ts';
import { homeFolder, program, storeUrl } from './home.ts';
import { conclude } from './run.ts';
import { findRun, listRuns, type RunRecord, runSummary } from './runs.ts';
import { stageCapsOf } from './stage-caps.ts';
import { up } from './supervise.ts';

const say = (line: string): void => void process.stderr.write(`${line}\n`);

interface JsonOption {
  json?: boolean;
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

async function withRun(text: string, work: (client: Client, record: RunRecord) => Promise<number>): Promise<number> {
  const record = await findRun(await openStore(storeUrl()), text);
  const home = homeFolder();
  await up(home, say);
  return withClient(home, (client) => work(client, record));
}

export const attachCommand = (run: string, options: JsonOption): Promise<number> =>
  withRun(run, async (client, record) => {
    const watched = await watch(client, await openStore(storeUrl()), record, { json: options.json === true });
    return conclude(record, watched, options, say);
  });

/** Starts what is down, opens the gates of what waits, and says what still blocks. */
export const resumeCommand = (run: string, options: ResumeOptions): Promise<number> =>
  withRun(run, async (client, record) => {
    const handle = client.workflow.getHandle(record.workflowId);
    const { status } = await handle.describe();
    if (status.name !== 'RUNNING') {
      report(
        options,
        { run: record.run, status: status.name, resumed: false },
        `${record.run} has ended (${status.name.toLowerCase()}); the same pipeline again reuses all that is finished: ${program} run ${record.file}`,
      );
      return 0;
    }
    const change: BudgetChange = {
      ...(options.budget === undefined ? {} : { budgetUsd: options.budget }),
      ...(options.budgetTokens === undefined ? {} : { budgetTokens: options.budgetTokens }),
      ...(options.budgetHours === undefined ? {} : { budgetHours: options.budgetHours }),
      ...stageCapsOf(options),
    };
    await handle.signal('resume', change);
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
    const handle = client.workflow.getHandle(record.workflowId);
    const { status } = await handle.describe();
    const running = status.name === 'RUNNING';
    if (running) await handle.cancel();
    const words = running
      ? `${record.run} stops; what is finished is kept and becomes its dataset`
      : `${record.run} had ended already (${status.name.toLowerCase()})`;
    report(
      options,
      { run: record.run, status: status.name, cancelled: running },
      `${words}\n  look  ${program} show ${record.run}`,
    );
    return 0;
  });

/** Prints the run's page in the Temporal UI and opens it where there is a desktop. */
export async function uiCommand(run: string | undefined, options: JsonOption & { open?: boolean }): Promise<number> {
  const home = homeFolder();
  const record = run === undefined ? undefined : await findRun(await openStore(storeUrl()), run);
  await up(home, say);
  const place = await whichServer(home);
  const page = record === undefined ? place.ui : workflowPage(place, record.workflowId);
  if (page === null) {
    say('this Temporal server has no UI address here; set LBI_TEMPORAL_UI');
    return 6;
  }
  const { stdout } = process;
  stdout.write(options.json === true ? `${JSON.stringify({ ui: page })}\n` : `${page}\n`);
  const opener = { darwin: 'open', win32: 'explorer' }[process.platform as string] ?? 'xdg-open';
  if (
    options.open !== false &&
    stdout.isTTY === true &&
    (process.platform !== 'linux' || process.env.DISPLAY !== undefined)
  ) {
    await execa(opener, [page], { reject: false });
  }
  return 0;
}

export async function runsCommand(options: JsonOption): Promise<number> {
  const store = await openStore(storeUrl());
  const runs = await listRuns(store);
  const rows = await Promise.all(
    runs.map(async (record) => {
      const summary = await runSummary(store, record.run);
      return { ...record, phase: summary?.phase ?? 'open', kept: summary?.dataset?.kept ?? null };
    }),
  );
  if (options.json === true) process.stdout.write(`${JSON.stringify(rows)}\n`);
  else if (rows.length === 0) say(`no runs here yet: ${program} run PIPELINE.yaml starts one`);
  else {
    for (const { run, pipeline, createdAt, phase, kept } of rows) {
      process.stdout.write(
        `${run}  ${pipeline.padEnd(20)} ${createdAt.slice(0, 19)}Z  ${phase.padEnd(10)} ${kept === null ? '' : `${kept} kept`}\n`,
      );
    }
  }
  return 0;
}

const report = (options: JsonOption, data: object, words: string): void => {
  if (options.json === true) process.stdout.write(`${JSON.stringify(data)}\n`);
  else say(words);
};
