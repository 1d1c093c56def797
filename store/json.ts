/** JSON values as objects of the store: equal values have one reference. */
import { createHash } from 'node:crypto';
import { canonical } from '../core/canonical.ts';
import { StoreError } from '../core/errors.ts';
import type { Json, Ref } from '../schemas/common.ts';
import type { Store } from './store.ts';

/** Stores a value as canonical JSON (sorted keys). */
/** What can be stored: plain data. Interfaces are not assignable to `Json`, so the check is canonical()'s, at run time. */
type Storable = object | Json;

export async function putJson(store: Store, value: Storable): Promise<Ref> {
  return store.put(Buffer.from(canonical(value as Json)));
}

/** Reads bytes where they lie; a Buffer would be a copy of them. */
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** Reads a value that `putJson` stored; `T` is what the caller knows was stored there. Throws a fatal StoreError if it is not JSON. */
export async function getJson<T>(store: Store, ref: Ref): Promise<T> {
  const text = utf8.decode(await store.get(ref));
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new StoreError('fatal', `Object ${ref} is not JSON: it begins ${JSON.stringify(text.slice(0, 40))}.`, {
      cause,
    });
  }
}

/** sha256 of the canonical JSON: the reference that `putJson` would give. */
export function hashOf(value: Storable): string {
  return createHash('sha256')
    .update(canonical(value as Json))
    .digest('hex');
}

/**
 * `hashOf({ ...fixed, [name]: value })` for many values: what sorts before `name` is gone through once, however large it is.
 */
export function hasherOf(fixed: { [key: string]: Json }, name: string): (value: string) => string {
  const rest = (keys: string[]): string => canonical(Object.fromEntries(keys.map((key) => [key, fixed[key] ?? null])));
  const keys = Object.keys(fixed);
  const before = rest(keys.filter((key) => key < name)).slice(1, -1);
  const behind = rest(keys.filter((key) => key > name)).slice(1, -1);
  const start = createHash('sha256').update(`{${before}${before === '' ? '' : ','}${JSON.stringify(name)}:`);
  const end = `${behind === '' ? '' : ','}${behind}}`;
  return (value) =>
    start
      .copy()
      .update(`${JSON.stringify(value)}${end}`)
      .digest('hex');
}

/** Replaces a named page by a value. */
export async function writePage(store: Pick<Store, 'write'>, path: string, value: Storable): Promise<void> {
  await store.write(path, Buffer.from(canonical(value as Json)));
}

/** Reads a named page; throws a fatal StoreError when it is missing or damaged. */
export async function readPage<T>(store: Store, path: string): Promise<T> {
  const page = await findPage<T>(store, path);
  if (page === undefined) throw new StoreError('fatal', `The page ${path} is not in the store.`);
  return page;
}

/** Reads a named page, or gives undefined when there is none; throws a fatal StoreError when it is damaged. */
export async function findPage<T>(store: Pick<Store, 'read'>, path: string): Promise<T | undefined> {
  const bytes = await store.read(path);
  if (bytes === undefined) return undefined;
  try {
    return JSON.parse(Buffer.from(bytes).toString()) as T;
  } catch (cause) {
    throw new StoreError('fatal', `The page ${path} is damaged.`, { cause });
  }
}
