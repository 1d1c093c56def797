/** Runs the application under test for one session: copy, set up, start on a free port, wait until ready, stop all of it. */
import type { ChildProcess } from 'node:child_process';
import { cp, mkdir, rm } from 'node:fs/promises';
import { Agent, get } from 'node:http';
import { createServer } from 'node:net';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { EnvironmentError } from '../core/errors.ts';
import type { BrowserSpec } from '../schemas/pipeline/environment.ts';
import type { SessionContext } from './environment.ts';
import { forgetGroup, killGroup, noteGroup } from './orphans.ts';

export type AppSpec = NonNullable<BrowserSpec['app']>;

export interface App {
  /** e.g. `http://127.0.0.1:41233` */
  origin: string;
  port: number;
  /** The application's private folder. */
  dir: string;
  /** Fills `${port}`, `${dir}`, `${package}` and `${node}` in. Throws `spec` for any other name. */
  fill(text: string): string;
  /** Rejects with `session-lost` when the application ends by itself; never resolves. */
  lost: Promise<never>;
  /** False once it has ended. */
  alive(): boolean;
  /** Ends every process of the application; safe to call twice. */
  stop(): Promise<void>;
}

type Values = Record<string, string>;

/** Throws `EnvironmentError`: `spec` for an unknown `${name}`, `operator` when a command fails or the app never gets ready. */
export const startApp = async (spec: AppSpec, context: SessionContext): Promise<App> => {
  const dir = join(context.workdir, 'app');
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true });
  const values: Values = { dir, node: process.execPath };
  if (spec.package !== undefined) values.package = await context.packageFolder(spec.package);
  await prepare(spec, context, values);
  // A free port can be taken before the application binds it: another one then.
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const started = await launch(spec, context, { ...values, port: String(port) }, port);
    if ('stop' in started) return started;
    if (attempt === 3 || !/EADDRINUSE|address already in use/i.test(started.output))
      throw new EnvironmentError('operator', started.message);
  }
};

const prepare = async (spec: AppSpec, context: SessionContext, values: Values): Promise<void> => {
  const dir = values.dir ?? '';
  if (spec.copy !== undefined) {
    const filled = fill(spec.copy, values, 'app.copy');
    const from = isAbsolute(filled) ? filled : context.file(filled);
    await cp(from, dir, { recursive: true }).catch((cause: unknown) => {
      throw new EnvironmentError('spec', `app.copy: ${from} could not be copied: ${text(cause)}`, { cause });
    });
  }
  for (const command of spec.setup ?? []) {
    const [program = '', ...rest] = command.map((part) => fill(part, values, 'app.setup'));
    const done = await execa(program, rest, {
      ...surroundings(dir),
      all: true,
      reject: false,
      timeout: (spec.start_timeout ?? 60) * 1000,
      cancelSignal: context.signal,
    });
    if (done.failed)
      throw new EnvironmentError(
        'operator',
        `app.setup: "${command.join(' ')}" failed: ${done.shortMessage}\n${tail(done.all)}`,
      );
  }
};

/** No keys and no proxies of the worker reach the application. */
const surroundings = (dir: string) => ({
  cwd: dir,
  extendEnv: false,
  env: {
    PATH: [dirname(process.execPath), process.env.PATH ?? '/usr/bin:/bin'].join(delimiter),
    HOME: dir,
    LANG: 'C.UTF-8',
    TZ: 'UTC',
  },
});

/**
 * The leader of the group waits on a pipe that this process holds: when the worker dies, however it dies, the pipe closes
 * and the leader kills the group, itself included.
 */
const WATCHED = '(read _ <&3; kill -KILL 0) >/dev/null 2>&1 </dev/null & exec "$@" 3<&-';

interface Failed {
  message: string;
  output: string;
}

