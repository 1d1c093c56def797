/**
 * Which workers there are. The server notes who polls a queue and when; a poller that waits is noted once a minute, and one whose slots
 * are all taken not at all. So each worker also asks, every few seconds and for a moment, a queue beside it that never has work.
 */
import type { Connection } from '@temporalio/client';
import { temporal } from '../../temporal.config.ts';
import { pollersOf } from '../pollers.ts';
import { queueOf } from '../project.ts';

/** Beside a model's queue. */
const beside = (queue: string): string => `${queue}.workers`;
/** Milliseconds between two signs of life. */
const every = 8000;
/** Milliseconds that one poll stays: the server takes none that is shorter than two seconds. */
const stay = 2500;
/** Milliseconds without a sign of life after which a worker is gone. */
const silence = 25_000;

export interface Presence {
  /** The identities of the workers that serve the queue, sorted. */
  workers(queue: string): Promise<string[]>;
}

/** @param namespace where the workers are looked for */
export function seePresence(connection: Connection, namespace: string): Presence {
  return {
    workers: async (queue) => {
      const seen = await pollersOf(connection.workflowService, namespace, beside(queue), 'activities');
      // Against the newest, not against this machine's clock: the times are the server's.
      const newest = Math.max(0, ...seen.map(({ at }) => at));
      return seen
        .filter(({ at }) => at > newest - silence)
        .map(({ identity }) => identity)
        .sort();
    },
  };
}

/** Gives signs of life beside the queue until it is stopped. */
export function showPresence(
  connection: Connection,
  namespace: string,
  identity: string,
  queue: string,
): { stop(): void } {
  const call = { namespace, identity, taskQueue: { name: beside(queue) } };
  const poll = (): void => {
    const asked = connection.withDeadline(Date.now() + stay, () =>
      connection.workflowService.pollActivityTaskQueue(call),
    );
    // That nothing came is how each of them ends.
    asked.catch(() => undefined);
  };
  poll();
  const timer = setInterval(poll, every);
  return { stop: () => clearInterval(timer) };
}

/** The queue that only this worker polls. */
export const pinnedTo = (project: string, worker: string): string =>
  queueOf(project, `${temporal.queuePrefix}.env.${worker}`);
