/** Calls back when one of some files changes, until the program is told to end. */
import { type FSWatcher, statSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';

/** Milliseconds: an editor writes a file in several steps. */
const SETTLED = 150;

export interface Round<T> {
  /** Absolute paths whose change asks for another round. */
  files: string[];
  result: T;
}

/**
 * Runs `work` once and again after each change of a file that it named; `waits` is called when the files are watched. Folders
 * are watched, not files: editors put a new file in the place of the old one, and a file that is missing may come. Ends with
 * the last result at SIGINT or SIGTERM.
 */
export const repeatOnChange = async <T>(work: () => Promise<Round<T>>, waits: () => void): Promise<T> => {
  const watchers = new Map<string, FSWatcher>();
  let ended = false;
  let wake = (): void => {};
  const end = (): void => {
    ended = true;
    wake();
  };
  process.once('SIGINT', end).once('SIGTERM', end);
  try {
    for (;;) {
      const began = Date.now();
      const { files, result } = await work();
      if (ended) return result;
      const names = new Set(files);
      const changed = new Promise<void>((resolve) => {
        wake = debounced(resolve);
        follow(watchers, names, (path) => {
          if (names.has(path)) wake();
        });
        // What changed while it was read was not yet watched.
        if (files.some((path) => changedSince(path, began))) wake();
      });
      waits();
      await changed;
      if (ended) return result;
    }
  } finally {
    process.off('SIGINT', end).off('SIGTERM', end);
    for (const watcher of watchers.values()) watcher.close();
  }
};

const debounced = (call: () => void): (() => void) => {
  let timer: NodeJS.Timeout | undefined;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(call, SETTLED);
  };
};

const changedSince = (path: string, time: number): boolean =>
  (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0) > time;

/** Watches the folders of some files in place of those that were watched before. */
const follow = (watchers: Map<string, FSWatcher>, names: Set<string>, changed: (path: string) => void): void => {
  for (const watcher of watchers.values()) watcher.close();
  watchers.clear();
  for (const folder of new Set([...names].map((path) => dirname(path)))) {
    try {
      const watcher = watch(folder, (_event, name) => changed(`${folder}/${basename(name ?? '')}`));
      watchers.set(
        folder,
        watcher.on('error', () => watchers.delete(folder)),
      );
    } catch {
      // The folder does not exist: nothing in it can change before the file that names it does.
    }
  }
};
