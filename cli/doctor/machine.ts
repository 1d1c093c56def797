/** What the engine itself needs of this machine, whatever the pipeline: Node, the server and its worker, disk and folders. */
import { access, constants, readdir, stat, statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { atLeast } from '../../setup/places.mjs';
import { megabytes } from '../../setup/screen.mjs';
import { findTemporalProgram, temporalVersion } from '../../setup/temporal.mjs';
import { temporal } from '../../temporal.config.ts';
import { program, storeUrl } from '../home.ts';
import { type Check, check, found, wrong } from './check.ts';
import { serverChecks } from './server.ts';

export const bring = `${program} doctor --fix`;
const leastFree = 2e9;

/** @param home the `.lbi` folder */
export async function engineChecks(home: string): Promise<Check[]> {
  const [node, server, program, kept, place, space] = await Promise.all([
    nodeVersion(),
    serverChecks(home),
    temporalProgram(),
    store(),
    folder(home),
    diskSpace(home),
  ]);
  return [node, program, ...server, kept, place, space];
}

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
