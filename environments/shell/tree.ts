/** What a folder holds, read without ever following a link: entries, their digests, and what differs between two readings. */
import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, lstatSync, opendirSync, openSync, readlinkSync, readSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';

const MAX_ENTRIES = 20_000;
/** A larger file is told by its size and its two ends. */
const MAX_HASHED = 8 * 1024 * 1024;
const SAMPLE = 64 * 1024;
/** Text files up to this size are kept, so that a change can be shown line by line. */
const MAX_TEXT = 16 * 1024;
const MAX_TEXT_TOTAL = 8 * 1024 * 1024;
const MAX_DEPTH = 100;

export interface Entry {
  kind: 'file' | 'folder' | 'link' | 'other' | 'unreadable';
  size: number;
  /** content, executable bit or link target; equal digests mean equal content */
  digest: string;
  /** what the file system says of it; equal stamps mean that the content need not be read again */
  stamp: string;
  text?: string;
}

/** `entries` by path below the folder, bytes of the name as latin1, in a fixed order; `complete` is false when the reading stopped early. */
export interface Tree {
  entries: Map<string, Entry>;
  hash: string;
  complete: boolean;
}

export interface Change {
  path: string;
  kind: 'added' | 'changed' | 'removed';
  before?: Entry;
  after?: Entry;
}

/** How much of a path is read: nothing (nor what is below it), only that it is there, or its content. */
export type Look = (path: string) => 'nothing' | 'name' | 'content';

interface Reading {
  root: string;
  previous: Map<string, Entry>;
  entries: Map<string, Entry>;
  look: Look;
  textBytes: number;
  complete: boolean;
}

/** Name of an entry for people: control characters are escaped, bytes that are no UTF-8 replaced. */
export const shownPath = (path: string): string => {
  const text = Buffer.from(path, 'latin1').toString('utf8');
  return /[\p{Cc}"\\]/u.test(text) ? JSON.stringify(text) : text;
};

/** Reads `root`; files whose stamp is that of `previous` are not read again. Never throws for what it finds. */
export const readTree = async (root: string, look: Look, previous?: Tree): Promise<Tree> => {
  const reading: Reading = {
    root,
    previous: previous?.entries ?? new Map(),
    entries: new Map(),
    look,
    textBytes: 0,
    complete: true,
  };
  await readFolder(reading, '', 0);
  const hash = createHash('sha256');
  for (const [path, entry] of reading.entries) hash.update(`${entry.kind}\0${entry.digest}\0${path}\0\0`);
  if (!reading.complete) hash.update('incomplete');
  return { entries: reading.entries, hash: hash.digest('hex'), complete: reading.complete };
};

/** What differs, in the order of the paths. */
export const compareTrees = (before: Tree, after: Tree): Change[] => {
  const changes: Change[] = [];
  for (const [path, entry] of after.entries) {
    const old = before.entries.get(path);
    if (old === undefined) changes.push({ path, kind: 'added', after: entry });
    else if (old.kind !== entry.kind || old.digest !== entry.digest)
      changes.push({ path, kind: 'changed', before: old, after: entry });
  }
  for (const [path, entry] of before.entries)
    if (!after.entries.has(path)) changes.push({ path, kind: 'removed', before: entry });
  return changes.sort((a, b) => (a.path < b.path ? -1 : 1));
};

const readFolder = async (reading: Reading, path: string, depth: number): Promise<void> => {
  const names = listNames(reading, path);
  if (depth >= MAX_DEPTH && names.length > 0) {
    reading.complete = false;
    return;
  }
  for (const [count, name] of names.entries()) {
    // Reading is synchronous, which is far quicker for small files; the process must breathe in between.
    if (count % 100 === 99) await setImmediate();
    if (reading.entries.size >= MAX_ENTRIES) {
      reading.complete = false;
      return;
    }
    const child = path === '' ? name : `${path}/${name}`;
    const look = reading.look(child);
    if (look === 'nothing') continue;
    const entry = readEntry(reading, child, look);
    reading.entries.set(child, entry);
    if (entry.kind === 'folder') await readFolder(reading, child, depth + 1);
  }
};

const onDisk = (reading: Reading, path: string): Buffer =>
  Buffer.concat([Buffer.from(`${reading.root}/`), Buffer.from(path, 'latin1')]);

const listNames = (reading: Reading, path: string): string[] => {
  const names: string[] = [];
  try {
    const folder = opendirSync(onDisk(reading, path), { encoding: 'latin1' });
    try {
      for (let item = folder.readSync(); item !== null && names.length <= MAX_ENTRIES; item = folder.readSync())
        names.push(item.name);
    } finally {
      folder.closeSync();
    }
  } catch {
    // No permission, or a path longer than the system takes: what is below cannot be seen, and the tree says so.
    reading.complete = false;
  }
  return names.sort();
};

const readEntry = (reading: Reading, path: string, look: 'name' | 'content'): Entry => {
  const place = onDisk(reading, path);
  try {
    const stats = lstatSync(place, { bigint: true });
    const size = Number(stats.size);
    const stamp = `${stats.ino} ${stats.size} ${stats.ctimeNs} ${stats.mode}`;
    if (stats.isDirectory()) return { kind: 'folder', size: 0, digest: '', stamp };
    if (stats.isSymbolicLink())
      return { kind: 'link', size, digest: readlinkSync(place, { encoding: 'latin1' }), stamp };
    if (!stats.isFile()) return { kind: 'other', size: 0, digest: String(stats.mode), stamp };
    if (look === 'name') return { kind: 'file', size, digest: '', stamp };
    const known = reading.previous.get(path);
    const entry = known?.stamp === stamp && known.kind === 'file' ? known : readContent(place, size, stamp);
    reading.textBytes += entry.text?.length ?? 0;
    if (entry.text === undefined || reading.textBytes <= MAX_TEXT_TOTAL) return entry;
    const { text: _, ...rest } = entry;
    return rest;
  } catch {
    return { kind: 'unreadable', size: 0, digest: '', stamp: '' };
  }
};

/** Opened without following a link and without waiting for the other end of a pipe. */
const readContent = (place: Buffer, size: number, stamp: string): Entry => {
  const file = openSync(place, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) return { kind: 'other', size: 0, digest: String(stats.mode), stamp };
    const executable = (stats.mode & 0o111) !== 0 ? 'x' : '-';
    const hash = createHash('sha256').update(executable);
    if (size > MAX_HASHED) {
      hash
        .update(`${size}`)
        .update(readPart(file, 0, SAMPLE))
        .update(readPart(file, size - SAMPLE, SAMPLE));
      return { kind: 'file', size, digest: hash.digest('hex'), stamp };
    }
    const bytes = readPart(file, 0, size);
    const entry: Entry = { kind: 'file', size, digest: hash.update(bytes).digest('hex'), stamp };
    const text = size <= MAX_TEXT ? asText(bytes) : undefined;
    return text === undefined ? entry : { ...entry, text };
  } finally {
    closeSync(file);
  }
};

const readPart = (file: number, from: number, length: number): Buffer => {
  const bytes = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const count = readSync(file, bytes, filled, length - filled, from + filled);
    if (count === 0) break;
    filled += count;
  }
  return bytes.subarray(0, filled);
};

const asText = (bytes: Buffer): string | undefined => {
  if (bytes.includes(0)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
};
