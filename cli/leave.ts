/** How a worker stops: it takes nothing new, hands the sessions it holds back, and lets what is at work end. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { Worker } from '@temporalio/worker';
import { episodeOf } from '../activities/lease.ts';
import type { Sessions } from '../activities/sessions.ts';

/** Milliseconds in which acts that were sent here meanwhile are still taken, to be refused: unheard they would wait for a time-out. */
const settle = 1500;
/** Milliseconds that telling the episodes may take. */
const telling = 4000;

interface Leaving {
  client: Client;
  sessions: Sessions;
  /** polls the queue of this process alone */
  pinned: Worker;
  /** stops all other workers of this process */
  stopOthers(): void;
}

/** Resolves when all workers have been asked to stop. */
export async function leave({ client, sessions, pinned, stopOthers }: Leaving): Promise<void> {
  const ending = sessions.leave();
  stopOthers();
  if (ending.length > 0) {
    const told = Promise.allSettled(
      ending.map((session) => client.workflow.getHandle(episodeOf(session)).signal('sessionEnds', { session })),
    );
    await Promise.race([told, sleep(telling, undefined, { ref: false })]);
    await sleep(settle);
  }
  if (pinned.getState() === 'RUNNING') pinned.shutdown();
}
