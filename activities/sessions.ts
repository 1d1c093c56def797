/** The sessions that this worker process holds, and the slots that bound them. */
import { createHash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EnvironmentError } from '../core/errors.ts';
import type { Session } from '../environments/environment.ts';

interface Held {
  /** the queue whose slot it takes */
  queue: string;
  workdir: string;
  opening: Promise<Session>;
  /** set once it is open */
  session?: Session;
}

export interface Sessions {
  /** The session of that id; opens it when it is not held yet, so that a repeated call gives the same one. */
  open(id: string, queue: string, make: (workdir: string) => Promise<Session>): Promise<Session>;
  /** Throws `session-lost` when this process does not hold it. */
  get(id: string): Session;
  close(id: string): Promise<void>;
  closeAll(): Promise<void>;
  /** The worker stops: from now on no session is opened or found here. What is at work ends. Gives the sessions that end with it. */
  leave(): string[];
  leaving(): boolean;
  /** The sessions that are held, `<workflow id>#<number>`. */
  ids(): string[];
  /** How many sessions are held for that queue. */
  held(queue: string): number;
  /** Hears of every session that was closed. */
  onRelease(hear: () => void): void;
}

/** @param root folder of this process alone, for the sessions' working folders */
export function openSessions(root: string): Sessions {
  const sessions = new Map<string, Held>();
  const hearers: (() => void)[] = [];
  let leaving = false;

  const forget = async (id: string): Promise<void> => {
    const held = sessions.get(id);
    sessions.delete(id);
    for (const hear of hearers) hear();
    if (held !== undefined) await rm(held.workdir, { recursive: true, force: true });
  };

  const open: Sessions['open'] = async (id, queue, make) => {
    const known = sessions.get(id);
    if (known !== undefined) return known.opening;
    if (leaving) throw stops(id);
    const workdir = join(root, createHash('sha256').update(id).digest('hex').slice(0, 12));
    const opening = (async () => {
      await mkdir(workdir, { recursive: true });
      return make(workdir);
    })();
    const held: Held = { queue, workdir, opening };
    sessions.set(id, held);
    try {
      held.session = await opening;
      return held.session;
    } catch (error) {
      await forget(id);
      throw error;
    }
  };

  const close: Sessions['close'] = async (id) => {
    const session = await sessions.get(id)?.opening;
    try {
      await session?.close();
    } finally {
      await forget(id);
    }
  };

  return {
    open,
    close,
    leave: () => {
      leaving = true;
      return [...sessions.keys()];
    },
    leaving: () => leaving,
    get: (id) => {
      if (leaving) throw stops(id);
      const session = sessions.get(id)?.session;
      if (session === undefined)
        throw new EnvironmentError('session-lost', `this worker does not hold the session ${id}`);
      return session;
    },
    closeAll: async () => {
      await Promise.allSettled([...sessions.keys()].map(close));
    },
    ids: () => [...sessions.keys()],
    held: (queue) => [...sessions.values()].filter((held) => held.queue === queue).length,
    onRelease: (hear) => void hearers.push(hear),
  };
}

/** What a session is lost by when its worker is asked to stop. */
export const stops = (id: string): EnvironmentError =>
  new EnvironmentError('session-lost', `this worker stops: the session ${id} is opened again elsewhere`);
