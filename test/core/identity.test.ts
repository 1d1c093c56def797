import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonical } from '../../core/canonical.ts';
import { LbiError } from '../../core/errors.ts';
import { estimateTokens, fitExamples } from '../../core/retrieval-text.ts';
import { splitOf } from '../../core/split.ts';
import type { Json } from '../../schemas/common.ts';

/** The value with the keys of every object in reverse order. */
function reversed(value: Json): Json {
  if (Array.isArray(value)) return value.map(reversed);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reversed(member)]),
  );
}

test('canonical JSON has one spelling: keys in code-unit order, no white space', () => {
  assert.equal(
    canonical({ b: [1, { d: null, c: 'é\n' }], a: true, B: -0 }),
    '{"B":0,"a":true,"b":[1,{"c":"é\\n","d":null}]}',
  );
  assert.equal(
    canonical({ '\u20ac': 1, '\r': 2, '1': 3, '\ud83d\ude00': 4, '\ufb33': 5 }),
    '{"\\r":2,"1":3,"€":1,"😀":4,"\ufb33":5}',
  );
});

test('canonical JSON is JSON of the same value and does not depend on the order of keys', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (given) => {
      const value = JSON.parse(JSON.stringify(given)) as Json;
      assert.deepEqual(JSON.parse(canonical(value)), value);
      assert.equal(canonical(reversed(value)), canonical(value));
    }),
  );
});

test('canonical JSON leaves undefined out as storing does, and refuses what JSON cannot hold', () => {
  const partial: { a: number; b?: number } = { a: 1 };
  assert.equal(canonical({ a: 1, ...{ b: partial.b as unknown as Json } }), '{"a":1}');
  for (const number of [Number.NaN, Number.POSITIVE_INFINITY]) assert.throws(() => canonical({ number }), LbiError);
});

test('a document is on one side, about the asked share of documents on the test side', () => {
  const keys = Array.from({ length: 4000 }, (_, at) => `docs/page-${at}.md#${at % 3}`);
  for (const share of [0.1, 0.5]) {
    for (const seed of [0, 1, 99]) {
      const held = keys.filter((key) => splitOf(key, share, seed) === 'test').length / keys.length;
      assert.ok(Math.abs(held - share) < 0.03, `${share} ${seed}: ${held}`);
    }
  }
  assert.ok(keys.every((key) => splitOf(key, 0, 5) === 'train'));
});

test('the split depends on the seed, and a larger share only moves documents to the test side', () => {
  const keys = Array.from({ length: 500 }, (_, at) => `d${at}`);
  const side = (share: number, seed: number) => keys.map((key) => splitOf(key, share, seed));
  assert.deepEqual(side(0.3, 1), side(0.3, 1));
  assert.notDeepEqual(side(0.3, 1), side(0.3, 2));
  const small = side(0.1, 1);
  const large = side(0.3, 1);
  assert.ok(small.every((where, at) => where === 'train' || large[at] === 'test'));
});

test('tokens: four characters of ASCII, one ideograph', () => {
  assert.equal(estimateTokens(''), 0);
  assert.equal(estimateTokens('abcdefgh'), 2);
  assert.equal(estimateTokens('日本語'), 3);
  assert.equal(estimateTokens('😀'), 1);
});

test('examples fill the budget in order; one that is too long makes room for shorter ones', () => {
  const examples = ['a'.repeat(40), 'b'.repeat(400), 'c'.repeat(40), 'd'.repeat(8)].map((text) => ({ text, score: 1 }));
  assert.deepEqual(
    fitExamples(examples, 22).map((text) => text[0]),
    ['a', 'c', 'd'],
  );
  assert.deepEqual(
    fitExamples(examples, 21).map((text) => text[0]),
    ['a', 'c'],
  );
  assert.deepEqual(fitExamples(examples, 0), []);
});
