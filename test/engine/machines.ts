/** Several machines for a test: trees of their own with a worker each, one Temporal server and, where wanted, one S3 server between them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { startServer, stopServer } from '../../cli/server/server.ts';
import { s3Server } from '../store/s3-server.ts';
import { makePlace, type Place, type PlaceOptions } from './place.ts';

const main = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'cli', 'main.ts');

export interface Machine {
  folder: string;
  process: ChildProcess;
  /** Everything that it wrote. */
  log(): string;
  /** Sends the signal and waits until it is gone. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
}

export interface Machines {
  client: Client;
  /** What every machine has to be told, and nothing more. */
  shared: Record<string, string>;
  /** A machine with a pipeline, from where runs are started. */
  place(options: PlaceOptions): Promise<Place>;
  /** A machine with `lbi worker` and nothing else; resolves once it serves. */
  worker(
    name: string,
    more?: { environment?: Record<string, string>; files?: Record<string, string> },
  ): Promise<Machine>;
  close(): Promise<void>;
}

/** The address of a store that all machines reach: a bucket where moto can be had, else one folder. */
async function sharedStore(folder: string): Promise<{ variables: Record<string, string>; close(): Promise<void> }> {
  const server = await s3Server();
  if ('reason' in server) return { variables: { LBI_STORE: join(folder, 'store') }, close: async () => {} };
  const keys = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
  const { S3Client, CreateBucketCommand } = await import('@aws-sdk/client-s3');
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const client = new S3Client({ endpoint: server.endpoint, forcePathStyle: true, region: 'us-east-1', credentials });
  await client.send(new CreateBucketCommand({ Bucket: 'runs' }));
  client.destroy();
  return { variables: { LBI_STORE: `s3://runs/lbi?endpoint=${server.endpoint}`, ...keys }, close: server.close };
}

export async function makeMachines(environment: Record<string, string> = {}): Promise<Machines> {
  const folder = await mkdtemp(join(tmpdir(), 'lbi-machines-'));
  const { address } = await startServer(join(folder, 'server'));
  const store = await sharedStore(folder);
  const connection = await Connection.connect({ address });
  const shared = { TEMPORAL_ADDRESS: address, ...store.variables, ...environment };
  const closing: (() => Promise<void>)[] = [];
  const worker: Machines['worker'] = async (name, { environment: own = {}, files = {} } = {}) => {
    const tree = join(folder, name);
    await mkdir(tree);
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(tree, path)), { recursive: true });
      await writeFile(join(tree, path), text);
    }
    const machine = await startWorker(tree, { ...shared, LBI_HOST: name, LBI_CACHE: join(tree, 'cache'), ...own });
    closing.push(() => machine.end('SIGKILL'));
    return machine;
  };
  return {
    client: new Client({ connection }),
    shared,
    place: async (options) => {
      const place = await makePlace({ ...options, environment: { ...shared, LBI_HOST: 'a', ...options.environment } });
      closing.push(place.close);
      return place;
    },
    worker,
    close: async () => {
      for (const close of closing.reverse()) await close();
      await connection.close();
      await stopServer(join(folder, 'server'));
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function startWorker(folder: string, environment: Record<string, string>): Promise<Machine> {
  const child = spawn(process.execPath, [main, 'worker'], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, LBI_LOST_AFTER: '4', LBI_HEARTBEAT: '3', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      said += chunk;
    });
  const ended = once(child, 'close');
  const machine: Machine = {
    folder,
    process: child,
    log: () => said,
    end: async (signal) => {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      await ended;
    },
  };
  const end = Date.now() + 60_000;
  const state = join(folder, '.lbi', 'worker.json');
  const { existsSync } = await import('node:fs');
  while (!existsSync(state)) {
    if (child.exitCode !== null || Date.now() > end) throw new Error(`the worker did not come up: ${said}`);
    await new Promise((wake) => setTimeout(wake, 100));
  }
  return machine;
}

interface Happened {
  episode: string;
  activity: string;
  /** name of the process that took it */
  by: string;
  at: number;
  /** above 1 when a try before was lost or failed */
  attempt: number;
  ended: 'completed' | 'failed' | 'timed-out' | 'cancelled' | 'open';
}

/** Every activity of every execution of every episode, in the order in which each was begun. */
export async function episodeCalls(client: Client): Promise<Happened[]> {
  const all: Happened[] = [];
  for await (const { workflowId, runId } of client.workflow.list({ query: `WorkflowType = 'episode'` })) {
    const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    const scheduled = new Map<string, string>();
    const open = new Map<string, Happened>();
    for (const event of events ?? []) {
      const name = event.activityTaskScheduledEventAttributes?.activityType?.name;
      if (name !== undefined && name !== null) scheduled.set(String(event.eventId), name);
      const started = event.activityTaskStartedEventAttributes;
      if (started !== undefined && started !== null) {
        const activity = scheduled.get(String(started.scheduledEventId)) ?? '';
        const at = Number(event.eventTime?.seconds ?? 0) * 1000 + Number(event.eventTime?.nanos ?? 0) / 1e6;
        const { identity, attempt } = started;
        const call: Happened = {
          ...{ episode: workflowId, activity, by: identity ?? '', at, attempt: attempt ?? 1, ended: 'open' as const },
        };
        open.set(String(started.scheduledEventId), call);
        all.push(call);
      }
      for (const [kind, attributes] of [
        ['completed', event.activityTaskCompletedEventAttributes],
        ['failed', event.activityTaskFailedEventAttributes],
        ['timed-out', event.activityTaskTimedOutEventAttributes],
        ['cancelled', event.activityTaskCanceledEventAttributes],
      ] as const) {
        const call = open.get(String(attributes?.scheduledEventId));
        if (call !== undefined) call.ended = kind;
      }
    }
  }
  return all;
}
