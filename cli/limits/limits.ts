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
  const shown = showPresence(connection, namespace, me);
  let looked = 0;
  let seen: Promise<string[]> = Promise.resolve([]);
  const told = new Map<string, number>();
  const keeper = openKeeper({
    me,
    register: openRegister(connection, namespace, me),
    workers: () => {
      if (Date.now() - looked > fresh) {
        looked = Date.now();
        seen = presence.workers();
      }
      return seen;
    },
    problem: (queue, error) => {
      if (Date.now() - (told.get(queue) ?? 0) < complain) return;
      told.set(queue, Date.now());
      const why = error instanceof Error ? error.message : String(error);
      console.error(new Date().toISOString(), `the limits of ${queue} cannot be looked at: ${why}`);
    },
  });
  return {
    ...keeper,
    stop: () => {
      shown.stop();
      keeper.stop();
    },
  };
}
