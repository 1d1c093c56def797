/** The objects read or written last, kept in memory up to a number of bytes: a chain is read again at every step. */

/** Least recently used out first. What is given in and out is copied, so that no caller changes what another one reads. */
export interface Recent {
  has(key: string): boolean;
  get(key: string): Uint8Array | undefined;
  set(key: string, bytes: Uint8Array): void;
}

/** A memory of at most `capacity` bytes; an object larger than an eighth of it is not kept. */
export function recent(capacity: number): Recent {
  const kept = new Map<string, Uint8Array>();
  let size = 0;
  const drop = (key: string, bytes: Uint8Array) => {
    kept.delete(key);
    size -= bytes.byteLength;
  };
  return {
    has: (key) => kept.has(key),
    get(key) {
      const bytes = kept.get(key);
      if (bytes === undefined) return undefined;
      kept.delete(key);
      kept.set(key, bytes);
      return Uint8Array.from(bytes);
    },
    set(key, bytes) {
      if (bytes.byteLength > capacity / 8 || kept.has(key)) return;
      kept.set(key, Uint8Array.from(bytes));
      size += bytes.byteLength;
      for (const [oldest, old] of kept) {
        if (size <= capacity) return;
        drop(oldest, old);
      }
    },
  };
}