const launch = async (spec: AppSpec, context: SessionContext, values: Values, port: number): Promise<App | Failed> => {
  const dir = values.dir ?? '';
  const command = spec.command.map((part) => fill(part, values, 'app.command'));
  const child = execa('/bin/sh', ['-c', WATCHED, 'sh', ...command], {
    ...surroundings(dir),
    detached: true,
    cleanup: false,
    reject: false,
    buffer: false,
    all: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const lines = collect(child.all);
  const group = child.pid;
  if (group === undefined)
    return { message: `app.command: "${command.join(' ')}" did not start.`, output: lines.join('\n') };
  // Listened for before anything is awaited: a command that fails at once has ended by then.
  const exit = watchExit(child.nodeChildProcess);
  await noteGroup(context.workdir, group);
  const stop = once(() => stopGroup(child.nodeChildProcess, exit.ended, context.workdir));
  const origin = `http://127.0.0.1:${port}`;
  const problem = await waitReady(exit, `${origin}${spec.ready ?? '/'}`, spec.start_timeout ?? 60, context.signal);
  if (problem === undefined) {
    const lost = exit.ended.then(() => {
      throw ended(command, exit.by, lines);
    });
    // Whoever works with the application listens; nobody need.
    lost.catch(() => undefined);
    const alive = (): boolean => exit.by === undefined;
    return { origin, port, dir, fill: (part) => fill(part, values, 'url or allow'), lost, alive, stop };
  }
  await stop();
  const output = tail(lines.join('\n'));
  return { message: `app.command: "${command.join(' ')}" ${problem}\n${output || '(it printed nothing)'}`, output };
};

/** `by` is a signal, or `exit N`: a shell that finds no program gives 127. */
const endWords = (by: string, when = ''): string => (by === 'exit 127' ? 'was not found' : `ended${when} (${by})`);

const ended = (command: string[], by: string | undefined, lines: string[]): EnvironmentError =>
  new EnvironmentError(
    'session-lost',
    `The application "${command.join(' ')}" ${by === undefined ? 'ended' : endWords(by)}; the session is rebuilt with another. Its last lines:\n${tail(lines.join('\n')).slice(-800)}`,
  );

const collect = (output: Readable): string[] => {
  const lines: string[] = [];
  output.setEncoding('utf8').on('data', (chunk: string) => {
    lines.push(...chunk.trimEnd().split('\n'));
    if (lines.length > 200) lines.splice(0, lines.length - 100);
  });
  return lines;
};

/**
 * How the leader of the group ended. Waiting for the whole child would wait for its pipes, which its own children hold.
 */
const watchExit = (child: ChildProcess): { by?: string; ended: Promise<void> } => {
  const exit: { by?: string; ended: Promise<void> } = { ended: Promise.resolve() };
  exit.ended = new Promise((resolve) => {
    child.once('exit', (code, signal) => {
      exit.by = signal ?? `exit ${code}`;
      resolve();
    });
  });
  return exit;
};

/** SIGTERM for the whole group, and SIGKILL for what is left of it after two seconds. */
const stopGroup = async (child: ChildProcess, ended: Promise<void>, folder: string): Promise<void> => {
  const group = child.pid ?? 0;
  killGroup(group, 'SIGTERM');
  await Promise.race([ended, sleep(2000, undefined, { ref: false })]);
  killGroup(group);
  await ended;
  for (const stream of child.stdio) stream?.destroy();
  await forgetGroup(folder);
};

/** Undefined once the address answers 200, else what went wrong. */
const waitReady = async (
  exit: { by?: string },
  address: string,
  seconds: number,
  signal: AbortSignal,
): Promise<string | undefined> => {
  const until = performance.now() + seconds * 1000;
  let last = 'no answer';
  while (performance.now() < until) {
    if (signal.aborted) return 'was stopped with the worker.';
    last = await answer(address);
    if (exit.by !== undefined) return `${endWords(exit.by, ' before it was ready')}. Its last lines:`;
    if (last === '200') return undefined;
    await sleep(50);
  }
  return `was not ready after ${seconds} s: ${address} gave ${last}, expected 200. Its last lines:`;
};

/** The status of the address, or why there is none. */
const answer = (address: string): Promise<string> =>
  new Promise((resolve) => {
    // An agent of its own uses no proxy, whatever the worker's variables say.
    const request = get(address, { agent: new Agent(), timeout: 2000 }, (response) => {
      response.resume();
      resolve(String(response.statusCode));
    });
    request.on('timeout', () => request.destroy(new Error('no answer in 2 s')));
    request.on('error', (error) => resolve(error.message));
  });

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

const fill = (text: string, values: Values, where: string): string =>
  text.replace(/\$\{([^}]*)\}/g, (_, name: string) => {
    const value = values[name];
    if (value !== undefined) return value;
    const hint = name === 'package' ? ' (app.package is not set)' : '';
    throw new EnvironmentError(
      'spec',
      `${where}: \${${name}} is not known here${hint}. Known: ${Object.keys(values)
        .map((known) => `\${${known}}`)
        .join(', ')}.`,
    );
  });

const tail = (output: string | undefined): string => (output ?? '').split('\n').slice(-20).join('\n');

const text = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

const once = (work: () => Promise<void>): (() => Promise<void>) => {
  let running: Promise<void> | undefined;
  return () => {
    running ??= work();
    return running;
  };
};
