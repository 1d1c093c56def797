/** What the engine itself needs of this machine, whatever the pipeline: Node, the server and its worker, disk and folders. */
import { access, constants, readdir, stat, statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { atLeast } from '../../setup/places.mjs';
import { megabytes } from '../../setup/screen.mjs';
import { findTemporalProgram, temporalVersion } from '../../setup/temporal.mjs';
import { temporal } from '../../temporal.config.ts';
import { program, storeUrl } from '../home.ts';
import { liveState } from '../processes.ts';
import { freePort, listens } from '../server/ports.ts';
import { serverStatus } from '../server/server.ts';
import { type Check, check, found, wrong } from './check.ts';

export const bring = `${program} doctor --fix`;
const leastFree = 2e9;

/** @param home the `.lbi` folder */
export const engineChecks = (home: string): Promise<Check[]> =>
  Promise.all([nodeVersion(), temporalProgram(), server(home), worker(home), store(), folder(home), diskSpace(home)]);

async function nodeVersion(): Promise<Check> {
  const enough = atLeast(process.version, '22.18.0');
  return check('Node', enough, `${process.version} (22.18 or newer is needed)`, 'install Node 24 from nodejs.org');
}

const temporalProgram = () =>
  found('temporal', async () => {
    const needed = temporal.external === undefined;
    const path = await findTemporalProgram();
    if (path === undefined) return check('temporal', false, 'not found', `${bring}   (45 MB)`, needed);
    const version = await temporalVersion(path);
    const detail = `${version ?? 'does not run'}  ${path}`;
    return check('temporal', version !== undefined, detail, 'set LBI_TEMPORAL', needed);
  });

/** The embedded server need not run: `lbi run` starts it. A server named by a profile has to answer. */
async function server(home: string): Promise<Check> {
  if (temporal.external) {
    const { address, namespace } = temporal.external;
    const url = new URL(`tcp://${address}`);
    const answers = await listens(url.hostname, Number(url.port || 7233), 3000);
    const detail = `${address}, namespace ${namespace}: ${answers ? 'reachable' : 'does not answer'}`;
    return check('server', answers, detail, 'check TEMPORAL_ADDRESS or the profile in temporal.toml');
  }
  const { state, address, uiUrl, version, db, logFile } = await serverStatus(home);
  if (state === 'stopped') return check('server', true, `stopped; ${program} run starts it${await takenPort()}`);
  const size = db === undefined ? undefined : await stat(db).catch(() => undefined);
  const database = size === undefined ? '' : `\nits database holds ${megabytes(size.size)}`;
  const detail = `${state}${version === undefined ? '' : ` (${version})`}  ${address}  ${uiUrl}${database}`;
  return check('server', state !== 'unreachable', detail, `${program} down, then ${program} up   (log: ${logFile})`);
}

/** The usual port may be another program's: the server then takes a free one. */
async function takenPort(): Promise<string> {
  const { host, port } = temporal.server;
  const free = (await freePort(host, [port])) === port;
  return free ? '' : `\nport ${port} is another program's: a free one will be taken`;
}

/** Workers that ask the server for work; none are needed while no server runs. */
async function worker(home: string): Promise<Check> {
  const own = await liveState(home, 'worker');
  const status = temporal.external === undefined ? await serverStatus(home) : undefined;
  if (status !== undefined && status.state !== 'running')
    return check('worker', true, `none is needed while the server is stopped; ${program} run starts one`);
  const pollers = await polling(home);
  const here = own === undefined ? '' : `, one of them here (pid ${own.pid})`;
  if (pollers === undefined)
    return check('worker', own !== undefined, 'the server does not say who serves it', undefined, false);
  const detail =
    pollers === 0
      ? `nobody serves the queue ${temporal.mainQueue}`
      : `${pollers} on the queue ${temporal.mainQueue}${here}`;
  return check('worker', pollers > 0, detail, `${program} up, or on this or another machine: ${program} worker`, false);
}

/** How many workers polled the main queue lately; undefined when the server cannot be asked. */
async function polling(home: string): Promise<number | undefined> {
  try {
    const { withClient } = await import('../connection.ts');
    return await withClient(home, async (client, { namespace }) => {
      const taskQueue = { name: temporal.mainQueue };
      const asked = client.connection.workflowService.describeTaskQueue({ namespace, taskQueue, taskQueueType: 1 });
      return (await asked).pollers?.length ?? 0;
    });
  } catch {
    return undefined;
  }
}

/** A store outside of this folder, as machines share one: whether it can be opened from here. */
async function store(): Promise<Check> {
  const url = storeUrl();
  try {
    if (!url.startsWith('s3:')) {
      const place =
        temporal.external === undefined ? url : `${url}: workers on other machines need one that they reach`;
      return check('store', true, place);
    }
    const { openStore } = await import('../../store/stores.ts');
    await openStore(url);
    return check('store', true, `${url} can be opened`);
  } catch (error) {
    return wrong('store', error, 'set LBI_STORE to the same address on every machine, and the keys to it');
  }
}

/** The nearest folder that is there, which the others are made in. */
async function standing(path: string): Promise<string> {
  for (let at = resolve(path); ; at = dirname(at)) {
    if (dirname(at) === at || (await stat(at).catch(() => undefined)) !== undefined) return at;
  }
}

async function folder(home: string): Promise<Check> {
  const at = await standing(home);
  const is = await stat(at);
  if (!is.isDirectory()) return check('folder', false, `${at} is a file`, 'work in another folder, or set LBI_HOME');
  const writable = await access(at, constants.W_OK).then(
    () => true,
    () => false,
  );
  const detail = writable ? `${home} can be written` : `${at} cannot be written by this user`;
  return check('folder', writable, detail, 'work in a folder of your own, or set LBI_HOME');
}

async function diskSpace(home: string): Promise<Check> {
  const { bavail, bsize } = await statfs(await standing(home));
  const free = bavail * bsize;
  const own = await folderSize(home);
  const held = own === undefined ? '' : `; .lbi holds ${megabytes(own.bytes)}${own.whole ? '' : ' or more'}`;
  const fix = 'free some space, or work in a folder on another disk';
  return check('disk', free > leastFree, `${megabytes(free)} free (${megabytes(leastFree)} are needed)${held}`, fix);
}

/** Files that are looked at: a store of millions is not counted to the last. */
const most = 50_000;

async function folderSize(path: string): Promise<{ bytes: number; whole: boolean } | undefined> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => undefined);
  if (entries === undefined) return undefined;
  const files = entries.filter((entry) => entry.isFile());
  let bytes = 0;
  for (const file of files.slice(0, most))
    bytes += (await stat(join(file.parentPath, file.name)).catch(() => undefined))?.size ?? 0;
  return { bytes, whole: files.length <= most };
}
