/** What every store does with content, wherever it lies: names by hash, compression, and checks of what it is asked for. */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { zstdCompress, zstdCompressSync, zstdDecompress, zstdDecompressSync } from 'node:zlib';
import { StoreError } from '../core/errors.ts';
import type { Ref } from '../schemas/common.ts';

/** Below this, compressing in place is cheaper than a trip through the thread pool. */
const IN_PLACE_BYTES = 64 * 1024;
const REF = /^[0-9a-f]{64}$/;

const compressLater = promisify(zstdCompress);
const decompressLater = promisify(zstdDecompress);

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Where an object or memo lies below its folder or prefix: `ab/cdef…`. */
export const shard = (hash: string): string => `${hash.slice(0, 2)}/${hash.slice(2)}`;

/** Compressed with zstd. */
export async function pack(bytes: Uint8Array): Promise<Uint8Array> {
  return bytes.byteLength < IN_PLACE_BYTES ? zstdCompressSync(bytes) : compressLater(bytes);
}

/** The content of a packed object, checked against its name; a fatal StoreError that names `place` when it is damaged. */
export async function unpack(packed: Uint8Array, ref: Ref, place: string): Promise<Uint8Array> {
  const bytes = await decompress(packed).catch(() => undefined);
  if (bytes !== undefined && sha256(bytes) === ref) return bytes;
  const found = bytes === undefined ? 'it cannot be decompressed' : 'its content does not match its name';
  throw new StoreError('fatal', `Object ${place} is damaged: ${found}. Put it back from a copy of the store.`);
}

async function decompress(packed: Uint8Array): Promise<Uint8Array> {
  return packed.byteLength < IN_PLACE_BYTES / 4 ? zstdDecompressSync(packed) : decompressLater(packed);
}

/** Throws a fatal StoreError for anything but 64 hex digits. */
export function checkRef(ref: string): void {
  if (!REF.test(ref))
    throw new StoreError('fatal', `${JSON.stringify(ref)} is not a reference: expected 64 hex digits.`);
}

/** What a memo holds: the reference and the key it was kept under, so that a damaged or swapped one is noticed. */
export const memoContent = (key: string, ref: Ref): Uint8Array => Buffer.from(`${ref}\n${key}`);

/** The reference of a memo; a fatal StoreError that names `place` when it is damaged. */
export function refOfMemo(bytes: Uint8Array, key: string, place: string): Ref {
  const ref = Buffer.from(bytes.subarray(0, 64)).toString();
  if (REF.test(ref) && Buffer.from(`\n${key}`).equals(bytes.subarray(64))) return ref;
  throw new StoreError('fatal', `Memo ${place} is damaged. Delete it: what it stood for is then done again.`);
}

/** The parts of a page's name; refuses names that lead elsewhere or mean different things on different systems. */
export function pageParts(name: string): string[] {
  const parts = name.split('/');
  const wrong = (part: string) => part === '' || part === '.' || part === '..' || !/^[\w.@+=,:~-]{1,200}$/.test(part);
  if (!parts.some(wrong)) return parts;
  const expected = 'parts of letters, digits and . _ - @ + = , : ~, joined by "/"';
  throw new StoreError('fatal', `${JSON.stringify(name)} is not a page name: expected ${expected}.`);
}

/** The parts of a prefix of pages: none for the empty one. */
export function prefixParts(prefix: string): string[] {
  if (prefix === '') return [];
  if (!prefix.endsWith('/'))
    throw new StoreError('fatal', `Cannot list ${JSON.stringify(prefix)}: a prefix is empty or ends in "/".`);
  return pageParts(prefix.slice(0, -1));
}
