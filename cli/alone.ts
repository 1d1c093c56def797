/** What activities are given when one process does their work alone, without a server or a worker. */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Deps } from '../activities/deps.ts';
import type { Store } from '../store/store.ts';
import { commonParts } from './parts.ts';

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
  const common = commonParts(store, root);
  const me = `alone-${randomBytes(6).toString('hex')}`;
  const deps: Deps = {
    ...common.parts,
    openQueues: async () => {},
    queues: { model: (_plan, name) => name, environment: (_plan, name) => name },
    timing: { lostAfterSeconds: 30, heartbeatSeconds: 15, sweepSeconds: 60, historyEvents: null },
    ended: async () => [],
    pinnedQueue: 'here',
    caller: () => me,
    cancelled: () => signal,
    signal,
  };
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await common.close();
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
