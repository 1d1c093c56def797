/** Loaded weights: one copy per file and process however many models use it, one context per role so that prefixes stay cached. */
import { cpus, loadavg } from 'node:os';
import type { Llama, LlamaContext, LlamaContextSequence, LlamaModel } from 'node-llama-cpp';
import { ModelError } from '../../core/errors.ts';

type Library = typeof import('node-llama-cpp');

/** Weights in memory and what is needed to run them. */
export interface Loaded {
  library: Library;
  llama: Llama;
  model: LlamaModel;
  /** The sequence of a role, made at its first use; the least recently used one goes when there are too many. */
  sequence(role: string, options: ContextOptions): Promise<LlamaContextSequence>;
  /**
   * Runs jobs one after the other: more at once do not raise CPU throughput. An abort rejects at once; a job that has not
   * started by then never does.
   */
  exclusive<T>(job: () => Promise<T>, signal: AbortSignal): Promise<T>;
  /** Gives this use back; the last one frees the memory, after the jobs that are still queued. */
  release(): Promise<void>;
}

export interface ContextOptions {
  /** Tokens of the context. */
  context: number;
  threads: number | undefined;
}

/** A context of 8,192 tokens takes about 100 MB (0.5B) to 300 MB (1.5B). */
const mostContexts = 6;
/** Prompt tokens read at a time: the work that an abort has to wait for in the background. */
export const batchTokens = 128;

type Weights = Omit<Loaded, 'release'> & { free(): Promise<void> };
const loaded = new Map<string, { uses: number; loading: Promise<Weights> }>();

/** The weights of a file, loaded once however many use them. Throws an operator-fixable ModelError. */
export async function acquire(path: string): Promise<Loaded> {
  const entry = loaded.get(path) ?? { uses: 0, loading: load(path) };
  loaded.set(path, entry);
  entry.uses++;
  let released = false;
  const release = async () => {
    if (released) return;
    released = true;
    if (--entry.uses > 0) return;
    if (loaded.get(path) === entry) loaded.delete(path);
    await entry.loading.then((weights) => weights.free());
  };
  try {
    return { ...(await entry.loading), release };
  } catch (error) {
    if (loaded.get(path) === entry) loaded.delete(path);
    throw error;
  }
}

/**
 * CPU threads for a model: those asked for, else as many as there are idle cores, at least one and at most eight.
 * Threads on a busy core cost far more than they bring: llama.cpp's threads wait for each other at every layer.
 */
export function chooseThreads(asked: number | undefined, cores = cpus().length, load = loadavg()[0] ?? 0): number {
  if (asked !== undefined) return asked;
  return Math.min(8, Math.max(1, Math.floor(cores - load + 0.25)));
}

async function load(path: string): Promise<Weights> {
  const library = await importLibrary();
  const llama = await startLlama(library);
  const model = await llama.loadModel({ modelPath: path, gpuLayers: 0 }).catch(async (cause: unknown) => {
    await llama.dispose();
    const message = `The weights ${path} could not be loaded: ${reason(cause)}. Is it a GGUF file, and is there memory for it?`;
    throw new ModelError('operator', message, { cause });
  });
  const queue = new Queue();
  const free = async () => {
    await queue.idle();
    await model.dispose();
    await llama.dispose();
  };
  const sequence = sequencesOf(model);
  return { library, llama, model, sequence, exclusive: (job, signal) => queue.run(job, signal), free };
}

function sequencesOf(model: LlamaModel): Loaded['sequence'] {
  const open = new Map<string, LlamaContextSequence>();
  return async (role, options) => {
    const key = JSON.stringify([role, options.context, options.threads]);
    const sequence = open.get(key) ?? (await openContext(model, options)).getSequence();
    open.delete(key);
    open.set(key, sequence);
    const [oldest] = open;
    if (open.size > mostContexts && oldest !== undefined) {
      open.delete(oldest[0]);
      await oldest[1].context.dispose();
    }
    return sequence;
  };
}

async function openContext(model: LlamaModel, options: ContextOptions): Promise<LlamaContext> {
  const threads = chooseThreads(options.threads);
  try {
    return await model.createContext({ contextSize: options.context, sequences: 1, batchSize: batchTokens, threads });
  } catch (cause) {
    const message =
      `No room for ${options.context} tokens of context: ${reason(cause)}. ` +
      'Set a smaller `context` on the model, or free memory.';
    throw new ModelError('operator', message, { cause });
  }
}

async function importLibrary(): Promise<Library> {
  try {
    return await import('node-llama-cpp');
  } catch (cause) {
    throw new ModelError(
      'operator',
      'Local models need the package node-llama-cpp, which is not installed. Install it with: npm install node-llama-cpp',
      { cause },
    );
  }
}

async function startLlama(library: Library): Promise<Llama> {
  try {
    return await library.getLlama({
      build: 'never',
      skipDownload: true,
      gpu: false,
      logLevel: library.LlamaLogLevel.error,
    });
  } catch (cause) {
    throw new ModelError(
      'operator',
      `node-llama-cpp has no ready-made binary that runs here (${process.platform} ${process.arch}): ${reason(cause)}. ` +
        'Use a model behind an API, for instance Ollama with `provider: openai`.',
      { cause },
    );
  }
}

const reason = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause)).replace(/\.$/, '');

/** The error of a call that was called off. */
export const aborted = (signal: AbortSignal) =>
  new ModelError('transient', 'The call of the local model was cancelled.', { cause: signal.reason });

/** Jobs one after the other, in the order they came. */
class Queue {
  private last: Promise<unknown> = Promise.resolve();

  run<T>(job: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const turn = this.last.then(() => {
      if (signal.aborted) throw aborted(signal);
      return job();
    });
    this.last = turn.catch(() => undefined);
    return new Promise((resolve, reject) => {
      const giveUp = () => reject(aborted(signal));
      signal.addEventListener('abort', giveUp, { once: true });
      turn.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp));
    });
  }

  async idle(): Promise<void> {
    await this.last;
  }
}
