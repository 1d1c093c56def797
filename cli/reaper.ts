/** Clears away what sessions of dead workers left behind. */
import { mkdirSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { alive } from './processes.ts';

/** Folder of the sessions of this process. */
export function sessionsRoot(home: string): string {
  const folder = join(home, 'sessions', String(process.pid));
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Removes the session folders and browser profiles of processes that are gone, and stops what those sessions had started. */
export async function reapSessions(home: string): Promise<void> {
  const root = join(home, 'sessions');
  for (const name of await readdir(root).catch(() => [])) {
    const pid = Number(name);
    if (Number.isInteger(pid) && pid !== process.pid && (await alive({ pid }))) continue;
    const { reapOrphans } = await import('../environments/orphans.ts');
    await reapOrphans(join(root, name));
    await rm(join(root, name), { recursive: true, force: true });
  }
  for (const name of await readdir(home).catch(() => [])) {
    // A record that was being replaced when its writer died.
    const writer = /\.json\.(\d+)$/.exec(name)?.[1];
    if (writer !== undefined && !(await alive({ pid: Number(writer) }))) await rm(join(home, name), { force: true });
  }
  const { removeOldProfiles } = await import('../environments/browser/chromium.ts');
  await removeOldProfiles();
}
