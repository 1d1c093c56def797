/** The SQLite files of the embedded server: one for each release line of the program, looked into only while no server runs. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { LbiError } from '../../core/errors.ts';
import { megabytes } from '../../setup/screen.mjs';
import { program } from '../home.ts';

const fileName = /^temporal-(\d+\.\d+)\.sqlite$/;

/** The file of a program's version: its format belongs to a release line of the server and is never migrated. */
export const databaseFile = (folder: string, version: string): string =>
  join(folder, `temporal-${version.split('.').slice(0, 2).join('.')}.sqlite`);

/**
 * Throws an operator error when runs are open in the file of another version: with this program they would not be seen any more.
 * Files without open runs are left behind in peace; what they made is in the store.
 */
export async function refuseOtherVersion(folder: string, version: string): Promise<void> {
  const own = databaseFile(folder, version);
  for (const name of await readdir(folder)) {
    const [, line] = fileName.exec(name) ?? [];
    const path = join(folder, name);
    if (line === undefined || path === own) continue;
    const open = await openRunsIn(path);
    if (open === 0) continue;
    throw new LbiError(
      'operator',
      `${path} holds ${open} open ${open === 1 ? 'workflow' : 'workflows'} of a server by temporal ${line}, and this program is temporal ${version}, which cannot read it.\n` +
        `  to finish them   LBI_TEMPORAL=/path/to/temporal-${line} ${program} up\n` +
        `  to give them up  mv ${path} ${path}.old   (what they finished is in the store: the same pipeline again reuses it)`,
    );
  }
}

/** Loaded when it is needed: Node 22 says at every load that it is experimental. */
async function withDatabase<T>(path: string, work: (database: DatabaseSync) => T): Promise<T> {
  const { DatabaseSync } = await import('node:sqlite');
  // Temporal's schema writes texts in double quotes.
  const database = new DatabaseSync(path, { enableDoubleQuotedStringLiterals: true });
  try {
    return work(database);
  } finally {
    database.close();
  }
}

/** Workflows that were running when the server last stopped; 0 where the file does not say. */
async function openRunsIn(path: string): Promise<number> {
  try {
    // The server has workflows of its own, which never end.
    const query = `SELECT count(*) AS open FROM executions_visibility WHERE status = 1 AND workflow_type_name NOT LIKE 'temporal-sys%'`;
    return await withDatabase(path, (database) => Number(database.prepare(query).get()?.open ?? 0));
  } catch {
    return 0;
  }
}

/** Writes the file anew without what was deleted from it. The server must not run; needs as much room again as is left in the end. */
export async function compact(path: string): Promise<{ before: number; after: number }> {
  const sizeOf = async (): Promise<number> => (await stat(path)).size;
  const before = await sizeOf();
  try {
    await withDatabase(path, (database) => {
      database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      database.exec('VACUUM');
      database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new LbiError(
      'operator',
      `${path} could not be compacted (${why}); it is as it was. It needs up to ${megabytes(before)} of free space for a while`,
      { cause },
    );
  }
  return { before, after: await sizeOf() };
}
