/** A stage of the user's own in a thread of its own: what it throws, blocks or ends there is its own affair. */
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { StageCall, StageHost, StageOutcome, StageRunner } from '../../activities/own-stage.ts';
import { type ErrorKind, LbiError } from '../../core/errors.ts';

/** What the worker says to the thread. `run` begins a call; the rest belongs to one. */
export type ToThread =
  | { type: 'run'; id: number; call: Omit<StageCall, 'signal' | 'seconds' | 'what'> }
  | { type: 'abort'; id: number }
  | { type: 'answer'; id: number; question: number; value?: unknown; error?: string }
  | { type: 'ping' };

export type HostQuestion =
  | { name: 'complete'; given: Parameters<StageHost['complete']> }
  | { name: 'put'; given: Parameters<StageHost['put']> }
  | { name: 'get'; given: Parameters<StageHost['get']> }
  | { name: 'log'; given: Parameters<StageHost['log']> }
  | { name: 'row'; given: Parameters<StageHost['row']> };

/** What the thread says. */
export type FromThread =
  | { type: 'done'; id: number; outcome: StageOutcome }
  | { type: 'failed'; id: number; kind: ErrorKind; message: string; retryAfterMs?: number }
  | ({ type: 'ask'; id: number; question: number } & HostQuestion)
  | { type: 'ready' }
  | { type: 'pong' };

interface Going {
  call: StageCall;
  host: StageHost;
  settle: PromiseWithResolvers<StageOutcome>;
}

/** Milliseconds in which a thread that is not blocked answers, and in which one must have loaded its module. */
const pongWithin = 2000;
const readyWithin = 60_000;
/** Megabytes that a stage's objects may take. */
const heap = 4096;

const main = new URL(`./stage-main${extname(fileURLToPath(import.meta.url))}`, import.meta.url);

/** @param address of the module, with its mark. @param ended is told when the thread is gone: the next call needs another */
export function stageThread(address: string, ended: () => void): StageRunner {
  const thread = new Worker(main, { workerData: { address }, resourceLimits: { maxOldGenerationSizeMb: heap } });
  thread.unref();
  const going = new Map<number, Going>();
  let calls = 0;
  let gone: LbiError | undefined;
  let pong: (() => void) | undefined;
  const ready = Promise.withResolvers<void>();
  ready.promise.catch(() => undefined);
  const slow = setTimeout(() => {
    gone = new LbiError('module', `its module did not load within ${readyWithin / 1000} s`);
    void thread.terminate();
  }, readyWithin).unref();

  const end = (error: (going: Going) => LbiError): void => {
    for (const each of going.values()) each.settle.reject(error(each));
    going.clear();
    clearTimeout(slow);
    ended();
  };
  thread.on('message', (said: FromThread) => {
    if (said.type === 'pong') return pong?.();
    if (said.type === 'ready') {
      clearTimeout(slow);
      return ready.resolve();
    }
    const each = going.get(said.id);
    if (each === undefined) return undefined;
    if (said.type === 'ask') return void answer(thread, each.host, said);
    going.delete(said.id);
    if (said.type === 'done') return each.settle.resolve(said.outcome);
    const { kind, message, retryAfterMs } = said;
    return each.settle.reject(new LbiError(kind, message, retryAfterMs === undefined ? {} : { retryAfterMs }));
  });
  thread.on('error', (error) => {
    gone = new LbiError('module', `ended its thread: ${error.message}`, { cause: error });
    end(({ call }) => new LbiError('module', `${call.name} ended its thread: ${error.message}`, { cause: error }));
  });
  thread.on('exit', () => {
    const why = ({ name }: { name: string }): LbiError => gone ?? new LbiError('module', `${name} ended its thread`);
    ready.reject(why({ name: 'the stage' }));
    end(({ call }) => why(call));
  });

  /** A call that is late is given up; a thread that it blocks is stopped, and the other calls are tried again. */
  const late = async (id: number, error: LbiError): Promise<void> => {
    const each = going.get(id);
    if (each === undefined) return;
    going.delete(id);
    thread.postMessage({ type: 'abort', id } satisfies ToThread);
    each.settle.reject(error);
    const answered = new Promise<boolean>((resolve) => {
      const timer = setTimeout(resolve, pongWithin, false);
      pong = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
    thread.postMessage({ type: 'ping' } satisfies ToThread);
    if (await answered) return;
    gone = new LbiError('transient', 'its thread was blocked by another call and stopped: tried again');
    await thread.terminate();
  };

  return {
    run: async (call, host) => {
      // Loading is not the stage's time.
      await ready.promise;
      call.signal.throwIfAborted();
      const id = calls++;
      const each: Going = { call, host, settle: Promise.withResolvers() };
      going.set(id, each);
      const { signal: _signal, seconds, what, ...given } = call;
      const { name } = call;
      const timer = setTimeout(
        () => void late(id, new LbiError('module', `${name}: ${what} did not end within ${seconds} s`)),
        seconds * 1000,
      );
      const cancel = (): void => void late(id, new LbiError('transient', `${name}: ${what} was cancelled`));
      call.signal.addEventListener('abort', cancel, { once: true });
      try {
        thread.postMessage({ type: 'run', id, call: given } satisfies ToThread);
        return await each.settle.promise;
      } finally {
        clearTimeout(timer);
        call.signal.removeEventListener('abort', cancel);
        going.delete(id);
      }
    },
  };
}

async function answer(thread: Worker, host: StageHost, said: Extract<FromThread, { type: 'ask' }>): Promise<void> {
  const { id, question } = said;
  const reply = (more: { value?: unknown; error?: string }): void =>
    thread.postMessage({ type: 'answer', id, question, ...more } satisfies ToThread);
  try {
    reply({ value: await asked(host, said) });
  } catch (error) {
    reply({ error: error instanceof Error ? error.message : String(error) });
  }
}

function asked(host: StageHost, said: HostQuestion): unknown {
  if (said.name === 'complete') return host.complete(...said.given);
  if (said.name === 'put') return host.put(...said.given);
  if (said.name === 'get') return host.get(...said.given);
  return said.name === 'row' ? host.row(...said.given) : host.log(...said.given);
}
