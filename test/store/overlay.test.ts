/** The store laid over another: it keeps the contract, reads through, and leaves what lies below as it is. */
import assert from 'node:assert/strict';
import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonical } from '../../core/canonical.ts';
import type { Json } from '../../schemas/common.ts';
import { folderStore } from '../../store/folder.ts';
import { hasherOf, hashOf, putJson } from '../../store/json.ts';
import { overlayStore } from '../../store/overlay.ts';
import { openStore } from '../../store/stores.ts';
import { temporaryFolder } from './temporary.ts';

const text = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString();

test('what is below shows through, what is written stays above', async () => {
  const folder = await temporaryFolder();
  const below = await folderStore(folder.path, { durable: 'process' });
  const [old, other] = [await putJson(below, 'old'), await putJson(below, 'other')];
  await below.remember('key', old);
  await below.write('a/1', Buffer.from('below'));
  const before = (await readdir(folder.path, { recursive: true })).sort();

  const store = overlayStore(await openStore(folder.path, { readOnly: true }));
  const fresh = await store.put(Buffer.from('fresh'));
  assert.equal(text(await store.get(fresh)), 'fresh');
  assert.equal(text(await store.get(old)), '"old"');
  assert.equal(await store.memo('key'), old);
  assert.equal(await store.remember('key', other), old, 'the first value wins, also when it lies below');
  assert.equal(await store.remember('new key', other), other);
  assert.equal(await store.memo('new key'), other);
  assert.equal(await store.remember('new key', old), other);
  await store.write('a/2', Buffer.from('above'));
  await store.write('a/1', Buffer.from('changed'));
  assert.deepEqual([text(await store.read('a/1')), text(await store.read('a/2'))], ['changed', 'above']);
  assert.deepEqual(await store.list('a/'), ['a/1', 'a/2']);
  assert.equal(await store.read('a/3'), undefined);
  await assert.rejects(store.get('0'.repeat(64)), /is not in the store/);

  assert.deepEqual((await readdir(folder.path, { recursive: true })).sort(), before);
  assert.equal(text(await below.read('a/1')), 'below');
  assert.equal(await below.memo('new key'), undefined);
  await folder.remove();
});

test('a store that is only read is not made', async () => {
  const folder = await temporaryFolder();
  const path = join(folder.path, 'none');
  const store = overlayStore(await openStore(path, { readOnly: true }));
  assert.deepEqual([await store.memo('x'), await store.read('x'), await store.list('x/')], [undefined, undefined, []]);
  await store.put(Buffer.from('x'));
  await assert.rejects(access(path), { code: 'ENOENT' });
  await folder.remove();
});

test('a hash of which one part is large comes out as if it were made at once', () => {
  const fixed = fc.dictionary(fc.string({ minLength: 1, maxLength: 3 }), fc.jsonValue());
  fc.assert(
    fc.property(fixed, fc.string(), fc.array(fc.string()), (given, name, values) => {
      const { [name]: _same, ...rest } = JSON.parse(JSON.stringify(given)) as { [key: string]: Json };
      const hash = hasherOf(rest, name);
      for (const value of values) assert.equal(hash(value), hashOf({ ...rest, [name]: value }), canonical(rest));
    }),
  );
});
