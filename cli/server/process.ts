/** Who a process is, so that a pid from a file is only trusted when it is still the same program. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** A process as it can be recognised later: pids are reused, a start time with a command line is not. */
export interface ProcessIdentity {
  /** When it started, in the system's own notation (ticks since boot, and which boot, on Linux). */
  started: string;
  /** Its command line. */
  command: string;
}

/** Identity of a running process; undefined when there is none (a zombie counts as gone). */
export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  try {
    return process.platform === 'linux' ? await fromProc(pid) : await fromPs(pid);
  } catch {
    return undefined;
  }
}

async function fromProc(pid: number): Promise<ProcessIdentity | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8');
  // The program's name in brackets may hold spaces: count fields from the last bracket (state is the first, start time the 20th).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const started = fields[19];
  if (started === undefined || fields[0] === 'Z' || fields[0] === 'X') return undefined;
  return { started: `${started}@${bootId()}`, command: command.replaceAll('\0', ' ').trim() };
}

let boot: string | undefined;

/** Pids and ticks begin anew with every boot: after one, a record could fit another process. */
function bootId(): string {
  try {
    boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').slice(0, 8);
  } catch {
    boot = '';
  }
  return boot;
}

async function fromPs(pid: number): Promise<ProcessIdentity | undefined> {
  const { stdout } = await promisify(execFile)('ps', ['-ww', '-o', 'lstart=', '-o', 'command=', '-p', String(pid)]);
  const line = stdout.trim();
  // `lstart` is always 24 characters: "Tue Nov 24 02:10:00 2026".
  return line === '' ? undefined : { started: line.slice(0, 24), command: line.slice(24).trim() };
}

/** Whether a recorded start is that of a process; older releases recorded no boot. */
export const sameStart = (recorded: string, now: string): boolean =>
  recorded === now || (recorded !== '' && recorded === now.split('@')[0]);

/** True while the process runs that had this identity. */
export async function isRunning(pid: number, known: { started: string }): Promise<boolean> {
  const now = await identify(pid);
  return now !== undefined && sameStart(known.started, now.started);
}

/** Waits until the process is gone; false when it still runs after `ms` milliseconds. */
export async function gone(pid: number, known: { started: string }, ms: number): Promise<boolean> {
  const end = Date.now() + ms;
  while (await isRunning(pid, known)) {
    if (Date.now() > end) return false;
    await new Promise((wake) => setTimeout(wake, 50));
  }
  return true;
}
