/** What every store promises, run against each implementation. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { StoreError } from '../../core/errors.ts';
import type { Store } from '../../store/store.ts';

export interface OpenedStore {
  /** Opens the same place once more, as another process would. */
  open(): Promise<Store>;
  remove(): Promise<void>;
}

const bytes = (text: string) => new TextEncoder().encode(text);
const sha256 = (content: Uint8Array) => createHash('sha256').update(content).digest('hex');
const fatal = (error: unknown) => error instanceof StoreError && error.kind === 'fatal';

export function storeContract(name: string, make: () => Promise<OpenedStore>): void {
  describe(`${name} keeps the store's contract`, () => {
    let place: OpenedStore;
    let store: Store;
    let other: Store;
    before(async () => {
      place = await make();
      store = await place.open();
      other = await place.open();
    });
    after(() => place.remove());

    test('any bytes come back under their sha256, also from another opener', async () => {
      const content = fc.oneof(fc.uint8Array({ maxLength: 3000 }), fc.constant(randomBytes(300_000)));
      await fc.assert(
        fc.asyncProperty(content, async (given) => {
          const ref = await store.put(given);
          assert.equal(ref, sha256(given));
          assert.deepEqual(Uint8Array.from(await other.get(ref)), Uint8Array.from(given));
        }),
        { numRuns: 40 },
      );
    });

    test('a repeated put is harmless, also at the same time and from two openers', async () => {
      const content = bytes('the same');
      const refs = await Promise.all([store, other, store, other].map((each) => each.put(content)));
      assert.deepEqual(new Set(refs), new Set([sha256(content)]));
      assert.deepEqual(Buffer.from(await store.get(sha256(content))).toString(), 'the same');
    });

    test('changing what was given in or out changes nothing that is kept', async () => {
      const given = bytes('original');
      const ref = await store.put(given);
      given.fill(0);
      (await store.get(ref)).fill(1);
      assert.equal(Buffer.from(await store.get(ref)).toString(), 'original');
      const large = new Uint8Array(300_000).fill(7);
      const pending = store.put(large);
      large.fill(8);
      for (const opener of [store, other]) assert.ok((await opener.get(await pending)).every((byte) => byte === 7));
    });

    test('a missing object is fatal and named', async () => {
      const ref = sha256(bytes('never stored'));
      await assert.rejects(store.get(ref), (error) => fatal(error) && String(error).includes(ref));
    });

    test('what is not a reference is refused, whatever it looks like', async () => {
      for (const ref of ['', 'abc', '../../etc/passwd', `${'a'.repeat(63)}/`, 'A'.repeat(64)]) {
        await assert.rejects(store.get(ref), fatal, ref);
        await assert.rejects(store.remember('key', ref), fatal, ref);
      }
      assert.equal(await store.memo('key'), undefined);
    });

    test('the first memo wins, whoever asks, and keys are any text', async () => {
      const [one, two] = [sha256(bytes('1')), sha256(bytes('2'))];
      for (const key of ['', 'episode/1', '../up', 'ä\n\u0000 "', 'k'.repeat(5000)]) {
        assert.equal(await store.memo(key), undefined);
        assert.equal(await store.remember(key, one), one);
        assert.equal(await other.remember(key, two), one);
        assert.equal(await other.memo(key), one);
      }
    });

    test('many that remember at once agree on one', async () => {
      const refs = Array.from({ length: 24 }, (_, index) => sha256(bytes(`candidate ${index}`)));
      const answers = await Promise.all(refs.map((ref, i) => (i % 2 ? store : other).remember('contested', ref)));
      assert.equal(new Set(answers).size, 1);
      assert.equal(await store.memo('contested'), answers[0]);
    });

    test('a page is replaced whole', async () => {
      assert.equal(await store.read('runs/r-1/page.json'), undefined);
      await store.write('runs/r-1/page.json', bytes('a long first version'));
      await other.write('runs/r-1/page.json', bytes('second'));
      assert.equal(Buffer.from((await store.read('runs/r-1/page.json')) ?? []).toString(), 'second');
    });

    test('pages are listed below a prefix, sorted, by their whole names', async () => {
      for (const name of ['b/2', 'b/10', 'b/deep/x', 'ba/1', 'a-page']) await store.write(`list/${name}`, bytes(name));
      assert.deepEqual(await other.list('list/b/'), ['list/b/10', 'list/b/2', 'list/b/deep/x']);
      assert.deepEqual(await store.list('nothing/here/'), []);
      const all = await store.list('');
      assert.deepEqual(all, [...all].sort());
      assert.ok(all.includes('list/a-page') && all.includes('list/ba/1'));
      await assert.rejects(store.list('list/b'), fatal);
    });

    test('a page name that leads elsewhere is refused', async () => {
      const names = [
        '',
        '/',
        '/etc/x',
        '../x',
        'a/../../x',
        'a//b',
        'a/.',
        'a/',
        'a\\..\\b',
        'a\u0000b',
        'x'.repeat(300),
      ];
      for (const name of names) {
        await assert.rejects(store.write(name, bytes('x')), fatal, name);
        await assert.rejects(store.read(name), fatal, name);
      }
      await assert.rejects(store.list('../'), fatal);
    });
  });
}
