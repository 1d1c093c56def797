/** Disk space of the background processes: room to start, logs that stay bounded, and what the database could give back. */
import { copyFile, open, stat, statfs, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { LbiError } from '../../core/errors.ts';
import { megabytes } from '../../setup/screen.mjs';

/** Bytes without which a server cannot even begin. */
const leastRoom = 32e6;
const logLimit = 20e6;
const logs = ['server.log', 'worker.log', 'supervisor.log'];

/** Whether an error says that a disk is full. */
export const isFull = (error: unknown): boolean =>
  error instanceof Error && (('code' in error && error.code === 'ENOSPC') || isFull(error.cause));

/** Throws an operator error when the disk of the folder is full. */
export async function needRoom(home: string): Promise<void> {
  const { bavail, bsize } = await statfs(home);
  const free = bavail * bsize;
  if (free >= leastRoom) return;
  throw new LbiError(
    'operator',
    `the disk that holds ${home} is full (${megabytes(free)} free): make room, then type the same again; nothing that is finished is lost`,
  );
}

/** Moves what a log holds into `NAME.1` when it has grown long. The processes keep their files open, so they are emptied where they lie. */
export async function rotateLogs(home: string, limit = logLimit): Promise<void> {
  for (const name of logs) {
    const path = join(home, name);
    const { size } = await stat(path).catch(() => ({ size: 0 }));
    if (size <= limit) continue;
    // A few lines may be written between the two: they are lost, as is the older half of the log.
    await copyFile(path, `${path}.1`).catch(() => undefined);
    await truncate(path);
  }
}

export interface DatabaseSize {
  bytes: number;
  /** bytes of it that hold nothing any more; `lbi down --compact` gives them back */
  free: number;
}

/** Read off the file's own header: a server may have it open, which nobody else then should. */
export async function databaseSize(path: string): Promise<DatabaseSize | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return undefined;
  const wal = await stat(`${path}-wal`).catch(() => undefined);
  const header = Buffer.alloc(100);
  const file = await open(path, 'r');
  try {
    await file.read(header, 0, header.length, 0);
  } finally {
    await file.close();
  }
  // https://www.sqlite.org/fileformat.html: the page size at 16 (1 stands for 65536), pages of the freelist at 36.
  const page = header.readUInt16BE(16);
  const free = header.readUInt32BE(36) * (page === 1 ? 65_536 : page);
  return { bytes: found.size + (wal?.size ?? 0), free };
}
