/** Processes that outlive a command: their records under `.lbi`, and whether they still live. */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { identify, sameStart } from './server/process.ts';

export interface ProcessState {
  pid: number;
  /** when the process started, so that a reused pid is not mistaken for it */
  started?: string;
  ready?: boolean;
  [more: string]: unknown;
}

const path = (home: string, name: string): string => join(home, `${name}.json`);

export async function writeState(home: string, name: string, state: ProcessState): Promise<void> {
  await mkdir(home, { recursive: true });
  const started = (await identify(state.pid))?.started;
  const text = JSON.stringify({ ...state, ...(started === undefined ? {} : { started }) });
  const temporary = `${path(home, name)}.${process.pid}`;
  await writeFile(temporary, text);
  await rename(temporary, path(home, name));
}

export const removeState = (home: string, name: string): Promise<void> => rm(path(home, name), { force: true });

/** The record of a process that is alive; undefined otherwise. */
export async function liveState(home: string, name: string): Promise<ProcessState | undefined> {
  let state: ProcessState;
  try {
    state = JSON.parse(await readFile(path(home, name), 'utf8')) as ProcessState;
  } catch {
    return undefined;
  }
  return (await alive(state)) ? state : undefined;
}

/** True while the process of the record runs; a pid that was given to another one since does not count. */
export async function alive({ pid, started }: ProcessState): Promise<boolean> {
  const now = await identify(pid);
  return now !== undefined && (started === undefined || sameStart(started, now.started));
}

/** Starts this program again with other arguments, detached, its output in a log file; gives the pid. */
export function detach(home: string, name: string, args: string[]): number {
  const log = openSync(join(home, `${name}.log`), 'a');
  try {
    const entry = process.argv[1] ?? '';
    const main = entry.replace(/start\.(ts|js)$/, 'main.$1');
    const child = spawn(process.execPath, [...process.execArgv, main, ...args], {
      detached: true,
      stdio: ['ignore', log, log],
    });
    child.unref();
    if (child.pid === undefined) throw new Error(`could not start ${name}`);
    return child.pid;
  } finally {
    closeSync(log);
  }
}

/** Asks a process to stop, then makes it; resolves when it is gone. */
export async function stopProcess(state: ProcessState, graceMs: number): Promise<void> {
  const end = Date.now() + graceMs;
  if (await alive(state)) process.kill(state.pid, 'SIGTERM');
  while (await alive(state)) {
    if (Date.now() > end) process.kill(state.pid, 'SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
