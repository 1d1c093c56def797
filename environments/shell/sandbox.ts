/** Runs one command in a bubblewrap sandbox: no network, nothing of the host but its programs, everything dead at the end. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, readlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { Writable } from 'node:stream';
import { EnvironmentError } from '../../core/errors.ts';
import { createCapture } from './output.ts';

/** A command that prints more is stopped. */
const MAX_OUTPUT = 32 * 1024 * 1024;
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

export interface CommandOptions {
  /** Seconds until everything the command started is killed. */
  timeout: number;
  signal: AbortSignal;
}

/** How a machine is made fit for the sandbox. */
export const SANDBOX_FIX =
  'Install bubblewrap (Debian, Ubuntu: apt-get install -y bubblewrap). Where it is installed and refused, allow unprivileged ' +
  'user namespaces (Ubuntu 24: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0; in a container: --privileged, or ' +
  '--security-opt seccomp=unconfined --cap-add SYS_ADMIN).';

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
  'exec bwrap "$@"',
].join('\n');

/** Runs `command` with bash in the sandbox. Throws only when the sandbox itself does not work or the worker stops. */
export const runCommand = async (
  sandbox: Sandbox,
  command: string,
  options: CommandOptions,
): Promise<CommandResult> => {
  if (options.signal.aborted) throw stoppedByWorker();
  const child = spawn(
    'bash',
    ['-c', LAUNCH, 'bash', '--json-status-fd', '3', '--args', '4', ...program(sandbox, command)],
    {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
      env: { PATH: hostPath() },
    },
  );
  let stopped: CommandResult['stopped'] | 'worker';
  const stop = (why: 'timeout' | 'output' | 'worker') => {
    stopped ??= why;
    child.kill('SIGKILL');
  };
  const output = createCapture();
  const status = createCapture();
  child.stdout?.on('data', (bytes: Buffer) => {
    output.add(bytes);
    if (output.total > MAX_OUTPUT) stop('output');
  });
  child.stderr?.on('data', (bytes: Buffer) => output.add(bytes));
  child.stdio[3]?.on('data', (bytes: Buffer) => status.add(bytes));
  const setup = child.stdio[4];
  setup?.on('error', () => {}); // bubblewrap ended before it read its arguments: the status tells
  if (setup instanceof Writable) setup.end(setupArguments(sandbox).join('\0'));
  const timer = setTimeout(() => stop('timeout'), options.timeout * 1000);
  const abort = () => stop('worker');
  options.signal.addEventListener('abort', abort, { once: true });
  try {
    await once(child, 'close');
  } catch (cause) {
    throw new EnvironmentError('operator', `bash could not be started: ${String(cause)}. ${SANDBOX_FIX}`, { cause });
  } finally {
    clearTimeout(timer);
    options.signal.removeEventListener('abort', abort);
  }
  if (stopped === 'worker') throw stoppedByWorker();
  if (stopped !== undefined) return { exitCode: null, stopped, output: output.text() };
  const ended = /"exit-code":\s*(\d+)/.exec(status.text());
  if (ended === null)
    throw new EnvironmentError('operator', `The sandbox could not be started: ${output.text().trim()}. ${SANDBOX_FIX}`);
  return { exitCode: Number(ended[1]), output: output.text() };
};

const stoppedByWorker = (): EnvironmentError =>
  new EnvironmentError(
    'session-lost',
    'The worker stopped while the shell ran. The session is rebuilt by replaying its steps.',
  );

const hostPath = (): string => process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin';

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
