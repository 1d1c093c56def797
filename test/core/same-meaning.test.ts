/** Duplicates by meaning: as if all pairs had been compared, and quickly. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { randomSource } from '../../core/random.ts';
import { sameMeaning } from '../../core/same-meaning.ts';

type Items = Parameters<typeof sameMeaning>[0];

const unit = (values: number[]): Float32Array => {
  const length = Math.hypot(...values) || 1;
  return Float32Array.from(values, (value) => value / length);
};
const cosine = (a: Float32Array, b: Float32Array): number =>
  a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0);

/** All pairs, in the plainest way. */
function byHand(items: Items, threshold: number): Map<string, string> {
  const kept: Items = [];
  const dropped = new Map<string, string>();
  for (const item of [...items].sort((a, b) => a.length - b.length || (a.id < b.id ? -1 : 1))) {
    const alike = kept.map((other) => ({ id: other.id, cosine: cosine(item.vector, other.vector) }));
    const best = alike.filter((one) => one.cosine > threshold).sort((a, b) => b.cosine - a.cosine)[0];
    if (best === undefined) kept.push(item);
    else dropped.set(item.id, best.id);
  }
  return dropped;
}

/** Vectors around a few directions, so that some are near each other. */
function around(count: number, dimensions: number, spread: number, seed: number): Items {
  const random = randomSource(seed);
  const noise = (): number => random() + random() + random() - 1.5;
  const centres = Array.from({ length: 5 }, () => Array.from({ length: dimensions }, noise));
  return Array.from({ length: count }, (_, at) => ({
    id: `i${String(at).padStart(5, '0')}`,
    length: 1 + Math.floor(random() * 6),
    vector: unit((centres[at % 5] ?? []).map((value) => value + spread * noise())),
  }));
}

test('finds what comparing all pairs finds, in any order', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 40 }),
      fc.constantFrom(3, 16, 40),
      fc.constantFrom(0.5, 0.8, 0.95),
      fc.nat(1000),
      (count, dimensions, threshold, seed) => {
        const items = around(count, dimensions, 0.5, seed);
        const found = sameMeaning(items, threshold);
        assert.deepEqual([...found.keys()].sort(), [...byHand(items, threshold).keys()].sort());
        assert.deepEqual(sameMeaning([...items].reverse(), threshold), found);
        for (const [gone, stays] of found)
          assert.ok(!found.has(stays), `${gone} is kept by ${stays}, which is dropped`);
      },
    ),
    { numRuns: 200 },
  );
});

test('equal vectors are the same at every threshold; opposite ones at none', () => {
  const vector = unit([1, 2, 3]);
  const items = [
    { id: 'long', length: 5, vector },
    { id: 'short', length: 2, vector },
    { id: 'other', length: 1, vector: unit([-1, -2, -3]) },
  ];
  assert.deepEqual(sameMeaning(items, 1), new Map([['long', 'short']]));
  assert.deepEqual(sameMeaning([], 0.5), new Map());
});

test('ten thousand instructions take seconds', () => {
  const items = around(10_000, 384, 1.2, 7);
  // Time of the processor: on a busy machine the clock says nothing.
  const started = process.cpuUsage();
  const found = sameMeaning(items, 0.95);
  const { user } = process.cpuUsage(started);
  assert.ok(found.size < items.length);
  assert.ok(user < 15e6, `${(user / 1e6).toFixed(1)} s`);
});
