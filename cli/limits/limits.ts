/** The limits of a worker's queues: its keeper, put together with the server's register and the sight of the other workers. */
import type { Connection } from '@temporalio/client';
import { type Keeper, openKeeper } from './keeper.ts';
import { seePresence, showPresence } from './presence.ts';
import { openRegister } from './register.ts';

/** Milliseconds for which the sight of the other workers is good. */
const fresh = 2000;
/** Milliseconds between two complaints about one queue. */
const complain = 60_000;

/** @param me this worker, as the Temporal UI names it */
export function openLimits(connection: Connection, namespace: string, me: string): Keeper {
  const presence = seePresence(connection, namespace);
  const sights = new Map<string, { at: number; workers: Promise<string[]> }>();
  const told = new Map<string, number>();
  return openKeeper({
    me,
    register: openRegister(connection, namespace, me),
    show: (queue) => showPresence(connection, namespace, me, queue),
    workers: (queue) => {
      const known = sights.get(queue);
      if (known !== undefined && Date.now() - known.at < fresh) return known.workers;
      const workers = presence.workers(queue);
      sights.set(queue, { at: Date.now(), workers });
      return workers;
    },
    problem: (queue, error) => {
      if (Date.now() - (told.get(queue) ?? 0) < complain) return;
      told.set(queue, Date.now());
      const why = error instanceof Error ? error.message : String(error);
      console.error(new Date().toISOString(), `the limits of ${queue} cannot be looked at: ${why}`);
    },
  });
}
