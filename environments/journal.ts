/** The journal of a session: makes `step` idempotent by index, also across a crash between the action and its answer. */
import { appendFile, readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { EnvironmentError } from '../core/errors.ts';
import type { Json } from '../schemas/common.ts';
import type { StepResult } from './environment.ts';

/** What is known of one index: it was begun with `intent`; `result` is there once it ended. */
interface Entry {
  index: number;
  intent: Json;
  result?: StepResult;
}

export interface Journal {
  /**
   * Runs `run` for `index` at most once and gives its result; a repeated index gives the stored result, one that is still
   * running is joined. Throws `EnvironmentError` `session-lost` when the index was begun and its result is not known, or
   * was begun with another intent.
   */
  once(index: number, intent: Json, run: () => Promise<StepResult>): Promise<StepResult>;
  /** Forgets everything: called when the place starts afresh. */
  clear(): Promise<void>;
}

interface Log {
  entries: Map<number, Entry>;
  append(line: Json): Promise<void>;
  clear(): Promise<void>;
}

/** The journal kept in `<folder>/journal.jsonl`, one JSON line per intent and per result, each on disk before the next thing happens. */
export const openJournal = async (folder: string): Promise<Journal> => {
  const path = join(folder, 'journal.jsonl');
  return journal({
    entries: await readEntries(path),
    append: (line) => appendFile(path, `${JSON.stringify(line)}\n`, { flush: true }),
    clear: () => truncateIfThere(path, 0),
  });
};

/** The same in memory, for places that do not outlive their process. */
export const memoryJournal = (): Journal =>
  journal({ entries: new Map(), append: async () => {}, clear: async () => {} });

const journal = (log: Log): Journal => {
  const running = new Map<number, Promise<StepResult>>();
  const begin = async (index: number, intent: Json, run: () => Promise<StepResult>) => {
    const entry: Entry = { index, intent };
    log.entries.set(index, entry);
    await log.append({ index, intent });
    const result = await run();
    await log.append({ index, result: result as unknown as Json });
    entry.result = result;
    return result;
  };
  const once: Journal['once'] = async (index, intent, run) => {
    const known = log.entries.get(index);
    if (known !== undefined && !isDeepStrictEqual(known.intent, intent))
      throw lost(`Step ${index} was begun with another action than the one asked for now.`);
    const pending = running.get(index);
    if (pending !== undefined) return pending;
    if (known?.result !== undefined) return known.result;
    if (known !== undefined)
      throw lost(`Step ${index} was begun and never ended: what it did to the place is unknown.`);
    const started = begin(index, intent, run).finally(() => running.delete(index));
    running.set(index, started);
    return started;
  };
  return {
    once,
    clear: async () => {
      await log.clear();
      log.entries.clear();
    },
  };
};

const lost = (what: string): EnvironmentError =>
  new EnvironmentError('session-lost', `${what} The session is given up and rebuilt by replaying its steps.`);

const truncateIfThere = async (path: string, length: number): Promise<void> => {
  await truncate(path, length).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') throw cause;
  });
};

/** Reads the lines; a last line that a crash cut short is cut off, damage anywhere else means that the session is lost. */
const readEntries = async (path: string): Promise<Map<number, Entry>> => {
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return Buffer.alloc(0);
    throw cause;
  });
  const whole = bytes.lastIndexOf(0x0a) + 1;
  if (whole < bytes.length) await truncate(path, whole);
  const entries = new Map<number, Entry>();
  const lines = bytes.toString('utf8', 0, whole).split('\n').slice(0, -1);
  for (const [number, line] of lines.entries()) {
    const read = parseLine(line);
    if (read === undefined) {
      if (number < lines.length - 1) throw lost(`Line ${number + 1} of ${path} is damaged.`);
      await truncate(path, whole - Buffer.byteLength(line) - 1);
      break;
    }
    entries.set(read.index, { ...entries.get(read.index), ...read } as Entry);
  }
  return entries;
};

const parseLine = (line: string): (Partial<Entry> & { index: number }) | undefined => {
  try {
    const read: unknown = JSON.parse(line);
    if (typeof read !== 'object' || read === null || !('index' in read) || !Number.isInteger(read.index))
      return undefined;
    return read as Partial<Entry> & { index: number };
  } catch {
    return undefined;
  }
};
