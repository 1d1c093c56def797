/** The folder store: damage, full and read-only disks, temporary files, addresses. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { StoreError } from '../../core/errors.ts';
import { folderStore } from '../../store/folder.ts';
import { getJson, hashOf, putJson } from '../../store/json.ts';
import { openStore } from '../../store/stores.ts';
import { storeContract } from './contract.ts';
import { temporaryFolder } from './temporary.ts';

for (const durable of ['process', 'power'] as const) {
  storeContract(`folder store (${durable})`, async () => {
    const folder = await temporaryFolder();
    return { open: () => folderStore(folder.path, { durable }), remove: folder.remove };
  });
}
storeContract('folder store without a cache', async () => {
  const folder = await temporaryFolder();
  return { open: () => folderStore(folder.path, { durable: 'process', cacheBytes: 0 }), remove: folder.remove };
});

const kind = (expected: string, words: string) => (error: unknown) => {
  assert.ok(error instanceof StoreError, String(error));
  assert.equal(error.kind, expected, error.message);
  assert.ok(error.message.includes(words), error.message);
  return true;
};

describe('folder store', () => {
  let folder: { path: string; remove(): Promise<void> };
  before(async () => {
    folder = await temporaryFolder();
  });
  after(() => folder.remove());
  const objectFile = (ref: string) => join(folder.path, 'objects', ref.slice(0, 2), ref.slice(2));
  const fresh = () => folderStore(folder.path);

  test('a damaged, cut or swapped object is fatal, names its file, and is mended by the next put', async () => {
    const content = Buffer.from('an observation '.repeat(100));
    const ref = await (await fresh()).put(content);
    const strange = await (await fresh()).put(Buffer.from('another object'));
    const good = await readFile(objectFile(ref));
    const flipped = Uint8Array.from(good, (byte, index) => (index === good.length >> 1 ? byte ^ 0xff : byte));
    const damages = [flipped, good.subarray(0, 20), new Uint8Array(), await readFile(objectFile(strange))];
    for (const damage of damages) {
      await writeFile(objectFile(ref), damage);
      await assert.rejects((await fresh()).get(ref), kind('fatal', objectFile(ref)));
      assert.equal(await (await fresh()).put(content), ref);
      assert.deepEqual(Buffer.from(await (await fresh()).get(ref)), content);
    }
  });

  test('a damaged memo is fatal and names its file', async () => {
    const store = await fresh();
    const ref = await store.put(Buffer.from('x'));
    await store.remember('key', ref);
    const [prefix = ''] = await readdir(join(folder.path, 'memo'));
    const [name = ''] = await readdir(join(folder.path, 'memo', prefix));
    const file = join(folder.path, 'memo', prefix, name);
    await truncate(file, 30);
    await assert.rejects(store.memo('key'), kind('fatal', file));
    await assert.rejects(store.remember('key', ref), kind('fatal', file));
    await rm(file);
    assert.equal(await store.remember('key', ref), ref);
  });

  test('objects are compressed', async () => {
    const ref = await (await fresh()).put(Buffer.from('- button "Save"\n'.repeat(2000)));
    assert.ok((await readFile(objectFile(ref))).length < 1000);
  });

  test('folders that vanish under an open store are made again', async () => {
    const store = await fresh();
    await store.put(Buffer.from('before'));
    for (const name of ['objects', 'tmp', 'memo', 'pages'])
      await rm(join(folder.path, name), { recursive: true, force: true });
    const ref = await store.put(Buffer.from('after'));
    assert.equal(await store.remember('again', ref), ref);
    await store.write('page', Buffer.from('x'));
    assert.equal(Buffer.from(await (await fresh()).get(ref)).toString(), 'after');
  });

  test('opening sweeps temporary files that are old, and only those', async () => {
    const temporary = join(folder.path, 'tmp');
    await mkdir(temporary, { recursive: true });
    await writeFile(join(temporary, 'old'), 'x');
    await writeFile(join(temporary, 'new'), 'x');
    const hourAgo = new Date(Date.now() - 3_600_000);
    await utimes(join(temporary, 'old'), hourAgo, hourAgo);
    await fresh();
    assert.deepEqual(await readdir(temporary), ['new']);
  });

  test('writing leaves no temporary file, also when the memo was there', async () => {
    const other = await temporaryFolder();
    const store = await folderStore(other.path);
    const refs = await Promise.all(Array.from({ length: 50 }, (_, index) => store.put(randomBytes(100 + index))));
    await Promise.all(refs.map((ref) => store.remember('one key', ref)));
    assert.deepEqual(await readdir(join(other.path, 'tmp')), []);
    await other.remove();
  });

  test('a file in the place of the folder waits for a person', async () => {
    const file = join(folder.path, 'a-file');
    await writeFile(file, 'x');
    await assert.rejects(folderStore(join(file, 'store')), kind('operator', file));
  });

  test('a page below a page waits for a person, and reading it finds nothing', async () => {
    const store = await fresh();
    await store.write('leaf', Buffer.from('x'));
    await assert.rejects(store.write('leaf/below', Buffer.from('x')), kind('operator', 'leaf'));
    assert.equal(await store.read('leaf/below'), undefined);
    assert.deepEqual(await store.list('leaf/'), []);
  });
});

const bubblewrap = spawnSync('bwrap', ['--ro-bind', '/', '/', 'true']).status === 0;
const skip = bubblewrap ? false : 'bwrap cannot run here, so no full or read-only disk can be made';

/** Runs the script that fills a store, in a sandbox whose `/mnt/small` is made by the given flags. */
function inSandbox(flags: string[], script: string): string {
  const sandbox = ['--ro-bind', '/', '/', '--dev', '/dev', '--tmpfs', '/mnt', ...flags];
  const source = pathToFileURL(join(import.meta.dirname, '../../store/folder.ts')).href;
  const code = `const { folderStore } = await import(${JSON.stringify(source)});
    const say = (error) => { console.log(error.name, error.kind, error.message); process.exit(0); };
    ${script}`;
  const ran = spawnSync('bwrap', [...sandbox, process.execPath, '--input-type=module', '-e', code], {
    encoding: 'utf8',
  });
  assert.equal(ran.status, 0, ran.stderr);
  return ran.stdout;
}

