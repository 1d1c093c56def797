/** What a worker waits for before it takes work: a server that lets it in, and keys that open the runs it would serve. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import { LbiError } from '../core/errors.ts';
import { temporal } from '../temporal.config.ts';
import { openClient, type Place, whichServer } from './connection.ts';
import { keyMissing } from './encryption/codec.ts';
import { forgetKeys, keyring } from './encryption/keys.ts';
import { homeFolder } from './home.ts';
import { openRuns } from './open-runs.ts';
import { queueOf } from './project.ts';

export interface Ready {
  place: Place;
  client: Client;
  /** queues of workflows to serve: the project's, and the one that older releases used while it has open runs */
  queues: string[];
}

interface Waiting {
  project: string;
  log: Logger;
  /** writes into the worker's record */
  tell(more: object): Promise<void>;
}

/** Milliseconds between two tries. */
const tryEvery = 3000;

/**
 * Waits as long as it takes, with the reason in the worker's record for `lbi up` and `lbi doctor`: a worker that took work it cannot
 * read would fail it over and over.
 */
export async function reachServer({ project, log, tell }: Waiting): Promise<Ready> {
  let said = '';
  for (;;) {
    let client: Client | undefined;
    try {
      forgetKeys();
      const place = await whichServer(homeFolder());
      client = await openClient(place);
      const queues = await queuesOf(client, project);
      await readable(client, queues);
      return { place, client, queues };
    } catch (error) {
      await client?.connection.close();
      if (!(error instanceof LbiError)) throw error;
      if (error.message !== said) log.error(error.message);
      said = error.message;
      await tell({ ready: false, problem: error.message });
      await sleep(tryEvery);
    }
  }
}

async function queuesOf(client: Client, project: string): Promise<string[]> {
  const own = queueOf(project);
  if (temporal.external !== undefined) return [own];
  for await (const _ of openRuns(client, temporal.queuePrefix)) return [own, temporal.queuePrefix];
  return [own];
}

/** Throws an operator error that names the key of an open run that no key here opens. */
async function readable(client: Client, queues: string[]): Promise<void> {
  const ring = keyring();
  for (const queue of queues)
    for await (const { keyId } of openRuns(client, queue))
      if (keyId !== undefined && ring.find(keyId) === undefined) throw keyMissing(keyId, ring);
}
