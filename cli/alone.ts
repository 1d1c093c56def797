/** What activities are given when one process does their work alone, without a server or a worker. */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Deps } from '../activities/deps.ts';
import { openSessions } from '../activities/sessions.ts';
import type { Store } from '../store/store.ts';
import { indexesFolder } from './home.ts';
import { embedderOnce, modelOpener } from './models.ts';
import { driverOf, plannedStage } from './modules.ts';
import { packageFolder } from './packages.ts';
import { planReader } from './plans.ts';
import { repositories } from './repositories.ts';

export interface Alone {
  deps: Deps;
  /** Closes sessions and models, and removes the sessions' folders; safe to call twice. */
  close(): Promise<void>;
}

/** @param signal aborted when the person stops it */
export async function alone(store: Store, signal: AbortSignal): Promise<Alone> {
  const folder = await mkdtemp(join(tmpdir(), 'lbi-alone-'));
  const root = join(folder, 'sessions');
  await mkdir(root);
  const sessions = openSessions(root);
  const models = modelOpener();
  const embedder = embedderOnce();
  const me = `alone-${randomBytes(6).toString('hex')}`;
  const deps: Deps = {
    store,
    plan: planReader(store),
    model: models.open,
    embedder: embedder.open,
    driver: driverOf,
    stage: plannedStage,
    sessions,
    packageFolder,
    repositories,
    openQueues: async () => {},
    queues: { model: (_plan, name) => name, environment: (_plan, name) => name },
    timing: { lostAfterSeconds: 30, heartbeatSeconds: 15, sweepSeconds: 60, historyEvents: null },
    ended: async () => [],
    home: process.cwd(),
    indexes: indexesFolder(),
    pinnedQueue: 'here',
    caller: () => me,
    cancelled: () => signal,
    signal,
  };
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await sessions.closeAll();
    await Promise.all([models.close(), embedder.close()]);
    await rm(folder, { recursive: true, force: true });
  };
  return {
    deps,
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}
