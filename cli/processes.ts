/** Processes that outlive a command: their records under `.lbi`, and whether they still live. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface ProcessState {
  pid: number;
  /** start time of the process in clock ticks since boot, so that a reused pid is not mistaken for it (Linux) */
  started?: string;
  ready?: boolean;
  [more: string]: unknown;
}

const path = (home: string, name: string): string => join(home, `${name}.json`);

/** Start time of a process where the system tells it. */
function startTime(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19];
  } catch {
    return undefined;
  }
}

export async function writeState(home: string, name: string, state: ProcessState): Promise<void> {
  await mkdir(home, { recursive: true });
  const started = startTime(state.pid);
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
  return alive(state) ? state : undefined;
}

export function alive(state: ProcessState): boolean {
  try {
    process.kill(state.pid, 0);
  } catch {
    return false;
  }
  return state.started === undefined || startTime(state.pid) === state.started;
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
  if (alive(state)) process.kill(state.pid, 'SIGTERM');
  while (alive(state)) {
    if (Date.now() > end) process.kill(state.pid, 'SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
