/** A lock file that a killed owner does not leave closed: it names its owner, and a dead owner's lock is taken over. */
import { randomUUID } from 'node:crypto';
import { link, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { LbiError } from '../../core/errors.ts';
import { identify, isRunning } from './process.ts';

interface Owner {
  pid: number;
  started: string;
}

/** Runs `work` while holding the lock at `file`; waits up to `waitMs` for its owner, then throws an operator error that names it. */
export async function withLock<T>(file: string, waitMs: number, work: () => Promise<T>): Promise<T> {
  const mine = `${file}.${randomUUID()}`;
  const identity = await identify(process.pid);
  await writeFile(mine, JSON.stringify({ pid: process.pid, started: identity?.started ?? '' }));
  try {
    await take(file, mine, Date.now() + waitMs);
    try {
      await removeAbandoned(file);
      return await work();
    } finally {
      await rm(file, { force: true });
    }
  } finally {
    await rm(mine, { force: true });
  }
}

async function take(file: string, mine: string, end: number): Promise<void> {
  for (;;) {
    // A hard link appears at once and with its content, or not at all.
    const taken = await link(mine, file).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'EEXIST') return false;
        throw new LbiError('operator', `The lock ${file} cannot be made: ${error.message}`, { cause: error });
      },
    );
    if (taken) return;
    const text = await readFile(file, 'utf8').catch(() => undefined);
    const owner = text === undefined ? undefined : readOwner(text);
    if (text !== undefined && (owner === undefined || !(await isRunning(owner.pid, owner)))) {
      await removeStale(file, text);
      continue;
    }
    if (Date.now() > end) {
      throw new LbiError('operator', `Process ${owner?.pid} has held ${file} for too long; stop it and try again`);
    }
    await new Promise((wake) => setTimeout(wake, 50));
  }
}

/** Removes what those left who were killed while they waited for the lock or held it. */
async function removeAbandoned(file: string): Promise<void> {
  const folder = dirname(file);
  for (const name of await readdir(folder)) {
    if (!name.startsWith(`${basename(file)}.`)) continue;
    const path = join(folder, name);
    const owner = readOwner(await readFile(path, 'utf8').catch(() => ''));
    // One that cannot be read may be about to be written.
    if (owner !== undefined && !(await isRunning(owner.pid, owner))) await rm(path, { force: true });
  }
}

function readOwner(text: string): Owner | undefined {
  try {
    const { pid, started } = JSON.parse(text);
    return typeof pid === 'number' && typeof started === 'string' ? { pid, started } : undefined;
  } catch {
    return undefined;
  }
}

/** Moves a dead owner's lock away first: two waiters that saw the same one must not remove each other's new lock. */
async function removeStale(file: string, seen: string): Promise<void> {
  const aside = `${file}.${randomUUID()}`;
  const moved = await rename(file, aside).then(
    () => true,
    () => false,
  );
  if (!moved) return;
  if ((await readFile(aside, 'utf8')) !== seen) await link(aside, file).catch(() => {});
  await rm(aside, { force: true });
}
