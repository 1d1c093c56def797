/** The retrieval index: what is found, odd queries, identity, rebuilding while it is read. */
import assert from 'node:assert/strict';
import { readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { StoreError } from '../../core/errors.ts';
import type { Row } from '../../schemas/dataset.ts';
import { folderStore } from '../../store/folder.ts';
import { buildIndex, openIndex, type RetrievalIndex, type TextEmbedder } from '../../store/retrieval.ts';
import { boundedTerms, terms } from '../../store/terms.ts';
import { sampleRow } from './sample.ts';
import { temporaryFolder } from './temporary.ts';

/** Counts words in 509 buckets: texts that share words are near. */
const wordEmbedder: TextEmbedder = {
  identity: 'word-buckets',
  dimensions: 509,
  async embed(texts) {
    return texts.map((text) => {
      const vector = new Float32Array(509);
      for (const term of terms(text)) {
        const bucket = [...term].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 509, 7);
        vector[bucket] = (vector[bucket] ?? 0) + 1;
      }
      const length = Math.hypot(...vector) || 1;
      return vector.map((value) => value / length);
    });
  },
};

let folder: { path: string; remove(): Promise<void> };
let rows: Row[];
let index: RetrievalIndex;
const subjects = ['honey', 'bread', 'cheese', 'wine', 'cactus', 'tractor'];
before(async () => {
  folder = await temporaryFolder();
  const store = await folderStore(join(folder.path, 'store'), { durable: 'process' });
  rows = await Promise.all(subjects.map((name) => sampleRow(store, name, { instruction: `Buy some ${name} today` })));
  await buildIndex(join(folder.path, 'index'), rows, wordEmbedder);
  index = await openIndex(join(folder.path, 'index'), wordEmbedder);
});
after(async () => {
  await folder.remove();
  index.close();
});
const row = (at: number): Row => rows[at] ?? assert.fail(`no row ${at}`);
const spec = (words: string) => (error: unknown) => {
  assert.ok(error instanceof StoreError && error.kind === 'spec', String(error));
  assert.ok(error.message.includes(words), error.message);
  return true;
};

test('each search finds the example that is meant, with its row and its text for the prompt', async () => {
  for (const [at, name] of subjects.entries()) {
    for (const hits of [
      await index.byObservation(`${name}: stuck page`, 2),
      await index.byInstruction(`${name} please`, 2),
      await index.byQuery(`how to buy ${name}`, 2),
    ]) {
      const [first] = hits;
      assert.equal(first?.id, row(at).id);
      assert.deepEqual(first?.row, row(at));
      assert.match(
        first?.text ?? '',
        new RegExp(`^Instruction: Buy some ${name} today\n\n[\\s\\S]*Action 1: click "Button 2"`),
      );
    }
  }
});

test('the last observation of an example is found too, and an instruction does not match observations', async () => {
  assert.ok((await index.byObservation('saved', 10)).length === rows.length);
  assert.deepEqual(await index.byObservation('today', 10), []);
});

test('hits come best first, at most k, and equal ones by id, every time', async () => {
  const once = await index.byObservation('stuck page', 4);
  assert.equal(once.length, 4);
  const sorted = [...rows.map((each) => each.id)].sort().slice(0, 4);
  assert.deepEqual(
    once.map((hit) => hit.id),
    sorted,
  );
  const scores = (await index.byQuery('buy wine and cheese', 6)).map((hit) => hit.score);
  assert.deepEqual(
    scores,
    [...scores].sort((a, b) => b - a),
  );
  assert.deepEqual(await index.byObservation('honey', 0), []);
});

test('excluded ids are passed over and others take their place', async () => {
  const all = await index.byQuery('buy honey', 6);
  const without = await index.byQuery('buy honey', 3, [all[0]?.id ?? '', all[2]?.id ?? '', 'no\'such"id']);
  assert.deepEqual(
    without.map((hit) => hit.id),
    [all[1]?.id, all[3]?.id, all[4]?.id],
  );
});

test('words pass over the excluded too', async () => {
  const all = await index.byObservation('stuck page', 6);
  const without = await index.byObservation('stuck page', 2, [all[0]?.id ?? '', all[1]?.id ?? '']);
  assert.deepEqual(
    without.map((hit) => hit.id),
    [all[2]?.id, all[3]?.id],
  );
});

