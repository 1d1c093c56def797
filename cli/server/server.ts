/** The embedded Temporal server: started detached on a SQLite file below `.lbi/`, found again by later commands, stopped by `lbi down`. */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile, rename, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { LbiError } from '../../core/errors.ts';
import { type TemporalConfig, temporal } from '../../temporal.config.ts';
import { findTemporal, type TemporalProgram } from './find.ts';
import { withLock } from './lock.ts';
import { prepareNamespace } from './namespace.ts';
import { freePort, listens } from './ports.ts';
import { gone, identify, isRunning } from './process.ts';
import { readRecord, type ServerRecord, writeRecord } from './record.ts';

export interface RunningServer {
  /** host:port of the gRPC frontend */
  address: string;
  uiUrl: string;
  pid: number;
}

export interface ServerStatus {
  /** `unreachable`: the process runs but does not answer (yet). */
  state: 'running' | 'unreachable' | 'stopped';
  address?: string;
  uiUrl?: string;
  pid?: number;
  version?: string;
  db?: string;
  logFile: string;
}

const bootMs = 60_000;
const logLimit = 20e6;
const logFile = (home: string) => join(home, 'server.log');

/**
 * Starts the server of a home folder (`.lbi`), or finds it running; two calls at once start one server. After a kill it comes back on
 * the same file and, when they are still free, the same ports. Throws an operator error with the end of the log when it does not serve
 * within 60 s.
 */
export async function startServer(home: string, config: TemporalConfig = temporal): Promise<RunningServer> {
  const folder = resolve(home);
  await mkdir(folder, { recursive: true });
  return withLock(join(folder, 'server.lock'), bootMs + 10_000, async () => {
    const known = await readRecord(folder);
    const server = (known && (await alive(known))) ?? (await boot(folder, config, known));
    try {
      await prepareNamespace(server.address, config, bootMs);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new LbiError('operator', `${why}\n${await logEnd(folder)}`, { cause });
    }
    return server;
  });
}

/** Whether the server of a home folder runs and answers. Starts nothing. */
export async function serverStatus(home: string, config: TemporalConfig = temporal): Promise<ServerStatus> {
  const folder = resolve(home);
  const known = await readRecord(folder);
  const server = known && (await alive(known));
  if (known === undefined || server === undefined) return { state: 'stopped', logFile: logFile(folder) };
  const answers = await listens(config.server.host, known.port, 2000);
  const { version, db } = known;
  return { state: answers ? 'running' : 'unreachable', ...server, version, db, logFile: logFile(folder) };
}

/** Stops the server: SIGTERM, and SIGKILL when it still runs after 10 s. False when it was not running. */
export async function stopServer(home: string): Promise<boolean> {
  const folder = resolve(home);
  await mkdir(folder, { recursive: true });
  return withLock(join(folder, 'server.lock'), bootMs + 10_000, async () => {
    const known = await readRecord(folder);
    if (known === undefined || known.pid === null || (await alive(known)) === undefined) return false;
    const identity = { started: known.started ?? '' };
    process.kill(known.pid, 'SIGTERM');
    if (!(await gone(known.pid, identity, 10_000))) {
      process.kill(known.pid, 'SIGKILL');
      await gone(known.pid, identity, 5000);
    }
    await writeRecord(folder, { ...known, pid: null, started: null });
    return true;
  });
}

/** The recorded server when its process is still the one that was started: same pid, start time and database. */
async function alive(record: ServerRecord): Promise<RunningServer | undefined> {
  if (record.pid === null || record.started === null) return undefined;
  const identity = await identify(record.pid);
  if (identity?.started !== record.started || !identity.command.includes(record.db)) return undefined;
  return running(record, record.pid);
}

const running = ({ port, uiPort }: ServerRecord, pid: number): RunningServer => ({
  address: `${temporal.server.host}:${port}`,
  uiUrl: `http://${temporal.server.host}:${uiPort}`,
  pid,
});

