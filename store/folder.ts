/** The store as a folder: objects compressed under their hash, memos created once, pages replaced whole. */
import { readFileSync } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { StoreError } from '../core/errors.ts';
import type { Ref } from '../schemas/common.ts';
import { checkRef, memoContent, pack, pageParts, prefixParts, refOfMemo, sha256, shard, unpack } from './content.ts';
import { type Durability, errorCode, type FileWriter, fileWriter, storeError, sweepTemporary } from './files.ts';
import { type Recent, recent } from './recent.ts';
import type { Store } from './store.ts';

export interface FolderStoreOptions {
  /** What a resolved write outlives; `power` unless said otherwise (about 0.6 ms more per write on an SSD). */
  durable?: Durability;
  /** Bytes of recent objects held in memory; 64 MiB unless said otherwise. */
  cacheBytes?: number;
  /** Left as it is, not even made, for those who only read; they have nothing else to do meanwhile, and read at once. */
  readOnly?: boolean;
}

const STALE_TEMPORARY_MS = 10 * 60_000;
/**
 * Opens the store in a folder, which is made if it is not there (unless `readOnly`). Layout: `objects/ab/cdef…` (zstd, named by the sha256
 * of the uncompressed content), `memo/ab/cdef…` (named by the sha256 of the key), `pages/…` (as named), `tmp/`.
 */
export async function folderStore(root: string, options: FolderStoreOptions = {}): Promise<Store> {
  const folder = resolve(root);
  const temporary = join(folder, 'tmp');
  if (options.readOnly !== true)
    await mkdir(temporary, { recursive: true })
      .then(() => sweepTemporary(temporary, STALE_TEMPORARY_MS))
      .catch((error) => Promise.reject(storeError('open the store', folder, error)));
  const files = fileWriter(temporary, options.durable ?? 'power');
  const pages = join(folder, 'pages');
  const read = options.readOnly === true ? readAtOnce : readIfThere;
  return {
    ...objectsIn(join(folder, 'objects'), files, recent(options.cacheBytes ?? 64 * 1024 * 1024), read),
    ...memosIn(join(folder, 'memo'), files, read),
    write: async (path, bytes) => files.replace(pagePath(pages, path), bytes),
    read: async (path) => readIfThere(pagePath(pages, path)),
    list: async (prefix) => listPages(pages, prefix),
  };
}

function objectsIn(folder: string, files: FileWriter, cache: Recent, read: Read): Pick<Store, 'put' | 'get'> {
  return {
    async put(given) {
      // a copy: the caller may go on using its buffer while this one is being written
      const bytes = Uint8Array.from(given);
      const ref = sha256(bytes);
      if (cache.has(ref)) return ref;
      const path = pathOf(folder, ref);
      // a damaged copy is replaced, so that doing the work again mends the store
      const there = await readObject(path, ref, read).catch(() => undefined);
      if (there === undefined) await files.replace(path, await pack(bytes));
      else await files.settle(path);
      cache.set(ref, bytes);
      return ref;
    },
    async get(ref) {
      checkRef(ref);
      const held = cache.get(ref);
      if (held !== undefined) return held;
      const path = pathOf(folder, ref);
      const bytes = await readObject(path, ref, read);
      if (bytes === undefined) throw new StoreError('fatal', `Object ${ref} is not in the store: ${path} is missing.`);
      cache.set(ref, bytes);
      return bytes;
    },
  };
}

function memosIn(folder: string, files: FileWriter, read: Read): Pick<Store, 'memo' | 'remember'> {
  const memoPath = (key: string) => pathOf(folder, sha256(Buffer.from(key)));

  async function memo(key: string): Promise<Ref | undefined> {
    const path = memoPath(key);
    const bytes = await read(path);
    return bytes === undefined ? undefined : refOfMemo(bytes, key, path);
  }

  return {
    memo,
    async remember(key, ref) {
      checkRef(ref);
      const path = memoPath(key);
      if (await files.create(path, memoContent(key, ref))) return ref;
      const first = await memo(key);
      if (first === undefined) throw new StoreError('transient', `Memo ${path} was removed while it was in use.`);
      await files.settle(path);
      return first;
    },
  };
}

const pathOf = (folder: string, hash: string): string => join(folder, shard(hash));

async function listPages(pages: string, prefix: string): Promise<string[]> {
  const below = join(pages, ...prefixParts(prefix));
  const entries = await readdir(below, { recursive: true, withFileTypes: true }).catch((error) => {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return [];
    throw storeError('list', below, error);
  });
  const names = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(pages, join(entry.parentPath, entry.name)));
  return names.map((name) => name.split(sep).join('/')).sort();
}

const pagePath = (pages: string, name: string): string => join(pages, ...pageParts(name));

type Read = (path: string) => Promise<Uint8Array | undefined>;

const reading =
  (read: (path: string) => Uint8Array | Promise<Uint8Array>): Read =>
  async (path) => {
    try {
      return await read(path);
    } catch (error) {
      if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes(errorCode(error))) return undefined;
      throw storeError('read', path, error);
    }
  };

const readIfThere = reading(readFile);
const readAtOnce = reading(readFileSync);

async function readObject(path: string, ref: Ref, read: Read): Promise<Uint8Array | undefined> {
  const packed = await read(path);
  if (packed === undefined) return undefined;
  return unpack(packed, ref, path);
}
