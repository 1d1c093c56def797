/** An error out of a module of the user's own, said with the module's name and line; and a bound on how long it may take. */
import { LbiError } from './errors.ts';

/** The query that marks the address of such a module, so that an edited file is another module. */
export const ownMark = '?lbi=';

/** `file.ts:12:5`: the first line of the stack that lies in a module of the user's own; undefined when there is none. */
export const ownPlace = (error: unknown): string | undefined => {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  const found = /file:\/\/(\/[^\s)]*?)\?lbi=[0-9a-f]+:(\d+):(\d+)/.exec(stack);
  return found === null ? undefined : `${decodeURIComponent(found[1] ?? '')}:${found[2]}:${found[3]}`;
};

/** What the module called `name` threw, as an error of the house; errors of the house stay what they are. */
export const ownMistake = (name: string, error: unknown): LbiError => {
  if (error instanceof LbiError) return error;
  const place = ownPlace(error);
  const said = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new LbiError('module', `${name}${place === undefined ? '' : ` (${place})`}: ${said}`, { cause: error });
};

/** A clock, handed in: core has none. Gives a function that takes the alarm back. */
export type Alarm = (seconds: number, ring: () => void) => () => void;

export interface Bounds {
  /** what messages call the module */
  name: string;
  /** what it does, in words: `the step`, `a batch of 20 tasks` */
  what: string;
  seconds: number;
  alarm: Alarm;
  signal?: AbortSignal | undefined;
}

/** Runs the work of a module within its time. What it throws, and a promise that never settles, become errors of the house. */
export async function bounded<T>(bounds: Bounds, work: (signal: AbortSignal) => Promise<T> | T): Promise<T> {
  const { name, what, seconds, alarm, signal } = bounds;
  const cancelled = (): LbiError =>
    new LbiError('transient', `${name}: ${what} was cancelled`, { cause: signal?.reason });
  if (signal?.aborted === true) throw cancelled();
  const late = new AbortController();
  const stopped = Promise.withResolvers<never>();
  stopped.promise.catch(() => undefined);
  const silence = alarm(seconds, () => {
    late.abort();
    stopped.reject(new LbiError('module', `${name}: ${what} did not end within ${seconds} s`));
  });
  const cancel = (): void => stopped.reject(cancelled());
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    const both = signal === undefined ? late.signal : AbortSignal.any([late.signal, signal]);
    return await Promise.race([Promise.resolve(work(both)), stopped.promise]);
  } catch (error) {
    throw ownMistake(name, error);
  } finally {
    silence();
    signal?.removeEventListener('abort', cancel);
  }
}
