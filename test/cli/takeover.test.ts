/** What a worker notes of itself, and which notes the next one takes over from. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { forgetWorker, livingWorkers, noteWorker, predecessors } from '../../cli/takeover.ts';

/** No process has this number. */
const gone = 2 ** 22 + 1;

test('the dead of this machine are taken over from, the newest first; nobody else is', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'lbi-takeover-'));
  t.after(() => rm(home, { recursive: true, force: true }));
  assert.deepEqual(await predecessors(home), []);
  assert.deepEqual(await livingWorkers(home), []);

  await noteWorker(home, 'me', 'lbi.env.me');
  const now = Date.now();
  const note = async (identity: string, more: object): Promise<void> => {
    const text = JSON.stringify({ pid: gone, host: hostname(), identity, queue: `lbi.env.${identity}`, ...more });
    await writeFile(join(home, 'workers', `${identity}.json`), text);
  };
  await note('dead', {});
  await note('reused', { pid: process.pid, started: 'another time' });
  await note('elsewhere', { host: 'another-machine' });
  await note('long-dead', { missed: now - 3_600_000 });
  await note('lately', { missed: now - 60_000 });
  await writeFile(join(home, 'workers', 'damaged.json'), '{"pid": ');
  const found = await predecessors(home, now);
  assert.deepEqual(found.map(({ identity }) => identity).sort(), ['dead', 'lately', 'reused']);
  assert.equal(found.at(-1)?.identity, 'lately');
  assert.ok(found.every(({ identity, queue }) => queue === `lbi.env.${identity}`));
  assert.deepEqual((await readdir(join(home, 'workers'))).sort(), [
    'dead.json',
    'elsewhere.json',
    'lately.json',
    'me.json',
    'reused.json',
  ]);
  assert.deepEqual(
    (await livingWorkers(home)).map(({ pid }) => pid),
    [process.pid],
  );

  // When it was found is kept: later on the queue is no longer answered.
  const later = await predecessors(home, now + 31 * 60_000);
  assert.deepEqual(later, []);
  await forgetWorker(home, 'me');
  assert.deepEqual(await readdir(join(home, 'workers')), ['elsewhere.json']);
});

test('of many that died one after the other, the last four', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'lbi-takeover-'));
  t.after(() => rm(home, { recursive: true, force: true }));
  await mkdir(join(home, 'workers'));
  for (let index = 0; index < 9; index += 1) {
    const dead = { pid: gone, host: hostname(), identity: `w${index}`, queue: `q${index}`, missed: 1e12 + index };
    await writeFile(join(home, 'workers', `w${index}.json`), JSON.stringify(dead));
  }
  const found = await predecessors(home, 1e12 + 1000);
  assert.deepEqual(
    found.map(({ queue }) => queue),
    ['q8', 'q7', 'q6', 'q5'],
  );
});
