/**
 * Which queues a worker polls: those it can serve. One that it cannot is left to workers that can; where there is none, it polls it all the
 * same, so that the work fails with a message that says what is missing and where, instead of waiting unseen.
 */
import type { Client } from '@temporalio/client';
import { processIsAlive } from '../environments/orphans.ts';
import { pollersOf } from './pollers.ts';
import { workerHost } from './workers.ts';

/** Milliseconds for which a poll is a sign of life: a waiting one is renewed every minute. */
const pollLasts = 75_000;
/** Milliseconds that others are given to poll a queue that this machine cannot serve. */
const others = 15_000;
/** Milliseconds until it is looked again what the machine lacks. */
const lookAgain = 10_000;

interface Known {
  since: number;
  looked: number;
  lack: string | undefined;
}

/** A process of this machine that is gone is known to be: its last poll is no sign of life. Names are `<host>.<pid>.<boot>`. */
function gone(name: string): boolean {
  const [, pid] = /\.(\d+)\.[0-9a-f]+$/.exec(name) ?? [];
  return pid !== undefined && name.startsWith(`${workerHost()}.`) && !processIsAlive(Number(pid));
}

/** @param main the queue that every worker of the project polls; @param me how this process is called; @param say hears what the machine lacks, once for each queue and reason */
export function polling(
  client: Client,
  main: string,
  me: string,
  say: (queue: string, lack: string) => void,
): (queue: string, lack: () => Promise<string | undefined>) => Promise<boolean> {
  const { namespace } = client.options;
  const known = new Map<string, Known>();
  const look = async (queue: string, lack: () => Promise<string | undefined>): Promise<Known> => {
    const before = known.get(queue);
    const now = Date.now();
    if (before !== undefined && (before.lack === undefined || now - before.looked < lookAgain)) return before;
    const found = await lack();
    if (found !== undefined && found !== before?.lack) say(queue, found);
    const state = { since: before?.since ?? now, looked: now, lack: found };
    known.set(queue, state);
    return state;
  };
  const elsewhere = async (queue: string): Promise<boolean> =>
    (await pollersOf(client.workflowService, namespace, queue, 'activities')).some(
      ({ identity, at }) => identity !== me && Date.now() - at < pollLasts && !gone(identity),
    );
  return async (queue, lack) => {
    const { lack: missing, since } = await look(queue, lack);
    if (missing === undefined) return true;
    if (!(await elsewhere(main))) return true;
    return !(await elsewhere(queue)) && Date.now() - since > others;
  };
}
