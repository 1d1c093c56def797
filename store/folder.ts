/** The store as a folder: objects compressed under their hash, memos created once, pages replaced whole. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { promisify } from 'node:util';
import { zstdCompress, zstdCompressSync, zstdDecompress, zstdDecompressSync } from 'node:zlib';
import { StoreError } from '../core/errors.ts';
import type { Ref } from '../schemas/common.ts';
import { type Durability, errorCode, type FileWriter, fileWriter, storeError, sweepTemporary } from './files.ts';
import { type Recent, recent } from './recent.ts';
import type { Store } from './store.ts';

export interface FolderStoreOptions {
  /** What a resolved write outlives; `power` unless said otherwise (about 0.6 ms more per write on an SSD). */
  durable?: Durability;
  /** Bytes of recent objects held in memory; 64 MiB unless said otherwise. */
  cacheBytes?: number;
  /** Left as it is, not even made, for those who only read. */
  readOnly?: boolean;
}

const STALE_TEMPORARY_MS = 10 * 60_000;
/** Below this, compressing in place is cheaper than a trip through the thread pool. */
const IN_PLACE_BYTES = 64 * 1024;
const REF = /^[0-9a-f]{64}$/;

const compressLater = promisify(zstdCompress);
const decompressLater = promisify(zstdDecompress);

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
  return {
    ...objectsIn(join(folder, 'objects'), files, recent(options.cacheBytes ?? 64 * 1024 * 1024)),
    ...memosIn(join(folder, 'memo'), files),
    write: async (path, bytes) => files.replace(pagePath(pages, path), bytes),
    read: async (path) => readIfThere(pagePath(pages, path)),
    list: async (prefix) => listPages(pages, prefix),
  };
}

function objectsIn(folder: string, files: FileWriter, cache: Recent): Pick<Store, 'put' | 'get'> {
  return {
    async put(given) {
      // a copy: the caller may go on using its buffer while this one is being written
      const bytes = Uint8Array.from(given);
      const ref = sha256(bytes);
      if (cache.has(ref)) return ref;
      const path = pathOf(folder, ref);
      // a damaged copy is replaced, so that doing the work again mends the store
      const there = await readObject(path, ref).catch(() => undefined);
      if (there === undefined) await files.replace(path, await compress(bytes));
      else await files.settle(path);
      cache.set(ref, bytes);
      return ref;
    },
    async get(ref) {
      checkRef(ref);
      const held = cache.get(ref);
      if (held !== undefined) return held;
      const path = pathOf(folder, ref);
      const bytes = await readObject(path, ref);
      if (bytes === undefined) throw new StoreError('fatal', `Object ${ref} is not in the store: ${path} is missing.`);
      cache.set(ref, bytes);
      return bytes;
    },
  };
}

function memosIn(folder: string, files: FileWriter): Pick<Store, 'memo' | 'remember'> {
  const memoPath = (key: string) => pathOf(folder, sha256(Buffer.from(key)));

  async function memo(key: string): Promise<Ref | undefined> {
    const path = memoPath(key);
    const bytes = await readIfThere(path);
    return bytes === undefined ? undefined : refOfMemo(bytes, key, path);
  }

  return {
    memo,
    async remember(key, ref) {
      checkRef(ref);
      const path = memoPath(key);
      if (await files.create(path, Buffer.from(`${ref}\n${key}`))) return ref;
      const first = await memo(key);
      if (first === undefined) throw new StoreError('transient', `Memo ${path} was removed while it was in use.`);
      await files.settle(path);
      return first;
    },
  };
}

const pathOf = (folder: string, hash: string): string => join(folder, hash.slice(0, 2), hash.slice(2));

async function listPages(pages: string, prefix: string): Promise<string[]> {
  if (prefix !== '' && !prefix.endsWith('/')) {
    throw new StoreError('fatal', `Cannot list ${JSON.stringify(prefix)}: a prefix is empty or ends in "/".`);
  }
  const below = prefix === '' ? pages : pagePath(pages, prefix.slice(0, -1));
  const entries = await readdir(below, { recursive: true, withFileTypes: true }).catch((error) => {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return [];
    throw storeError('list', below, error);
  });
  const names = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(pages, join(entry.parentPath, entry.name)));
  return names.map((name) => name.split(sep).join('/')).sort();
}

/** Where a page lives; refuses names that lead out of the folder or mean different files on different systems. */
function pagePath(pages: string, name: string): string {
  const parts = name.split('/');
  const wrong = (part: string) => part === '' || part === '.' || part === '..' || !/^[\w.@+=,:~-]{1,200}$/.test(part);
  if (parts.some(wrong) || isAbsolute(name)) {
    const expected = 'parts of letters, digits and . _ - @ + = , : ~, joined by "/"';
    throw new StoreError('fatal', `${JSON.stringify(name)} is not a page name: expected ${expected}.`);
  }
  return join(pages, ...parts);
}

function checkRef(ref: string): void {
  if (!REF.test(ref))
    throw new StoreError('fatal', `${JSON.stringify(ref)} is not a reference: expected 64 hex digits.`);
}

function refOfMemo(bytes: Uint8Array, key: string, path: string): Ref {
  const ref = Buffer.from(bytes.subarray(0, 64)).toString();
  if (REF.test(ref) && Buffer.from(`\n${key}`).equals(bytes.subarray(64))) return ref;
  throw new StoreError('fatal', `Memo ${path} is damaged. Delete the file: what it stood for is then done again.`);
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes(errorCode(error))) return undefined;
    throw storeError('read', path, error);
  }
}

async function readObject(path: string, ref: Ref): Promise<Uint8Array | undefined> {
  const packed = await readIfThere(path);
  if (packed === undefined) return undefined;
  const bytes = await decompress(packed).catch(() => undefined);
  if (bytes !== undefined && sha256(bytes) === ref) return bytes;
  const found = bytes === undefined ? 'it cannot be decompressed' : 'its content does not match its name';
  throw new StoreError('fatal', `Object ${path} is damaged: ${found}. Put it back from a copy of the store.`);
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function compress(bytes: Uint8Array): Promise<Uint8Array> {
  return bytes.byteLength < IN_PLACE_BYTES ? zstdCompressSync(bytes) : compressLater(bytes);
}

async function decompress(packed: Uint8Array): Promise<Uint8Array> {
  return packed.byteLength < IN_PLACE_BYTES / 4 ? zstdDecompressSync(packed) : decompressLater(packed);
}
