/** What is known of the embedded server between two commands: `.lbi/server.json`. */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** `pid` and `started` are null after a stop; the ports stay, so that links keep working after the next start. */
export interface ServerRecord {
  pid: number | null;
  /** Start time of the process, to tell it from a later one with the same pid. */
  started: string | null;
  port: number;
  uiPort: number;
  /** Where the UI asks for payloads in the clear; left out while nothing is encrypted. */
  codecPort?: number;
  /** Path of the SQLite file. */
  db: string;
  /** Version of the `temporal` program. */
  version: string;
}

const recordFile = (home: string) => join(home, 'server.json');

/** The record of a home folder (`.lbi`); undefined when there is none or it is damaged. */
export async function readRecord(home: string): Promise<ServerRecord | undefined> {
  const text = await readFile(recordFile(home), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const record = JSON.parse(text) as ServerRecord;
    return Number.isInteger(record.port) && Number.isInteger(record.uiPort) ? record : undefined;
  } catch {
    return undefined;
  }
}

/** Replaces the record at once, so that no reader sees half of it. */
export async function writeRecord(home: string, record: ServerRecord): Promise<void> {
  const temporary = `${recordFile(home)}.${process.pid}`;
  await writeFile(temporary, `${JSON.stringify(record, null, 2)}\n`);
  await rename(temporary, recordFile(home));
}
