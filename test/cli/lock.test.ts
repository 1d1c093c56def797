/** The lock of the embedded server: what killed owners and waiters leave is cleared away, what is in use is not. */
import assert from 'node:assert/strict';
import { link, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { withLock } from '../../cli/server/lock.ts';
import { identify } from '../../cli/server/process.ts';

test('a dead owner and dead waiters leave nothing; a living waiter and a file that is being written stay', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'lbi-lock-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'server.lock');
  const dead = JSON.stringify({ pid: 2 ** 22 + 1, started: '1' });
  const living = JSON.stringify({ pid: process.pid, started: (await identify(process.pid))?.started });
  await writeFile(`${file}.owner`, dead);
  await link(`${file}.owner`, file);
  await writeFile(`${file}.waiter`, dead);
  await writeFile(`${file}.living`, living);
  await writeFile(`${file}.empty`, '');
  await writeFile(join(folder, 'server.json'), '{}');
  const during = await withLock(file, 2000, () => readdir(folder));
  assert.equal(
    during.filter((name) => name.startsWith('server.lock')).length,
    4,
    'the lock, mine, the living, the empty',
  );
  assert.deepEqual((await readdir(folder)).sort(), ['server.json', 'server.lock.empty', 'server.lock.living']);
});
