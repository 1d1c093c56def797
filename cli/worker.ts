/** The worker process: composes store, models and environments, and serves the workflows and activities. */

import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { NativeConnection, type NativeConnectionOptions, Worker } from '@temporalio/worker';
import { caller, cancelled } from '../activities/failures.ts';
import { createActivities, type Deps } from '../activities/index.ts';
import type { Sessions } from '../activities/sessions.ts';
import type { Activities } from '../schemas/activities.ts';
import type { Store } from '../store/store.ts';
import { openStore } from '../store/stores.ts';
import { temporal } from '../temporal.config.ts';
import { workflowBundle } from './bundle.ts';
import { dataConverter, encrypts } from './encryption/converter.ts';
import { keyring } from './encryption/keys.ts';
import { homeFolder, storeUrl } from './home.ts';
import { outliveStrays } from './modules/stray.ts';
import { openRuns, planOf } from './open-runs.ts';
import { commonParts } from './parts.ts';
import { removeState, writeState } from './processes.ts';
import { projectOf, queueOf } from './project.ts';
import { drain, environmentQueue, modelQueue, queueOpener } from './queues.ts';
import { reapSessions, sessionsRoot } from './reaper.ts';
import { openTelemetry, type Telemetry } from './telemetry/telemetry.ts';
import { type Ready, reachServer } from './worker-start.ts';

/** Milliseconds between two looks for runs whose queues this worker should poll. */
const lookEvery = 3000;

/** Serves until SIGTERM or SIGINT, then finishes or hands back what it does. */
export async function runWorker(): Promise<void> {
  outliveStrays();
  const telemetry = await openTelemetry('worker');
  const { log } = telemetry;
  const home = homeFolder();
  const boot = `${process.env.LBI_HOST ?? hostname()}.${process.pid}.${randomBytes(3).toString('hex')}`;
  await mkdir(home, { recursive: true });
  await reapSessions(home);
  const store = await openStore(storeUrl());
  const project = await projectOf(store);
  const ready = await reachServer({ home, boot, project, log });
  const { client, place } = ready;
  const connection = await NativeConnection.connect(place.connectionOptions as NativeConnectionOptions);
  const serving = workersOf();
  const common = { dataConverter: dataConverter(), interceptors: { activity: telemetry.activities } };
  const shared = { connection, namespace: place.namespace, identity: boot, ...common, ...drain };
  const polling = { ...shared, common, keep: serving.keep };
  const parts = await compose({ home, store, project, boot, telemetry, client }, () => polling);
  const { deps, activities } = parts;
  const bundle = await workflowBundle(join(home, 'cache'), { encrypts: encrypts() });
  const main = { ...shared, activities, workflowBundle: bundle, maxCachedWorkflows: 500 };
  for (const taskQueue of ready.queues)
    serving.keep(await Worker.create({ ...main, taskQueue, maxConcurrentActivityTaskExecutions: 50 }));
  const pinned = { taskQueue: deps.pinnedQueue, maxConcurrentActivityTaskExecutions: 200 };
  serving.keep(await Worker.create({ ...shared, activities, ...pinned }));
  const state = { pid: process.pid, boot, ready: true };
  await writeState(home, 'worker', { ...state, key: keyring().first?.id ?? null });
  log.info({ boot, queues: ready.queues, server: place.connectionOptions.address, encrypts: encrypts() }, 'serving');

  const look = looker({ home, state, ready, parts, log, stop: serving.stop });
  const timers = [
    setInterval(() => void look(), lookEvery),
    setInterval(
      () => void closeAbandoned(client, deps.sessions).catch(() => undefined),
      temporal.timeouts.sweep * 1000,
    ),
  ];
  await look();
  process.once('SIGTERM', serving.stop);
  process.once('SIGINT', serving.stop);
  try {
    await serving.ended();
  } finally {
    for (const timer of timers) clearInterval(timer);
    serving.stop();
    await parts.close();
    await connection.close();
    await client.connection.close();
    await removeState(home, 'worker');
    log.info({ boot }, 'stopped');
    await telemetry.close();
  }
}

interface Looking {
  home: string;
  state: { pid: number; boot: string; ready: boolean };
  ready: Ready;
  parts: Parts;
  log: Telemetry['log'];
  stop(): void;
}

