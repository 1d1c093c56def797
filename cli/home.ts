/** Where things are: the project's `.lbi` folder and the machine's cache. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseEnv } from 'node:util';

/** The folder of this project's runs, objects, server and logs: `LBI_HOME`, else `.lbi` where lbi runs. */
export const homeFolder = (): string => resolve(process.env.LBI_HOME ?? '.lbi');

/** Which folder of runs this is, whatever the machine calls it; made up when it is first asked for. */
export function treeOf(home: string): string {
  const path = join(home, 'tree');
  mkdirSync(home, { recursive: true });
  try {
    writeFileSync(path, randomBytes(6).toString('hex'), { flag: 'wx' });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  return readFileSync(path, 'utf8');
}

/** Things shared by all projects of this user: programs, weights, npm packages of pipelines. */
export const cacheFolder = (): string =>
  resolve(process.env.LBI_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'lbi'));

/** The variables of the file `.env` beside `.lbi`; none without it. Read anew at every call, so that a mended key is noticed. */
export function environmentFile(): NodeJS.Dict<string> {
  try {
    return parseEnv(readFileSync(join(dirname(homeFolder()), '.env'), 'utf8'));
  } catch {
    return {};
  }
}

/** The values that a secret has here: the environment's first, then that of `.env`. Never shown. */
export const secretsHere = (name: string): string[] =>
  [process.env[name], environmentFile()[name]].filter((value) => value !== undefined && value !== '') as string[];

/** The first of them; undefined where the secret is not set. */
export const secretHere = (name: string): string | undefined => secretsHere(name)[0];

export const storeUrl = (): string => process.env.LBI_STORE ?? join(homeFolder(), 'store');

/** Where runs put their retrieval indexes. */
export const indexesFolder = (): string => join(homeFolder(), 'indexes');

/** How this program was called, for the commands that messages name. */
export const program = process.env.LBI_NAME ?? (process.env.npm_command === 'exec' ? 'npx lbi' : 'lbi');

/** What to do about a file of the pipeline that this machine does not have. */
export const notHere = (what: string, path: string): string =>
  `${what} is not on this machine: put ${path} there, or start a worker where it is (${program} workers lists those that serve), then ${program} resume RUN`;