test('a full disk waits for a person, and what was stored before is whole', { skip }, () => {
  const script = `const store = await folderStore('/mnt/small', { cacheBytes: 0 });
    const { randomBytes } = await import('node:crypto');
    const { readdir } = await import('node:fs/promises');
    const refs = [];
    for (;;) {
      try { refs.push(await store.put(randomBytes(60_000))); } catch (error) {
        for (const ref of refs) await store.get(ref);
        console.log(refs.length, 'whole,', (await readdir('/mnt/small/tmp')).length, 'left over');
        say(error);
      }
    }`;
  const output = inSandbox(['--size', '1048576', '--tmpfs', '/mnt/small'], script);
  assert.match(output, /^1\d whole, 0 left over\nStoreError operator .*the disk is full/);
});

test('a read-only disk waits for a person', { skip }, async () => {
  const folder = await temporaryFolder();
  await folderStore(folder.path);
  const script = `const store = await folderStore('/mnt/small').catch(say); await store.put(new Uint8Array(9)).catch(say);`;
  const output = inSandbox(['--ro-bind', folder.path, '/mnt/small'], script);
  assert.match(output, /^StoreError operator .*read-only/);
  await folder.remove();
});

describe('openStore', () => {
  test('takes a folder and a file URL', async () => {
    const folder = await temporaryFolder();
    const path = join(folder.path, 'with space');
    const ref = await (await openStore(path)).put(Buffer.from('x'));
    assert.equal(Buffer.from(await (await openStore(pathToFileURL(path).href)).get(ref)).toString(), 'x');
    await folder.remove();
  });

  test('says what it knows when asked for something else', async () => {
    for (const address of ['gs://bucket/x', 'postgres://host', 'http://x', '', 'file://other-host/x']) {
      await assert.rejects(openStore(address), kind('spec', 'file: URL'), address);
    }
  });
});

test('equal JSON values share a reference, and the hash is the reference', async () => {
  const folder = await temporaryFolder();
  const store = await folderStore(folder.path);
  const ref = await putJson(store, { b: [1, { d: 1, c: 'ä' }], a: null });
  assert.equal(await putJson(store, { a: null, b: [1, { c: 'ä', d: 1 }] }), ref);
  assert.equal(hashOf({ a: null, b: [1, { c: 'ä', d: 1 }] }), ref);
  assert.notEqual(hashOf({ a: null, b: [{ c: 'ä', d: 1 }, 1] }), ref);
  assert.deepEqual(await getJson(store, ref), { a: null, b: [1, { c: 'ä', d: 1 }] });
  const notJson = await store.put(Buffer.from('<html>'));
  await assert.rejects(getJson(store, notJson), kind('fatal', notJson));
  await folder.remove();
});
