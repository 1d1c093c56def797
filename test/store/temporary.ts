/** A folder of its own for a test, and its removal. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Makes an empty folder; `remove` deletes it with everything in it. */
export async function temporaryFolder(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'lbi-store-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