/** What is looked at every few seconds: runs whose queues are not polled yet, and whether the keys have changed. */
function looker({ home, state, ready, parts, log, stop }: Looking): () => Promise<void> {
  const encrypted = encrypts();
  let key = keyring().first?.id ?? null;
  let lastProblem = '';
  const problem = (error: unknown): void => {
    const message = error instanceof Error ? error.message : String(error);
    if (message !== lastProblem) log.warn(message);
    lastProblem = message;
  };
  const keys = async (): Promise<void> => {
    const now = keyring().first?.id ?? null;
    if (now === key) return;
    key = now;
    // Whether failures are encrypted is part of the workflows' bundle: the supervisor starts another worker.
    if (encrypts() !== encrypted) {
      log.info('encryption was switched: the worker starts anew');
      return stop();
    }
    log.info({ key }, 'another key encrypts from now on');
    await writeState(home, 'worker', { ...state, key });
  };
  const queues = async (queue: string): Promise<void> => {
    for await (const run of openRuns(ready.client, queue)) {
      try {
        const ref = await planOf(run);
        if (ref !== undefined) await parts.openQueues(queue, ref);
      } catch (error) {
        problem(error);
      }
    }
  };
  return async () => {
    try {
      await keys();
      for (const queue of ready.queues) await queues(queue);
    } catch (error) {
      problem(error);
    }
  };
}

interface Serving {
  keep(worker: Worker): void;
  stop(): void;
  /** Resolves when all have stopped; rejects when one fails. */
  ended(): Promise<unknown>;
}

/** The Temporal workers of this process, started as they come and stopped together. */
function workersOf(): Serving {
  const workers: Worker[] = [];
  const running: Promise<void>[] = [];
  return {
    keep: (worker) => {
      workers.push(worker);
      running.push(worker.run());
    },
    stop: () => {
      for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
    },
    ended: () => Promise.all(running),
  };
}

type Polling = Omit<ReturnType<Parameters<typeof queueOpener>[0]>, 'activities' | 'sessions' | 'named'>;

interface Parts {
  deps: Deps;
  activities: Activities;
  /** Polls what a run on that main queue needs. */
  openQueues(queue: string, plan: string): Promise<void>;
  /** Stops what is at work and closes sessions and models. */
  close(): Promise<void>;
}

interface Composing {
  home: string;
  store: Store;
  project: string;
  boot: string;
  telemetry: Telemetry;
  client: Client;
}

/** Puts store, models and environments together: the one place where they meet. */
async function compose(
  { home, store, project, boot, telemetry, client }: Composing,
  polling: () => Polling,
): Promise<Parts> {
  const stopping = new AbortController();
  const common = commonParts(store, sessionsRoot(home));
  const { sessions, model } = common.parts;
  const named = (queue: string): string => queueOf(project, queue);
  const openQueues = queueOpener(() => ({ ...polling(), named, activities, sessions }));
  // Runs that began before queues carried their project: only a server of our own can have them.
  const old = { ...sessions, held: (queue: string) => sessions.held(named(queue)) };
  const openOld = queueOpener(() => ({ ...polling(), named: (queue) => queue, activities, sessions: old }));
  const deps: Deps = {
    ...common.parts,
    model: async (plan, name) => telemetry.watched(await model(plan, name), plan, name),
    openQueues,
    queues: {
      model: (plan, name) => named(modelQueue(plan, name)),
      environment: (plan, name) => named(environmentQueue(plan, name)),
    },
    timing: {
      lostAfterSeconds: temporal.timeouts.lostWorker,
      heartbeatSeconds: temporal.timeouts.heartbeat,
      sweepSeconds: temporal.timeouts.sweep,
      historyEvents: temporal.historyEvents,
    },
    ended: (ids) => endedOf(client, ids),
    pinnedQueue: named(`${temporal.queuePrefix}.env.${boot}`),
    caller,
    cancelled,
    signal: stopping.signal,
  };
  const activities = createActivities(deps);
  const close = async (): Promise<void> => {
    stopping.abort();
    await common.close();
  };
  const openFor = async (queue: string, ref: string): Promise<void> =>
    (queue === temporal.queuePrefix ? openOld : openQueues)(await deps.plan(ref));
  return { deps, activities, openQueues: openFor, close };
}

/** Closes the sessions of episodes that are over: one that was terminated, or given up, closes nothing itself. */
async function closeAbandoned(client: Client, sessions: Sessions): Promise<void> {
  const ids = sessions.ids();
  const episodeOf = (id: string): string => id.slice(0, id.lastIndexOf('#'));
  const ended = new Set(await endedOf(client, [...new Set(ids.map(episodeOf))]));
  await Promise.allSettled(ids.filter((id) => ended.has(episodeOf(id))).map(sessions.close));
}

async function endedOf(client: Client, ids: string[]): Promise<string[]> {
  const ended = await Promise.all(
    ids.map(async (id) => {
      try {
        return (await client.workflow.getHandle(id).describe()).status.name !== 'RUNNING';
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return true;
        throw error;
      }
    }),
  );
  return ids.filter((_, index) => ended[index]);
}
