/** Processes that outlived their worker: each running application leaves a note in its session's folder, and the next worker ends what it finds. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const NOTE = 'application.json';

/** Process group `group` belongs to the worker `owner`; the start times tell a process from a later one with the same number. */
interface Note {
  group: number;
  groupStarted: string;
  owner: number;
  ownerStarted: string;
}

export const processIsAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
};

/** Writes down that this process started the group; removed again by `forgetGroup`. */
export const noteGroup = async (folder: string, group: number): Promise<void> => {
  const note: Note = { group, groupStarted: startOf(group), owner: process.pid, ownerStarted: startOf(process.pid) };
  await writeFile(join(folder, NOTE), JSON.stringify(note), { flush: true });
};

export const forgetGroup = async (folder: string): Promise<void> => {
  await rm(join(folder, NOTE), { force: true });
};

/** Ends a whole process group at once; false when it was gone already. */
export const killGroup = (group: number, signal: NodeJS.Signals = 'SIGKILL'): boolean => {
  try {
    return process.kill(-group, signal);
  } catch {
    return false;
  }
};

/**
 * Ends the applications that dead workers left running in session folders directly below `root`. Those of living workers
 * stay. Gives the process groups it ended.
 */
export const reapOrphans = async (root: string): Promise<number[]> => {
  const folders = await readdir(root).catch(() => []);
  const ended: number[] = [];
  for (const folder of folders) {
    const note = await readNote(join(root, folder));
    if (note === undefined || sameProcess(note.owner, note.ownerStarted)) continue;
    // A number is not given out again while a group bears it: a dead leader's group is still the noted one.
    const same = !processIsAlive(note.group) || startOf(note.group) === note.groupStarted;
    if (same && killGroup(note.group)) ended.push(note.group);
    await forgetGroup(join(root, folder));
  }
  return ended;
};

const readNote = async (folder: string): Promise<Note | undefined> => {
  try {
    const note = JSON.parse(await readFile(join(folder, NOTE), 'utf8')) as Note;
    return Number.isInteger(note.group) && note.group > 1 ? note : undefined;
  } catch {
    return undefined;
  }
};

const sameProcess = (pid: number, started: string): boolean => processIsAlive(pid) && startOf(pid) === started;

/** When a process started, as an opaque word; empty for one that is gone. */
const startOf = (pid: number): string => {
  try {
    // Field 22, counted after the name in parentheses, which may hold anything.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ');
    return fields?.[19] ?? '';
  } catch {
    return startByPs(pid);
  }
};

const startByPs = (pid: number): string => {
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return '';
  }
};
