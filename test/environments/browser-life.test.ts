/** One browser for the sessions of a worker: it is shared, ends with the last of them, and comes back when it dies. */
import assert from 'node:assert/strict';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { findChromium } from '../../environments/browser/chromium.ts';
import { browserDriver } from '../../environments/browser/driver.ts';
import { contextIn, openPlace, serve, temporaryFolder } from './browser-place.ts';

/** Browser processes below this one that were started with the pipe (the browser itself, not its children). */
const browsers = async (): Promise<number[]> => {
  const found: number[] = [];
  for (const id of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const command = await readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '');
    const program = await readlink(`/proc/${id}/exe`).catch(() => '');
    const ours = command.includes(`lbi-chromium-${process.pid}-`);
    if (ours && program.includes('chrom') && command.includes('--remote-debugging-pipe')) found.push(Number(id));
  }
  return found;
};

const withoutBrowsers = async (): Promise<number[]> => {
  for (let wait = 0; wait < 200 && (await browsers()).length > 0; wait++) await sleep(50);
  return browsers();
};

test('sessions share one browser, which ends with the last of them', async (t) => {
  const site = await serve(t);
  const spec = { url: `${site.origin}/other.html` };
  const places = await Promise.all([1, 2, 3].map(() => openPlace(t, spec)));
  assert.equal((await browsers()).length, 1);
  await places[0]?.session.close();
  assert.equal((await places[1]?.on('click', 'Form'))?.error, undefined);
  await Promise.all(places.map((place) => place.session.close()));
  assert.deepEqual(await withoutBrowsers(), []);
});

test('a browser that dies loses its sessions, and the next reset has a new one', async (t) => {
  const site = await serve(t);
  const place = await openPlace(t, { url: `${site.origin}/settle.html` });
  const [pid = 0] = await browsers();
  const pending = place.on('click', 'Slow page');
  const lost = assert.rejects(pending, { name: 'EnvironmentError', kind: 'session-lost' });
  await sleep(200);
  process.kill(pid, 'SIGKILL');
  await lost;
  await assert.rejects(place.act('back'), { kind: 'session-lost' });
  const again = await place.session.reset({ id: 'again', seed: 1 });
  assert.match(again.text, /^Page: Settle/);
  assert.equal((await browsers()).length, 1);
});

test('steps are journalled: what was begun and not ended is lost, what ended is given again', async (t) => {
  const site = await serve(t);
  const workdir = await temporaryFolder(t);
  const spec = { kind: 'browser' as const, url: `${site.origin}/form.html` };
  const session = await browserDriver.open(spec, contextIn(workdir));
  t.after(() => session.close());
  await assert.rejects(session.step({ name: 'back', arguments: {} }, 1), { kind: 'session-lost' });
  await session.reset({ id: 'x', seed: 1 });
  const action = { name: 'press', arguments: { key: 'Tab' } };
  const result = await session.step(action, 1);
  const hits = site.hits.length;
  assert.deepEqual(await session.step(action, 1), result);
  assert.equal(site.hits.length, hits);
  await session.close();
  const later = await browserDriver.open(spec, contextIn(workdir));
  assert.deepEqual(await later.step(action, 1), result, 'read back from the folder');
  await assert.rejects(later.step(action, 2), { kind: 'session-lost' });
  await later.close();
});

test('a task may bring its own first page and a script with its seed', async (t) => {
  const site = await serve(t);
  const session = await browserDriver.open(
    { kind: 'browser', url: `${site.origin}/form.html` },
    contextIn(await temporaryFolder(t)),
  );
  t.after(() => session.close());
  const setup = { url: '/other.html', script: 'document.querySelector("h1").textContent = `Seed ${seed}`' };
  const first = await session.reset({ id: 'x', seed: 42, setup });
  assert.match(first.text, /^Page: Other[\s\S]*heading "Seed 42"/);
});

test('a missing browser is told with the command that installs it', async () => {
  await assert.rejects(findChromium({ LBI_CHROMIUM: '/nowhere/chromium', PATH: '' }), {
    kind: 'operator',
    message: /LBI_CHROMIUM names \/nowhere\/chromium, which does not exist/,
  });
  assert.match(await findChromium({ PATH: process.env.PATH }), /chrom/);
  const home = process.env.HOME;
  process.env.HOME = '/nowhere';
  try {
    await assert.rejects(findChromium({ PATH: '/nowhere' }), {
      kind: 'operator',
      message: /apt-get install -y chromium-headless-shell/,
    });
  } finally {
    process.env.HOME = home;
  }
});
