/** A shared place is brought to its known state before each session, and no session begins when that fails. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { resetting } from '../../environments/reset-shared.ts';
import { scriptedDriver } from '../../environments/scripted.ts';
import type { Ref } from '../../schemas/common.ts';

const contextIn = (folder: string) => ({
  workdir: folder,
  put: async () => '0' as Ref,
  packageFolder: async () => folder,
  file: (path: string) => join(folder, path),
  signal: new AbortController().signal,
  lease: { name: 'wiki', epoch: 7 },
});

const open = (folder: string, reset: { command?: string[]; url?: string; timeout?: number }) =>
  resetting(scriptedDriver).open({ kind: 'scripted', lease: { name: 'wiki', reset } }, contextIn(folder));

test('by a command in the folder of the pipeline, which is told the epoch and no secret', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'lbi-reset-'));
  t.after(() => rm(folder, { recursive: true }));
  process.env.LBI_TEST_SECRET = 'hush';
  t.after(() => delete process.env.LBI_TEST_SECRET);
  const session = await open(folder, {
    command: ['sh', '-c', 'echo "$LBI_LEASE $LBI_EPOCH $LBI_TEST_SECRET" >> told'],
  });
  await session.close();
  assert.equal(await readFile(join(folder, 'told'), 'utf8'), 'wiki 7 \n');
  await assert.rejects(open(folder, { command: ['sh', '-c', 'echo no such wiki; exit 3'] }), {
    kind: 'operator',
    message: /lease\.reset: "sh -c .*" in .* failed: .*exit code 3[\s\S]*no such wiki/,
  });
  await assert.rejects(open(folder, { command: ['sleep', '20'], timeout: 0.2 }), {
    kind: 'operator',
    message: /timed out/i,
  });
  await assert.rejects(open(folder, { command: ['./nothing-here'] }), { kind: 'operator' });
});

test('by a request to the place: what it refuses waits for a person, what does not answer is tried again', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'lbi-reset-'));
  t.after(() => rm(folder, { recursive: true }));
  let status = 204;
  const heard: (string | undefined)[] = [];
  const site = createServer((request, response) => {
    heard.push(`${request.method} ${request.headers['x-lbi-lease']} ${request.headers['x-lbi-epoch']}`);
    response.writeHead(status, { location: 'http://127.0.0.1:9/elsewhere' });
    response.end();
  });
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(site.address() as AddressInfo).port}/reset`;
  await (await open(folder, { url })).close();
  assert.deepEqual(heard, ['POST wiki 7']);
  for (const [answer, kind] of [
    [403, 'operator'],
    [302, 'operator'],
    [500, 'transient'],
    [429, 'transient'],
  ] as const) {
    status = answer;
    await assert.rejects(open(folder, { url }), { kind, message: new RegExp(`answered ${answer}`) });
  }
  await new Promise((resolve) => site.close(resolve));
  await assert.rejects(open(folder, { url }), { kind: 'transient', message: /does not answer \(\w+\)/ });
});
