/** Runs one command in a bubblewrap sandbox: no network, nothing of the host but its programs, everything dead at the end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, readlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { Writable } from 'node:stream';
import { EnvironmentError } from '../../core/errors.ts';
import { createCapture } from './output.ts';

/** A command that prints more is stopped. */
const MAX_OUTPUT = 32 * 1024 * 1024;
/** Longest time a timer of Node can wait, in milliseconds. */
const MAX_TIMER = 2 ** 31 - 1;
/** Programs and libraries; everything else of the host is not there at all. */
const SYSTEM = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32', '/nix/store', '/gnu/store'];
/** The few settings that programs need; no accounts, keys or host names. */
const SETTINGS = [
  'alternatives',
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'os-release',
  'debian_version',
  'magic',
  'mime.types',
  'perl',
  'protocols',
  'services',
  'ssl/certs',
  'ssl/openssl.cnf',
  'terminfo',
];

export interface Sandbox {
  /** Folders of the host the sandbox may write to, by the path they have inside. */
  writable: Record<string, string>;
  /** Files and folders of the host it may read, by the path they have inside. */
  readable: Record<string, string>;
  variables: Record<string, string>;
  /** User inside. A worker that is root drops to this id of the host as well, so that limits and permissions hold. */
  user: number;
}

export interface CommandResult {
  /** 128 + the signal's number when a signal ended it; null when it was stopped from outside. */
  exitCode: number | null;
  stopped?: 'timeout' | 'output';
  output: string;
}

interface CommandOptions {
  /** Seconds until everything the command started is killed. */
  timeout: number;
  signal: AbortSignal;
}

/** What to do about the words with which a sandbox did not start. */
export const sandboxFix = (output: string): string => {
  if (/bwrap: (?:command )?not found/.test(output))
    return 'Install bubblewrap (Debian, Ubuntu: apt-get install -y bubblewrap; Fedora: dnf install bubblewrap).';
  if (/setpriv/.test(output)) return 'Install util-linux (Debian, Ubuntu: apt-get install -y util-linux).';
  return (
    'Allow namespaces. Ubuntu 24: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0. Older Debian: ' +
    'sysctl -w kernel.unprivileged_userns_clone=1. In a container: start it with --privileged, or with --cap-add SYS_ADMIN ' +
    '--security-opt seccomp=unconfined --security-opt apparmor=unconfined.'
  );
};

/** The error of a sandbox that does not start: a person has to mend the machine. */
export const sandboxFault = (output: string, cause?: unknown): EnvironmentError =>
  new EnvironmentError(
    'operator',
    `The shell's sandbox could not be started: ${output.trim() || 'it gave no answer'}. ${sandboxFix(output)}`,
    { cause },
  );

export const isRoot = (): boolean => process.getuid?.() === 0;

/**
 * Closes what this process inherited from its own parents. The standard streams of a child of Node are sockets, which
 * `/dev/stderr` cannot open again: `cat` makes a pipe of them. Then the shell becomes bubblewrap itself, so that killing
 * the one process ends everything.
 */
const LAUNCH = [
  'for open in /proc/self/fd/*; do open=${open##*/}; [ "$open" -gt 4 ] && eval "exec $open>&-"; done',
  'exec > >(exec cat 3>&- 4>&-) 2>&1',
  ...(isRoot() ? ['chmod 666 /dev/fd/1'] : []),
  'exec -c bwrap "$@"',
].join('\n');

/** Runs `command` with bash in the sandbox. Throws only when the sandbox itself does not work or the worker stops. */
export const runCommand = async (
  sandbox: Sandbox,
  command: string,
  options: CommandOptions,
): Promise<CommandResult> => {
  if (options.signal.aborted) throw stoppedByWorker();
  const child = launch(sandbox, command);
  let stopped: CommandResult['stopped'] | 'worker';
  const stop = (why: 'timeout' | 'output' | 'worker') => {
    stopped ??= why;
    child.kill('SIGKILL');
  };
  const [output, status] = collect(child, () => stop('output'));
  const timer = setTimeout(() => stop('timeout'), Math.min(options.timeout * 1000, MAX_TIMER));
  const abort = () => stop('worker');
  options.signal.addEventListener('abort', abort, { once: true });
  try {
    await once(child, 'close');
  } catch (cause) {
    throw sandboxFault(String(cause), cause);
  } finally {
    clearTimeout(timer);
    options.signal.removeEventListener('abort', abort);
  }
  if (stopped === 'worker') throw stoppedByWorker();
  if (stopped !== undefined) return { exitCode: null, stopped, output: output.text() };
  const ended = /"exit-code":\s*(\d+)/.exec(status.text());
  if (ended === null) throw sandboxFault(output.text());
  return { exitCode: Number(ended[1]), output: output.text() };
};

