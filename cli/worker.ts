/** The worker process: composes store, models and environments, and serves the workflows and activities. */

import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection, WorkflowNotFoundError } from '@temporalio/client';
import { DefaultLogger, NativeConnection, type NativeConnectionOptions, Runtime, Worker } from '@temporalio/worker';
import { caller, cancelled, queuedAt } from '../activities/failures.ts';
import { createActivities, type Deps } from '../activities/index.ts';
import { episodeOf } from '../activities/lease.ts';
import { openLedger } from '../activities/ledger.ts';
import type { Sessions } from '../activities/sessions.ts';
import type { Activities } from '../schemas/activities.ts';
import type { Store } from '../store/store.ts';
import { openStore } from '../store/stores.ts';
import { temporal, treeQueue } from '../temporal.config.ts';
import { workflowBundle } from './bundle.ts';
import { whichServer } from './connection.ts';
import { homeFolder, storeUrl, treeOf } from './home.ts';
import { leasesOf } from './leases.ts';
import { leave } from './leave.ts';
import { outliveStrays } from './modules/stray.ts';
import { commonParts } from './parts.ts';
import { polling } from './polling.ts';
import { liveState, removeState, writeState } from './processes.ts';
import { drain, environmentQueue, modelQueue, queueOpener } from './queues.ts';
import { reapSessions, sessionsRoot } from './reaper.ts';
import { forgetWorker, giveBack, noteWorker, predecessors } from './takeover.ts';
import { keepRecord, workerHost } from './workers.ts';

/** Milliseconds between two looks for runs whose queues this worker should poll. */
const lookEvery = 3000;

/** Serves until SIGTERM or SIGINT, then finishes or hands back what it does. */
export async function runWorker(): Promise<void> {
  outliveStrays();
  Runtime.install({ logger: new DefaultLogger('WARN'), shutdownSignals: [] });
  const home = homeFolder();
  const boot = `${workerHost()}.${process.pid}.${randomBytes(3).toString('hex')}`;
  const tree = treeOf(home);
  await mkdir(home, { recursive: true });
  await reapSessions(home);
  const before = await predecessors(home);
  await noteWorker(home, boot, `lbi.env.${boot}`);

  const { connectionOptions, namespace } = await whichServer(home);
  const connection = await NativeConnection.connect(connectionOptions as NativeConnectionOptions);
  const client = new Client({ connection: await Connection.connect(connectionOptions), namespace });
  const serving = workersOf();
  const shared = { connection, namespace, identity: boot, ...drain };
  const lacks: Record<string, string> = {};
  const fit = polling(client, namespace, boot, (queue, lack) => {
    lacks[queue] = lack;
  });
  const store = await openStore(storeUrl());
  const parts = await compose({ home, store, pinnedQueue: `lbi.env.${boot}`, client }, () => ({
    ...shared,
    keep: serving.keep,
    wants: async (queue, lack) => !deps.sessions.leaving() && fit(queue, lack),
  }));
  const { deps, activities } = parts;
  serving.keep(
    await Worker.create({
      ...shared,
      activities,
      taskQueue: temporal.mainQueue,
      workflowBundle: await workflowBundle(join(home, 'cache')),
      maxConcurrentActivityTaskExecutions: 50,
      // Above the most episodes that a run may have in flight: one that is pushed out is replayed at its next step.
      maxCachedWorkflows: 1200,
    }),
  );
  const own = { taskQueue: deps.pinnedQueue, maxConcurrentActivityTaskExecutions: 200 };
  const pinned = await Worker.create({ ...shared, activities, ...own });
  serving.keep(pinned);
  serving.keep(
    await Worker.create({
      ...shared,
      activities,
      taskQueue: treeQueue(tree),
      maxConcurrentActivityTaskExecutions: 20,
    }),
  );
  // This process holds none of their sessions, and says so.
  for (const { queue } of before)
    serving.keep(await Worker.create({ ...shared, activities, taskQueue: queue, ...few }));
  void giveBack(client, before, temporal.mainQueue, boot).catch((error: unknown) =>
    console.error('what a dead worker had begun is left to its time-out:', error),
  );
  const first = await isFirst(home);
  if (first) await writeState(home, 'worker', { pid: process.pid, boot, ready: true });
  const record = await keepRecord(store, { name: boot, home, tree }, () => {
    const queues = serving.queues();
    return {
      queues,
      lacks: Object.fromEntries(Object.entries(lacks).filter(([queue]) => !queues.includes(queue))),
      sessions: deps.sessions.ids(),
      state: deps.sessions.leaving() ? 'stopping' : 'serving',
    };
  });
  const timers = [
    setInterval(() => void openRunning(client, deps).catch(() => undefined), lookEvery),
    setInterval(
      () => void closeAbandoned(client, deps.sessions).catch(() => undefined),
      temporal.timeouts.sweep * 1000,
    ),
  ];
  await openRunning(client, deps).catch(() => undefined);
  const leaving = (): void => {
    const stopOthers = (): void => serving.stop(pinned);
    void leave({ client, sessions: deps.sessions, pinned, stopOthers }).finally(() => serving.stop());
  };
  process.once('SIGTERM', leaving);
  process.once('SIGINT', leaving);
  try {
    await serving.ended();
  } finally {
    for (const timer of timers) clearInterval(timer);
    serving.stop();
    record.stop();
    await parts.close();
    await connection.close();
    await record.write('stopped');
    if (first) await removeState(home, 'worker');
    await forgetWorker(home, boot);
  }
}