/** Another program may take a port between the look and the start: then the server ends at once and other ports are tried. */
async function boot(folder: string, config: TemporalConfig, known: ServerRecord | undefined): Promise<RunningServer> {
  const program = await findTemporal();
  const { host } = config.server;
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const wanted = attempt === 0 ? [known?.port ?? config.server.port] : [];
    const wantedUi = attempt === 0 ? [known?.uiPort ?? config.server.uiPort] : [];
    const ports = { port: await freePort(host, wanted), uiPort: await freePort(host, wantedUi) };
    if (ports.port === ports.uiPort) continue;
    const server = await launch(folder, config, program, ports);
    if (server) return server;
  }
  throw new LbiError('operator', `The Temporal server ends as soon as it is started.\n${await logEnd(folder)}`);
}

/** Starts the process and waits until it listens; undefined when it ended before that. */
async function launch(
  folder: string,
  config: TemporalConfig,
  program: TemporalProgram,
  ports: { port: number; uiPort: number },
): Promise<RunningServer | undefined> {
  // The database format belongs to a release line of the server and is never migrated: one file for each.
  const db = join(folder, `temporal-${program.version.split('.').slice(0, 2).join('.')}.sqlite`);
  const { size } = await stat(logFile(folder)).catch(() => ({ size: 0 }));
  if (size > logLimit) await rename(logFile(folder), `${logFile(folder)}.1`);
  const log = openSync(logFile(folder), 'a');
  const args = serverArguments(config, db, ports);
  const env = surroundings(process.env);
  const child = spawn(program.path, args, { cwd: folder, env, detached: true, stdio: ['ignore', log, log] });
  closeSync(log);
  child.on('error', () => {}); // seen below: a process that did not start has no identity
  child.unref();
  const identity = child.pid === undefined ? undefined : await identify(child.pid);
  if (child.pid === undefined || identity === undefined) return undefined;
  const record = { ...ports, pid: child.pid, started: identity.started, db, version: program.version };
  await writeRecord(folder, record);
  const end = Date.now() + bootMs;
  while (!(await listens(config.server.host, ports.port))) {
    if (!(await isRunning(child.pid, identity)) || Date.now() > end) return undefined;
    await new Promise((wake) => setTimeout(wake, 50));
  }
  return running(record, child.pid);
}

const passedOn =
  /^(?:PATH|HOME|USER|USERPROFILE|APPDATA|LOCALAPPDATA|SystemRoot|TMPDIR|TEMP|TMP|TZ|LANG|LC_\w+|GO\w+)$/i;

/** What the server is told of the environment: none of the keys in it, which it has no use for. */
const surroundings = (all: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(all).filter(([name]) => passedOn.test(name)));

/** Arguments of `temporal` for a server on this file and these ports. */
export function serverArguments(config: TemporalConfig, db: string, ports: { port: number; uiPort: number }): string[] {
  const { host, pragmas, dynamic, namespace } = config.server;
  const each = (flag: string, values: readonly string[]) => values.flatMap((value) => [flag, value]);
  const attributes = Object.entries(config.searchAttributes).map(
    ([name, type]) => `${name}=${type === 'INT' ? 'Int' : 'Keyword'}`,
  );
  return [
    ...['server', 'start-dev', '--ip', host, '--port', String(ports.port), '--ui-port', String(ports.uiPort)],
    ...['--db-filename', db, '--namespace', namespace, '--ui-disable-news-fetch', '--log-level', 'warn'],
    ...each('--sqlite-pragma', pragmas),
    ...each('--dynamic-config-value', dynamic),
    ...each('--search-attribute', attributes),
  ];
}

async function logEnd(folder: string): Promise<string> {
  const text = await readFile(logFile(folder), 'utf8').catch(() => '');
  return `The end of ${logFile(folder)}:\n${text.trim().split('\n').slice(-8).join('\n')}`;
}
