/** The workers of a project, wherever they run: each writes down in the store what it is and does; `lbi workers` lists them. */
import { hostname } from 'node:os';
import { LbiError } from '../core/errors.ts';
import { findPage, writePage } from '../store/json.ts';
import type { Store } from '../store/store.ts';
import { openStore } from '../store/stores.ts';
import { program, storeUrl } from './home.ts';
import { version } from './version.ts';

export interface WorkerRecord {
  /** how the Temporal UI names it: host, pid, boot */
  name: string;
  host: string;
  pid: number;
  version: string;
  /** folder of its runs, and its id */
  home: string;
  tree: string;
  queues: string[];
  /** queues that it leaves to others, and what it lacks for them */
  lacks: Record<string, string>;
  /** ids of the sessions that it holds */
  sessions: string[];
  /** ISO 8601 */
  started: string;
  seen: string;
  state: 'serving' | 'stopping' | 'stopped';
}

/** Seconds between two records of a worker that lives. */
export const recordEvery = 20;
/** Seconds without a record after which a worker counts as lost. */
const silent = 75;

export const workerHost = (): string => process.env.LBI_HOST ?? hostname();

const lives = ({ state, seen }: WorkerRecord): boolean =>
  state !== 'stopped' && Date.now() - Date.parse(seen) < silent * 1000;

const pathOf = (tree: string, place: number): string => `workers/${tree}-${place}.json`;

/** Where a worker writes itself down: the first place of its tree whose worker is no more, so that restarts leave nothing behind. */
async function freePlace(store: Store, tree: string): Promise<string> {
  for (let place = 1; ; place += 1) {
    const there = await findPage<WorkerRecord>(store, pathOf(tree, place));
    if (there === undefined || !lives(there)) return pathOf(tree, place);
  }
}

type Doing = Pick<WorkerRecord, 'queues' | 'lacks' | 'sessions' | 'state'>;

/** Keeps the record of this process. A store that cannot be written now is tried again later: the record is for people. */
export async function keepRecord(
  store: Store,
  who: Pick<WorkerRecord, 'name' | 'home' | 'tree'>,
  doing: () => Doing,
): Promise<{ write(state?: 'stopped'): Promise<void>; stop(): void }> {
  const started = new Date().toISOString();
  let path: string | undefined;
  const write = async (state?: 'stopped'): Promise<void> => {
    const about = { ...who, host: workerHost(), pid: process.pid, version: version(), started };
    try {
      path ??= await freePlace(store, who.tree);
      await writePage(store, path, {
        ...about,
        ...doing(),
        seen: new Date().toISOString(),
        ...(state === undefined ? {} : { state }),
      });
    } catch (error) {
      if (!(error instanceof LbiError)) throw error;
    }
  };
  await write();
  const timer = setInterval(() => void write(), recordEvery * 1000);
  return { write, stop: () => clearInterval(timer) };
}

/** Workers that live, and those that were lost within the last day. */
export async function listWorkers(store: Store): Promise<(WorkerRecord & { lost: boolean })[]> {
  const names = await store.list('workers/');
  const records = await Promise.all(names.map((name) => findPage<WorkerRecord>(store, name)));
  return records
    .filter((record) => record !== undefined)
    .filter(({ state, seen }) => state !== 'stopped' && Date.now() - Date.parse(seen) < 86_400_000)
    .map((record) => ({ ...record, lost: !lives(record) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

export async function workersCommand(options: { json?: boolean }): Promise<number> {
  const workers = await listWorkers(await openStore(storeUrl()));
  if (options.json === true) process.stdout.write(`${JSON.stringify(workers)}\n`);
  else if (workers.length === 0)
    process.stderr.write(`no worker serves this store: ${program} up, or ${program} worker\n`);
  else process.stdout.write(`${workers.flatMap(workerLines).join('\n')}\n`);
  return 0;
}

function workerLines(worker: WorkerRecord & { lost: boolean }): string[] {
  const { host, pid, home, lost, state, seen, sessions, queues, lacks } = worker;
  const seconds = Math.round((Date.now() - Date.parse(seen)) / 1000);
  const held = `${sessions.length} ${sessions.length === 1 ? 'session' : 'sessions'}`;
  return [
    `${host} pid ${pid}  ${lost ? 'lost' : state}, ${held}, seen ${seconds} s ago  lbi ${worker.version}  ${home}`,
    `  serves ${queues.join(', ')}`,
    ...Object.entries(lacks).map(([queue, why]) => `  not ${queue}: ${why}`),
  ];
}
