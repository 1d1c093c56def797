/** What a worker works with: store, models, environments and leases, put together under the names of its project's queues. */
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { caller, cancelled, queuedAt } from '../activities/failures.ts';
import { createActivities, type Deps } from '../activities/index.ts';
import { episodeOf } from '../activities/lease.ts';
import { openLedger } from '../activities/ledger.ts';
import { modelSpecOf } from '../activities/plans.ts';
import type { Sessions } from '../activities/sessions.ts';
import type { Activities } from '../schemas/activities.ts';
import type { Store } from '../store/store.ts';
import { temporal } from '../temporal.config.ts';
import { leasesOf } from './leases.ts';
import type { Keeper } from './limits/keeper.ts';
import { metered } from './limits/meter.ts';
import { pinnedTo } from './limits/presence.ts';
import type { Heard } from './models.ts';
import { commonParts } from './parts.ts';
import { queueOf } from './project.ts';
import { environmentQueue, modelQueue, queueOpener } from './queues.ts';
import { sessionsRoot } from './reaper.ts';
import type { Telemetry } from './telemetry/telemetry.ts';

type Polling = Omit<ReturnType<Parameters<typeof queueOpener>[0]>, 'activities' | 'sessions' | 'named' | 'limits'>;

export interface WorkerParts {
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
  limits: Keeper;
}

/** Puts store, models and environments together: the one place where they meet. */
export async function compose(
  { home, store, project, boot, telemetry, client, limits }: Composing,
  polling: () => Polling,
): Promise<WorkerParts> {
  const stopping = new AbortController();
  const pinnedQueue = pinnedTo(project, boot);
  const named = (queue: string): string => queueOf(project, queue);
  const heard: Heard = (plan, name, allowance) => limits.told(named(modelQueue(plan, name)), allowance);
  const common = commonParts(store, sessionsRoot(home), heard);
  const { sessions, model } = common.parts;
  const openQueues = queueOpener(() => ({ ...polling(), named, activities, sessions, limits }));
  // Runs that began before queues carried their project: only a server of our own can have them.
  const old = { ...sessions, held: (queue: string) => sessions.held(named(queue)) };
  const openOld = queueOpener(() => ({ ...polling(), named: (queue) => queue, activities, sessions: old, limits }));
  const deps: Deps = {
    ...common.parts,
    model: async (plan, name) => {
      const { provider } = modelSpecOf(plan, name);
      const counted = metered(await model(plan, name), provider, named(modelQueue(plan, name)), limits);
      return telemetry.watched(counted, plan, name);
    },
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
    leases: leasesOf(client, queueOf(project)),
    pinnedQueue,
    ledger: openLedger(store, pinnedQueue),
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
  const openFor = async (queue: string, ref: string): Promise<void> =>
    (queue === temporal.queuePrefix ? openOld : openQueues)(await deps.plan(ref));
  return { deps, activities, openQueues: openFor, close };
}

/** Closes the sessions of episodes that are over: one that was terminated, or given up, closes nothing itself. */
export async function closeAbandoned(client: Client, sessions: Sessions): Promise<void> {
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
