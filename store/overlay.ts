/** A store laid over another: it reads through, and what is written stays in memory. */
import { createHash } from 'node:crypto';
import type { Ref } from '../schemas/common.ts';
import type { Store } from './store.ts';

/** For work that is only tried out: the store below is never written to. */
export function overlayStore(below: Store): Store {
  const objects = new Map<Ref, Uint8Array>();
  const memos = new Map<string, Ref>();
  const pages = new Map<string, Uint8Array>();
  const memo = async (key: string): Promise<Ref | undefined> => memos.get(key) ?? (await below.memo(key));
  return {
    put: async (given) => {
      const ref = createHash('sha256').update(given).digest('hex');
      if (!objects.has(ref)) objects.set(ref, Uint8Array.from(given));
      return ref;
    },
    get: async (ref) => {
      const own = objects.get(ref);
      return own === undefined ? below.get(ref) : Uint8Array.from(own);
    },
    memo,
    remember: async (key, ref) => {
      const first = await memo(key);
      if (first !== undefined) return first;
      memos.set(key, ref);
      return ref;
    },
    write: async (path, bytes) => void pages.set(path, Uint8Array.from(bytes)),
    read: async (path) => pages.get(path) ?? (await below.read(path)),
    list: async (prefix) => {
      const own = [...pages.keys()].filter((path) => path.startsWith(prefix));
      return [...new Set([...own, ...(await below.list(prefix))])].sort();
    },
  };
}