/** Streams: 1 and 2 what is printed, 3 bubblewrap's account of how it ended, 4 its arguments. */
const launch = (sandbox: Sandbox, command: string): ChildProcess => {
  const fixed = ['-c', LAUNCH, 'bash', '--json-status-fd', '3', '--args', '4'];
  const child = spawn('bash', [...fixed, ...program(sandbox, command)], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
    cwd: '/',
    env: { PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin' },
  });
  const setup = child.stdio[4];
  setup?.on('error', () => {}); // bubblewrap ended before it read its arguments: the status tells
  if (setup instanceof Writable) setup.end(setupArguments(sandbox).join('\0'));
  return child;
};

const collect = (child: ChildProcess, flood: () => void) => {
  const output = createCapture();
  const status = createCapture();
  const add = (bytes: Buffer) => {
    output.add(bytes);
    if (output.total > MAX_OUTPUT) flood();
  };
  child.stdout?.on('data', add);
  child.stderr?.on('data', add);
  child.stdio[3]?.on('data', (bytes: Buffer) => status.add(bytes));
  return [output, status] as const;
};

const stoppedByWorker = (): EnvironmentError =>
  new EnvironmentError(
    'session-lost',
    'The worker stopped while the shell ran. The session is rebuilt by replaying its steps.',
  );

/** What runs inside; root gives up its identity first. */
const program = (sandbox: Sandbox, command: string): string[] => {
  const user = String(sandbox.user);
  const drop = ['setpriv', '--reuid', user, '--regid', user, '--clear-groups', '--inh-caps=-all', '--no-new-privs'];
  return [...(isRoot() ? drop : []), 'bash', '-c', command];
};

/** Arguments of bubblewrap; given through a pipe so that no process list shows the paths of the host. */
const setupArguments = (sandbox: Sandbox): string[] => {
  const user = String(sandbox.user);
  const list = (option: string, places: Record<string, string>) =>
    Object.entries(places).flatMap(([inside, outside]) => [option, outside, inside]);
  return [
    ...['--unshare-ipc', '--unshare-pid', '--unshare-net', '--unshare-uts', '--unshare-cgroup-try'],
    ...['--die-with-parent', '--new-session', '--hostname', 'sandbox', '--cap-drop', 'ALL'],
    ...(isRoot()
      ? ['--cap-add', 'CAP_SETUID', '--cap-add', 'CAP_SETGID']
      : ['--unshare-user', '--uid', user, '--gid', user]),
    ...parents([...Object.keys(sandbox.readable), ...Object.keys(sandbox.writable), '/etc/ssl/certs', '/var/tmp']),
    ...SYSTEM.flatMap(systemFolder),
    ...SETTINGS.flatMap((name) => ['--ro-bind-try', `/etc/${name}`, `/etc/${name}`]),
    ...['--proc', '/proc', '--dev', '/dev', '--size', String(64 * 1024 * 1024), '--tmpfs', '/dev/shm'],
    ...['--symlink', '../tmp', '/var/tmp', '--symlink', '../run', '/var/run'],
    ...list('--ro-bind', sandbox.readable),
    ...list('--bind', sandbox.writable),
    ...['--remount-ro', '/dev', '--remount-ro', '/', '--chdir', '/work', '--clearenv'],
    ...Object.entries(sandbox.variables).flatMap(([name, value]) => ['--setenv', name, value]),
  ];
};

/** Folders that hold the given paths, made beforehand: those bubblewrap makes by itself are closed to all but root. */
const parents = (paths: string[]): string[] => {
  const folders = new Set<string>();
  for (const path of paths)
    for (let folder = dirname(path); folder !== '/'; folder = dirname(folder)) folders.add(folder);
  return [...folders].sort().flatMap((folder) => ['--dir', folder]);
};

const systemFolder = (path: string): string[] => {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return [];
  return stats.isSymbolicLink() ? ['--symlink', readlinkSync(path), path] : ['--ro-bind', path, path];
};