test('no character of a query has a meaning', async () => {
  const odd = [
    '"honey',
    'honey AND (',
    '+honey -nothing',
    'honey*',
    'honey^2',
    'text:honey',
    'honey~',
    '\\honey',
    "honey' OR 1=1 --",
  ];
  for (const query of odd) assert.equal((await index.byObservation(query, 1))[0]?.id, row(0).id, query);
  for (const query of ['', ' ', '"', '()', '\u0000', '…', '\ud800', 'AND', '牛']) {
    for (const search of ['byObservation', 'byInstruction', 'byQuery'] as const) {
      assert.ok((await index[search](query, 3)).length <= 3, JSON.stringify(query));
    }
  }
  const anything = fc.string({ unit: 'grapheme', maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(anything, async (text) => {
      assert.ok((await index.byObservation(text, 2)).length <= 2);
    }),
    { numRuns: 60 },
  );
});

test('an observation of any length is answered quickly', async () => {
  const page = Array.from({ length: 60_000 }, (_, at) => `- button "b${at}" [ref=e${at}]`).join('\n');
  const began = performance.now();
  const hits = await index.byObservation(`honey\n${page}`, 1);
  assert.ok(performance.now() - began < 3000);
  assert.equal(hits[0]?.id, row(0).id);
});

test('terms are words in lower case, ideographs one by one, and bounded', () => {
  assert.deepEqual(terms('Click "New-Tiddler" [ref=e12] ÄRGER 牛奶x 2.5'), [
    'click',
    'new',
    'tiddler',
    'ref',
    'e12',
    'ärger',
    '牛',
    '奶',
    'x',
    '2',
    '5',
  ]);
  assert.deepEqual(terms('x'.repeat(100)), ['x'.repeat(40)]);
  assert.deepEqual(boundedTerms('a b a c d', 3), ['a', 'b', 'c']);
});

describe('identity', () => {
  const build = (name: string, given: Row[], embedder?: TextEmbedder) =>
    buildIndex(join(folder.path, name), given, embedder).then((made) => made.identity);

  test('is that of the rows and the embedder, not of their order or the folder', async () => {
    assert.equal(await build('other', [...rows].reverse(), wordEmbedder), index.identity);
    const others = [
      await build('a', rows),
      await build('b', rows, { ...wordEmbedder, identity: 'another' }),
      await build('c', rows.slice(1), wordEmbedder),
      await build('d', [{ ...row(0), instruction: 'Sell honey' }, ...rows.slice(1)], wordEmbedder),
    ];
    assert.equal(new Set([index.identity, ...others]).size, 5);
  });

  test('an index without vectors has word search alone, and says so', async () => {
    const bare = await openIndex(join(folder.path, 'a'));
    assert.equal((await bare.byInstruction('cactus', 1))[0]?.id, row(4).id);
    await assert.rejects(bare.byQuery('cactus', 1), spec('no vectors'));
    bare.close();
  });

  test('another embedder than the one it was made with is refused', async () => {
    await assert.rejects(openIndex(join(folder.path, 'b'), wordEmbedder), spec('another'));
    await assert.rejects(openIndex(join(folder.path, 'a'), wordEmbedder), spec('without vectors'));
    const forgotten = await openIndex(join(folder.path, 'b'));
    await assert.rejects(forgotten.byQuery('x', 1), spec('no embedder'));
    forgotten.close();
  });
});

describe('building', () => {
  test('an open index goes on as it was while another version takes its place', async () => {
    const place = join(folder.path, 'changing');
    await buildIndex(place, rows, undefined);
    const old = await openIndex(place);
    await buildIndex(place, rows.slice(0, 2), undefined);
    assert.equal((await old.byInstruction('tractor', 1))[0]?.id, row(5).id);
    const fresh = await openIndex(place);
    assert.equal(fresh.size, 2);
    assert.deepEqual(await fresh.byInstruction('tractor', 1), []);
    old.close();
    fresh.close();
  });

  test('versions and leavings that are old go away at the next build; the version before stays', async () => {
    const place = join(folder.path, 'sweeping');
    const hourAgo = new Date(Date.now() - 2 * 3_600_000);
    const versions: string[] = [];
    for (const count of [1, 2, 3]) {
      const { identity } = await buildIndex(place, rows.slice(0, count), undefined);
      versions.push(identity);
      for (const name of await readdir(place)) await utimes(join(place, name), hourAgo, hourAgo);
    }
    assert.deepEqual((await readdir(place)).sort(), ['current.json', ...versions.slice(1)].sort());
  });

  test('two that build at once both succeed', async () => {
    const place = join(folder.path, 'twice');
    await Promise.all([
      buildIndex(place, rows, undefined),
      buildIndex(place, rows, undefined),
      buildIndex(place, [], undefined),
    ]);
    const opened = await openIndex(place);
    assert.ok(opened.size === 6 || opened.size === 0);
    await opened.byInstruction('honey', 1);
    opened.close();
  });

  test('no rows make an index that finds nothing', async () => {
    const place = join(folder.path, 'empty');
    await buildIndex(place, [], wordEmbedder);
    const empty = await openIndex(place, wordEmbedder);
    assert.deepEqual([...(await empty.byObservation('x', 5)), ...(await empty.byQuery('x', 5))], []);
    empty.close();
  });

  test('an embedder that answers wrongly is found out, and the version before stays in force', async () => {
    const place = join(folder.path, 'index');
    const broken = { ...wordEmbedder, identity: 'broken', embed: async () => [new Float32Array(3)] };
    await assert.rejects(
      buildIndex(place, rows, broken),
      (error) => error instanceof StoreError && error.kind === 'fatal',
    );
    const still = await openIndex(place, wordEmbedder);
    assert.equal(still.identity, index.identity);
    still.close();
  });

  test('a folder without an index and a damaged one are told apart', async () => {
    await assert.rejects(openIndex(join(folder.path, 'nowhere')), spec('no index'));
    const place = join(folder.path, 'twice');
    await writeFile(join(place, 'current.json'), '{"identity":"../..","rows":1}');
    await assert.rejects(openIndex(place), (error) => error instanceof StoreError && error.kind === 'fatal');
  });
});
