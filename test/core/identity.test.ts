import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonical } from '../../core/canonical.ts';
import { LbiError } from '../../core/errors.ts';
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