/** For a queue that hardly anything comes from. */
const few = { maxConcurrentActivityTaskExecutions: 50, maxConcurrentActivityTaskPolls: 1 };

/** Whether this is the worker that the supervisor keeps alive: further ones in the same folder are their starter's. */
async function isFirst(home: string): Promise<boolean> {
  const known = await liveState(home, 'worker');
  return known === undefined || known.pid === process.pid;
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

type Polling = Omit<ReturnType<Parameters<typeof queueOpener>[0]>, 'activities' | 'sessions'>;

interface Parts {
  deps: Deps;
  activities: Activities;
  /** Stops what is at work and closes sessions and models. */
  close(): Promise<void>;
}

interface Place {
  home: string;
  store: Store;
  pinnedQueue: string;
  client: Client;
}

/** Puts store, models and environments together: the one place where they meet. */
async function compose({ home, store, pinnedQueue, client }: Place, polling: () => Polling): Promise<Parts> {
  const stopping = new AbortController();
  const common = commonParts(store, sessionsRoot(home));
  const { sessions } = common.parts;
  const deps: Deps = {
    ...common.parts,
    openQueues: queueOpener(() => ({ ...polling(), activities, sessions })),
    queues: { model: modelQueue, environment: environmentQueue },
    timing: {
      lostAfterSeconds: temporal.timeouts.lostWorker,
      heartbeatSeconds: temporal.timeouts.heartbeat,
      sweepSeconds: temporal.timeouts.sweep,
      historyEvents: temporal.historyEvents,
    },
    ended: (ids) => endedOf(client, ids),
    leases: leasesOf(client),
    pinnedQueue,
    ledger: openLedger(common.parts.store, pinnedQueue),
    caller,
    queuedAt,
    cancelled,
    signal: stopping.signal,
  };
  const activities = createActivities(deps);
  const close = async (): Promise<void> => {
    stopping.abort();
    await common.close();
  };
  return { deps, activities, close };
}

/** Polls the queues of every run that is open, whoever started it. */
async function openRunning(client: Client, deps: Deps): Promise<void> {
  const query = `WorkflowType = 'pipeline' AND ExecutionStatus = 'Running'`;
  for await (const { memo } of client.workflow.list({ query })) {
    const ref = memo?.plan;
    // One run whose plan cannot be read keeps no other waiting.
    if (typeof ref === 'string') await deps.plan(ref).then(deps.openQueues, () => undefined);
  }
}

/** Closes the sessions of episodes that are over: one that was terminated, or given up, closes nothing itself. */
async function closeAbandoned(client: Client, sessions: Sessions): Promise<void> {
  const ids = sessions.ids();
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
