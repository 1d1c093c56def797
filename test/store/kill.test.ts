/** Writers killed at random moments: everything they had reported is there and whole. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { folderStore } from '../../store/folder.ts';
import { temporaryFolder } from './temporary.ts';

const writer = join(import.meta.dirname, 'writer.ts');
const KILLS = 20;
const WRITERS = 2;

/** Runs a writer, kills it some time after it began, and returns what it reported. */
async function killedWriter(root: string, name: string): Promise<string[][]> {
  const child = spawn(process.execPath, [writer, root, name], { stdio: ['ignore', 'pipe', 'inherit'] });
  const output = text(child.stdout);
  const ended = once(child, 'close');
  await once(child.stdout, 'readable');
  await sleep(Math.random() * 120);
  child.kill('SIGKILL');
  const [code, signal] = await ended;
  assert.equal(signal, 'SIGKILL', `the writer ended by itself with code ${code}`);
  const lines = (await output).split('\n').slice(0, -1);
  return lines.map((line) => line.split(' '));
}

test(`what was reported survives ${KILLS} kills of ${WRITERS} writers at once`, async () => {
  const folder = await temporaryFolder();
  const memos = new Map<string, string>();
  const pages = new Map<string, number>();
  let reported = 0;
  for (let round = 0; round < KILLS / WRITERS; round++) {
    const names = Array.from({ length: WRITERS }, (_, index) => `${round}-${index}`);
    const reports = await Promise.all(names.map((name) => killedWriter(folder.path, name)));
    const store = await folderStore(folder.path, { cacheBytes: 0 });
    for (const [kind, name = '', value = ''] of reports.flat()) {
      reported++;
      if (kind === 'object') await store.get(name);
      if (kind === 'page') pages.set(name, Number(value));
      if (kind !== 'memo') continue;
      assert.equal(memos.get(name) ?? value, value, `two answers to the memo ${name}`);
      memos.set(name, value);
    }
  }
  assert.ok(reported > KILLS * 5, `only ${reported} writes were reported: the kills came too early to mean anything`);
  const store = await folderStore(folder.path, { cacheBytes: 0 });
  for (const [key, ref] of memos) {
    assert.equal(await store.memo(key), ref);
    await store.get(ref);
  }
  for (const page of await store.list('')) {
    const { round, end } = JSON.parse(Buffer.from((await store.read(page)) ?? []).toString());
    assert.equal(end, 'whole');
    assert.ok(round >= (pages.get(page) ?? 0), `${page} went back to round ${round}`);
  }
  for (const page of pages.keys()) assert.ok((await store.read(page)) !== undefined, page);
  // a killed writer leaves at most the files of the five writes it had in flight
  assert.ok((await readdir(join(folder.path, 'tmp'))).length <= KILLS * 5);
  await folder.remove();
});
