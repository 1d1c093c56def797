/** JSON values as objects of the store: equal values have one reference. */
import { createHash } from 'node:crypto';
import { canonical } from '../core/canonical.ts';
import { StoreError } from '../core/errors.ts';
import type { Json, Ref } from '../schemas/common.ts';
import type { Store } from './store.ts';

/** Stores a value as canonical JSON (sorted keys). */
export async function putJson(store: Store, value: Json): Promise<Ref> {
  return store.put(Buffer.from(canonical(value)));
}

/** Reads a value that `putJson` stored; `T` is what the caller knows was stored there. Throws a fatal StoreError if it is not JSON. */
export async function getJson<T>(store: Store, ref: Ref): Promise<T> {
  const text = Buffer.from(await store.get(ref)).toString();
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new StoreError('fatal', `Object ${ref} is not JSON: it begins ${JSON.stringify(text.slice(0, 40))}.`, {
      cause,
    });
  }
}

/** sha256 of the canonical JSON: the reference that `putJson` would give. */
export function hashOf(value: Json): string {
  return createHash('sha256').update(canonical(value)).digest('hex');
}
