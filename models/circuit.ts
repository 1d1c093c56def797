/** What keeps a broken model from being asked by everybody: while a person has to mend it, one call at a time tries it. */
import { setTimeout } from 'node:timers/promises';
import { ModelError } from '../core/errors.ts';

/** The failure that a person has to mend, and when it was learned (milliseconds since the epoch). */
interface Broken {
  error: ModelError;
  at: number;
}

export interface Circuit {
  /**
   * Makes the call, unless the model is broken. Then whoever has waited since before its last failure (here, or in the queue: `since`)
   * shares that failure, and the others wait until one of them has tried it again. Throws what the call throws.
   */
  through<T>(call: () => Promise<T>, waiting: { since?: number; signal: AbortSignal }): Promise<T>;
}

/** Milliseconds between two tries of a broken model. */
const pause = 3000;

/** One for each model and credential, as one for each queue; @param pauseMs milliseconds between two tries of a broken model */
export function openCircuit(pauseMs = pause): Circuit {
  let broken: Broken | undefined;
  let trying: Promise<unknown> | undefined;

  const make = async <T>(call: () => Promise<T>): Promise<T> => {
    try {
      const reply = await call();
      broken = undefined;
      return reply;
    } catch (error) {
      // Whatever else it answers, it is no longer the person's to mend.
      broken = error instanceof ModelError && error.kind === 'operator' ? { error, at: Date.now() } : undefined;
      throw error;
    }
  };

  const tryAgain = async <T>({ at }: Broken, call: () => Promise<T>, signal: AbortSignal): Promise<T> => {
    const rest = at + pauseMs - Date.now();
    if (rest > 0) await setTimeout(rest, undefined, { signal }).catch(() => undefined);
    return make(call);
  };

  return {
    through: async (call, { since = Date.now(), signal }) => {
      for (;;) {
        if (broken === undefined || signal.aborted) return make(call);
        if (since < broken.at) throw broken.error;
        if (trying === undefined) {
          const mine = tryAgain(broken, call, signal).finally(() => {
            trying = undefined;
          });
          trying = mine;
          return mine;
        }
        await Promise.race([trying.catch(() => undefined), aborted(signal)]);
      }
    },
  };
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
