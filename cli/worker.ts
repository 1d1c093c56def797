/** The worker process: reaches the server, serves the workflows and activities of its project, and leaves in good order. */

import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Connection } from '@temporalio/client';
import { NativeConnection, type NativeConnectionOptions, Worker } from '@temporalio/worker';
import { openStore } from '../store/stores.ts';
import { temporal, treeQueue } from '../temporal.config.ts';
import { workflowBundle } from './bundle.ts';
import { dataConverter, encrypts } from './encryption/converter.ts';
import { keyring } from './encryption/keys.ts';
import { homeFolder, storeUrl, treeOf } from './home.ts';
import { leave } from './leave.ts';
import type { Minute } from './limits/keeper.ts';
import { openLimits } from './limits/limits.ts';
import { pinnedTo } from './limits/presence.ts';
import { outliveStrays } from './modules/stray.ts';
import { openRuns, planOf } from './open-runs.ts';
import { polling } from './polling.ts';
import { liveState, removeState, writeState } from './processes.ts';
import { projectOf, queueOf } from './project.ts';
import { drain } from './queues.ts';
import { reapSessions } from './reaper.ts';
import { forgetWorker, giveBack, noteWorker, predecessors } from './takeover.ts';
import { openTelemetry, type Telemetry } from './telemetry/telemetry.ts';
import { closeAbandoned, compose, type WorkerParts } from './worker-parts.ts';
import { type Ready, reachServer } from './worker-start.ts';
import { keepRecord, workerHost } from './workers.ts';

/** Milliseconds between two looks for runs whose queues this worker should poll. */
const lookEvery = 3000;

/** Serves until SIGTERM or SIGINT, then finishes or hands back what it does. */
export async function runWorker(): Promise<void> {
  outliveStrays();
  const telemetry = await openTelemetry('worker');
  const { log } = telemetry;
  const home = homeFolder();
  const boot = `${workerHost()}.${process.pid}.${randomBytes(3).toString('hex')}`;
  const tree = treeOf(home);
  await mkdir(home, { recursive: true });
  await reapSessions(home);
  const before = await predecessors(home);
  const store = await openStore(storeUrl());
  const project = await projectOf(store);
  await noteWorker(home, boot, pinnedTo(project, boot));
  const first = await isFirst(home);
  const tell = async (more: object): Promise<void> => {
    if (first) await writeState(home, 'worker', { pid: process.pid, boot, ready: true, ...more });
  };
  const ready = await reachServer({ project, log, tell });
  const { client, place } = ready;
  const connection = await NativeConnection.connect(place.connectionOptions as NativeConnectionOptions);
  const limits = openLimits(client.connection as Connection, place.namespace, boot);
  const serving = workersOf();
  const common = { dataConverter: dataConverter(), interceptors: { activity: telemetry.activities } };
  const shared = { connection, namespace: place.namespace, identity: boot, ...common, ...drain };
  const lacks: Record<string, string> = {};
  const fit = polling(client, queueOf(project), boot, (queue, lack) => {
    lacks[queue] = lack;
    log.warn({ queue }, lack);
  });
  const parts = await compose({ home, store, project, boot, telemetry, client, limits }, () => ({
    ...shared,
    common,
    keep: serving.keep,
    wants: async (queue, lack) => !deps.sessions.leaving() && fit(queue, lack),
  }));
  const { deps, activities } = parts;
  const bundle = await workflowBundle(join(home, 'cache'), { encrypts: encrypts() });
  // Above the most episodes that a run may have in flight: one that is pushed out is replayed at its next step.
  const main = { ...shared, activities, workflowBundle: bundle, maxCachedWorkflows: 1200 };
  for (const taskQueue of ready.queues)
    serving.keep(await Worker.create({ ...main, taskQueue, maxConcurrentActivityTaskExecutions: 50 }));
  const own = { taskQueue: deps.pinnedQueue, maxConcurrentActivityTaskExecutions: 200 };
  // Asked by `lbi limits`, of each worker on its own queue.
  const minute = async (): Promise<Record<string, Minute>> => limits.minute();
  const pinned = await Worker.create({ ...shared, activities: { ...activities, minute }, ...own });
  serving.keep(pinned);
  const files = { taskQueue: treeQueue(tree), maxConcurrentActivityTaskExecutions: 20 };
  serving.keep(await Worker.create({ ...shared, activities, ...files }));
  // This process holds none of their sessions, and says so.
  for (const { queue } of before)
    serving.keep(await Worker.create({ ...shared, activities, taskQueue: queue, ...few }));
  void giveBack(client, before, queueOf(project), boot).catch((error: unknown) =>
    log.warn({ error }, 'what a dead worker had begun is left to its time-out'),
  );
  await tell({ key: keyring().first?.id ?? null });
  log.info({ boot, queues: ready.queues, server: place.connectionOptions.address, encrypts: encrypts() }, 'serving');
  const record = await keepRecord(store, { name: boot, home, tree }, () => {
    const queues = serving.queues();
    return {
      queues,
      lacks: Object.fromEntries(Object.entries(lacks).filter(([queue]) => !queues.includes(queue))),
      sessions: deps.sessions.ids(),
      state: deps.sessions.leaving() ? 'stopping' : 'serving',
    };
  });
  const leaving = (): void => {
    const stopOthers = (): void => serving.stop(pinned);
    void leave({ client, sessions: deps.sessions, pinned, stopOthers }).finally(() => serving.stop());
  };
  const look = looker({ ready, parts, log, tell, leaving });
  const timers = [
    setInterval(() => void look(), lookEvery),
    setInterval(
      () => void closeAbandoned(client, deps.sessions).catch(() => undefined),
      temporal.timeouts.sweep * 1000,
    ),
  ];
  await look();
  process.once('SIGTERM', leaving);
  process.once('SIGINT', leaving);
  try {
    await serving.ended();
  } finally {
    for (const timer of timers) clearInterval(timer);
    serving.stop();
    limits.stop();
    record.stop();
    await parts.close();
    await connection.close();
    await client.connection.close();
    await record.write('stopped');
    if (first) await removeState(home, 'worker');
    await forgetWorker(home, boot);
    log.info({ boot }, 'stopped');
    await telemetry.close();
  }
}

