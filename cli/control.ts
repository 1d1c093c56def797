/** `lbi attach`, `ui`, `runs`: looking at runs that exist. */
import { execa } from 'execa';
import type { Progress } from '../schemas/flow.ts';
import { openStore } from '../store/stores.ts';
import { watch } from './attach.ts';
import { whichServer, withClient, workflowPage } from './connection.ts';
import { homeFolder, program, storeUrl } from './home.ts';
import { conclude } from './run.ts';
import { findRun, listRuns, runSummary } from './runs.ts';
import { type JsonOption, say, withRun } from './steer.ts';
import { up } from './supervise.ts';

export const attachCommand = (run: string, options: JsonOption): Promise<number> =>
  withRun(run, async (client, record) => {
    const watched = await watch(client, await openStore(storeUrl()), record, { json: options.json === true });
    return conclude(record, watched, options, say);
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
  const summaries = new Map(
    await Promise.all(runs.map(async ({ run }) => [run, await runSummary(store, run)] as const)),
  );
  const open = runs.filter(({ run }) => summaries.get(run) === undefined).slice(0, mostAsked);
  const live = await liveStates(open.map(({ workflowId }) => workflowId));
  const rows = runs.map((record) => {
    const summary = summaries.get(record.run);
    const phase = summary?.phase ?? live.get(record.workflowId) ?? 'open';
    return { ...record, phase, kept: summary?.dataset?.kept ?? null };
  });
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

/** Open runs that are asked how they are. */
const mostAsked = 20;

/** How open runs are, by workflow id: `running`, `paused`, `blocked`, `failed`. Nothing is started for it. */
async function liveStates(ids: string[]): Promise<Map<string, string>> {
  if (ids.length === 0) return new Map();
  try {
    return await withClient(homeFolder(), async (client) => {
      const asked = ids.map(async (id): Promise<[string, string][]> => {
        const handle = client.workflow.getHandle(id);
        const { status } = await handle.describe();
        if (status.name !== 'RUNNING') return [[id, status.name.toLowerCase()]];
        const progress = await handle.query<Progress>('progress').catch(() => undefined);
        return progress === undefined ? [] : [[id, stateOf(progress)]];
      });
      const answers = await Promise.all(asked.map((answer) => answer.catch(() => [])));
      return new Map(answers.flat());
    });
  } catch {
    return new Map();
  }
}

const stateOf = ({ pausedAt, blocked, phase }: Progress): string =>
  pausedAt != null ? 'paused' : Object.keys(blocked).length > 0 ? 'blocked' : phase;
