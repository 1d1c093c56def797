/** The contract of what is kept: immutable objects by content, memo keys, and named pages of a run. */
import type { Ref } from '../schemas/common.ts';

/**
 * Crash-safe: whatever a resolved promise said was written is there after `kill -9`. Any number of processes may use one store.
 * Throws `StoreError`: `operator` for a full or read-only disk, `fatal` for a missing or damaged object.
 */
export interface Store {
  /** Stores bytes under their sha256; a repeated put is harmless. */
  put(bytes: Uint8Array): Promise<Ref>;
  get(ref: Ref): Promise<Uint8Array>;
  /** What `remember` kept under an identity, or undefined. */
  memo(key: string): Promise<Ref | undefined>;
  /** Create-once: the first value wins and is returned, so that two workers that did the same work agree. */
  remember(key: string, ref: Ref): Promise<Ref>;
  /** Replaces a named page atomically, e.g. `runs/r-1/episodes/000001.json`. Only the run's workflow writes pages of a run. */
  write(path: string, bytes: Uint8Array): Promise<void>;
  read(path: string): Promise<Uint8Array | undefined>;
  /** Names below a prefix ending in `/`, sorted. */
  list(prefix: string): Promise<string[]>;
}