/** For a queue that hardly anything comes from. */
const few = { maxConcurrentActivityTaskExecutions: 50, maxConcurrentActivityTaskPolls: 1 };

/** Whether this is the worker that the supervisor keeps alive: further ones in the same folder are their starter's. */
async function isFirst(home: string): Promise<boolean> {
  const known = await liveState(home, 'worker');
  return known === undefined || known.pid === process.pid;
}

interface Looking {
  ready: Ready;
  parts: WorkerParts;
  log: Telemetry['log'];
  tell(more: object): Promise<void>;
  leaving(): void;
}

/** What is looked at every few seconds: runs whose queues are not polled yet, and whether the keys have changed. */
function looker({ ready, parts, log, tell, leaving }: Looking): () => Promise<void> {
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
      return leaving();
    }
    log.info({ key }, 'another key encrypts from now on');
    await tell({ key });
  };
  const queues = async (queue: string): Promise<void> => {
    for await (const run of openRuns(ready.client, queue)) {
      try {
        const ref = await planOf(run);
        if (ref !== undefined) await parts.openQueues(queue, ref);
      } catch (error) {
        // One run whose plan cannot be read keeps no other waiting.
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
  /** Asks all to stop, except the one given. */
  stop(except?: Worker): void;
  /** the queues that are polled */
  queues(): string[];
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
    stop: (except) => {
      for (const worker of workers) if (worker !== except && worker.getState() === 'RUNNING') worker.shutdown();
    },
    queues: () =>
      [
        ...new Set(workers.filter((worker) => worker.getState() === 'RUNNING').map((each) => each.options.taskQueue)),
      ].sort(),
    ended: () => Promise.all(running),
  };
}
