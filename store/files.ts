/** Crash-safe files: each is there whole or not at all, and what a disk refuses is said in words. */
import { randomUUID } from 'node:crypto';
import {
  access,
  constants,
  type FileHandle,
  link,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  stat,
  unlink,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type ErrorKind, StoreError } from '../core/errors.ts';

/**
 * What a resolved write outlives: the death of the process (`process`: the bytes are with the operating system) or
 * also the loss of power (`power`: file and directory entry are flushed to the disk).
 */
export type Durability = 'process' | 'power';

/** Writes files through a folder of temporary ones, which has to be on the same filesystem. */
export interface FileWriter {
  /** Puts the bytes at the path, whatever was there. */
  replace(path: string, bytes: Uint8Array): Promise<void>;
  /** Puts the bytes at the path unless something is there; says whether it did. */
  create(path: string, bytes: Uint8Array): Promise<boolean>;
  /** Flushes what another writer has put at the path; nothing to do when only the process's death is to be outlived. */
  settle(path: string): Promise<void>;
}

const KINDS: { [code: string]: [ErrorKind, string] } = {
  ENOSPC: ['operator', 'the disk is full; make room'],
  EDQUOT: ['operator', 'the disk quota is used up; make room'],
  EROFS: ['operator', 'the filesystem is read-only; mount it writable or choose another folder'],
  EACCES: ['operator', 'permission denied; give this user the right to write there or choose another folder'],
  EPERM: ['operator', 'not permitted; the store needs a folder this user owns, on a filesystem with hard links'],
  ENOTSUP: ['operator', 'the filesystem has no hard links; choose a folder on a local disk'],
  ENOTDIR: ['operator', 'a file is where a folder should be; move it away'],
  EEXIST: ['operator', 'a file is where a folder should be; move it away'],
  EIO: ['operator', 'the disk reports an input/output error; check it'],
  ENOENT: ['transient', 'a file or folder was removed while it was in use'],
  EMFILE: ['transient', 'too many open files'],
  ENFILE: ['transient', 'too many open files on this machine'],
  EBUSY: ['transient', 'the file is busy'],
  EAGAIN: ['transient', 'the file is busy'],
  ESTALE: ['transient', 'the network filesystem lost the file'],
  ETIMEDOUT: ['transient', 'the network filesystem does not answer'],
};

/** The system's error code, or an empty string. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** Turns a system error into a StoreError that names the file and the remedy. */
export function storeError(doing: string, path: string, error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const code = errorCode(error);
  const [kind, words] = KINDS[code] ?? ['fatal', error instanceof Error ? error.message : String(error)];
  return new StoreError(kind, `Cannot ${doing} ${path}: ${words}${code ? ` (${code})` : ''}.`, { cause: error });
}

/** Makes a writer whose temporary files live in `temporary`. */
export function fileWriter(temporary: string, durable: Durability): FileWriter {
  const made = new Set<string>();

  async function ensureFolder(folder: string): Promise<void> {
    if (made.has(folder)) return;
    const first = await mkdir(folder, { recursive: true });
    if (first !== undefined && durable === 'power') await syncFolders(folder, dirname(first));
    made.add(folder);
  }

  async function place(path: string, bytes: Uint8Array, move: (from: string) => Promise<void>): Promise<void> {
    const from = join(temporary, randomUUID());
    try {
      await ensureFolder(temporary);
      await ensureFolder(dirname(path));
      await writeNew(from, bytes, durable);
      await move(from);
      if (durable === 'power') await syncFolder(dirname(path));
    } catch (error) {
      await rm(from, { force: true }).catch(() => {});
      if (errorCode(error) === 'ENOENT') made.clear();
      throw error;
    }
  }

  // a folder that was removed under a long-lived process is made again
  async function twice(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
      await refuseReadOnly(dirname(temporary));
      await work();
    }
  }

  return {
    async replace(path, bytes) {
      const work = () => place(path, bytes, (from) => rename(from, path));
      await twice(work).catch((error) => Promise.reject(storeError('write', path, error)));
    },
    async create(path, bytes) {
      const work = () =>
        place(path, bytes, async (from) => {
          await link(from, path);
          await unlink(from);
        });
      try {
        await twice(work);
        return true;
      } catch (error) {
        if (errorCode(error) === 'EEXIST' && isLink(error)) return false;
        throw storeError('write', path, error);
      }
    },
    async settle(path) {
      if (durable !== 'power') return;
      const flush = async () => {
        await withFile(path, 'r', (file) => file.datasync());
        await syncFolder(dirname(path));
      };
      await flush().catch((error) => Promise.reject(storeError('flush', path, error)));
    },
  };
}

/**
 * Removes temporary files that nobody can be writing any more: a write takes milliseconds, and one that loses its file
 * to this tells its caller to try again.
 */
export async function sweepTemporary(folder: string, olderThanMs: number): Promise<void> {
  const oldest = Date.now() - olderThanMs;
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && found.mtimeMs < oldest) await rm(path, { force: true });
  }
}

const isLink = (error: unknown) => error instanceof Error && 'syscall' in error && error.syscall === 'link';

/** A recursive mkdir on a read-only filesystem answers ENOENT; asking for write access answers the truth. */
async function refuseReadOnly(folder: string): Promise<void> {
  await access(folder, constants.W_OK).catch((error) => {
    if (errorCode(error) !== 'ENOENT') throw error;
  });
}

async function writeNew(path: string, bytes: Uint8Array, durable: Durability): Promise<void> {
  await withFile(path, 'wx', async (file) => {
    await file.writeFile(bytes);
    if (durable === 'power') await file.datasync();
  });
}

async function withFile(path: string, flags: string, work: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, flags);
  try {
    await work(file);
  } finally {
    await file.close();
  }
}

const syncFolder = (folder: string): Promise<void> => withFile(folder, 'r', (file) => file.sync());

async function syncFolders(lowest: string, highest: string): Promise<void> {
  for (let folder = lowest; ; folder = dirname(folder)) {
    await syncFolder(folder);
    if (folder === highest || folder === dirname(folder)) return;
  }
}
