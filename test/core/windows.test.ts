import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cutWindows, dropTrajectory, dropWindow, keptSteps } from '../../core/windows.ts';
import { facts } from './facts.ts';

const unlimited = { max: 100_000, maxSteps: 1000, seed: 0 };
/** Ascending chain indices with gaps, as dropped steps leave them. */
const keptIndices = fc
  .uniqueArray(fc.integer({ min: 1, max: 60 }), { maxLength: 30 })
  .map((all) => all.sort((a, b) => a - b));

test('a step is dropped only when both its action and its state repeat the step before', () => {
  assert.deepEqual(keptSteps(facts('a:s1 a:s1 a:s2 b:s2 b:s2 b:s2 a:s2 a:s1')), [1, 3, 4, 7, 8]);
  assert.deepEqual(keptSteps([]), []);
});

test('a first action that changes nothing is kept: there is no step before it', () => {
  assert.deepEqual(keptSteps(facts('a:s0')), [1]);
});

test('two steps make three windows that begin and end on observations', () => {
  assert.deepEqual(cutWindows([1, 2], unlimited), [
    { from: 0, to: 1, steps: [1] },
    { from: 0, to: 2, steps: [1, 2] },
    { from: 1, to: 2, steps: [2] },
  ]);
  assert.deepEqual(cutWindows([], unlimited), []);
});

test('below the cap, every pair of first and last step is there exactly once: n(n+1)/2', () => {
  fc.assert(
    fc.property(keptIndices, (kept) => {
      const windows = cutWindows(kept, unlimited);
      assert.equal(windows.length, (kept.length * (kept.length + 1)) / 2);
      const pairs = kept.flatMap((first, at) => kept.slice(at).map((last) => `${first - 1}-${last}`));
      assert.deepEqual(new Set(windows.map(({ from, to }) => `${from}-${to}`)), new Set(pairs));
      for (const window of windows) {
        assert.ok(window.from < window.to);
        assert.deepEqual(
          window.steps,
          kept.filter((index) => index > window.from && index <= window.to),
        );
      }
    }),
  );
});

test('a draw has exactly `max` different windows, the full trajectory among them, and depends on the seed alone', () => {
  const more = fc.record({ max: fc.integer({ min: 1, max: 80 }), seed: fc.integer() });
  fc.assert(
    fc.property(keptIndices, more, (kept, { max, seed }) => {
      const all = cutWindows(kept, unlimited);
      const drawn = cutWindows(kept, { max, maxSteps: 1000, seed });
      assert.equal(drawn.length, Math.min(max, all.length));
      assert.equal(new Set(drawn.map((window) => JSON.stringify(window))).size, drawn.length);
      if (kept.length > 0) assert.ok(drawn.some((window) => window.steps.length === kept.length));
      assert.deepEqual(drawn, cutWindows(kept, { max, maxSteps: 1000, seed }));
      const known = new Set(all.map((window) => JSON.stringify(window)));
      assert.ok(drawn.every((window) => known.has(JSON.stringify(window))));
    }),
  );
});

test('a draw mixes short, medium and long windows and prefers short ones', () => {
  const kept = Array.from({ length: 30 }, (_, at) => at + 1);
  const drawn = cutWindows(kept, { max: 41, maxSteps: 60, seed: 7 });
  const count = (from: number, below: number) =>
    drawn.filter(({ steps }) => steps.length >= from && steps.length < below).length;
  assert.deepEqual([count(1, 5), count(5, 10), count(10, 61)], [20, 12, 8 + 1]);
  const other = cutWindows(kept, { max: 41, maxSteps: 60, seed: 8 });
  assert.notDeepEqual(drawn, other);
});

test('what a small stratum cannot fill goes to the others', () => {
  const kept = [1, 2, 3, 4, 5, 6];
  const drawn = cutWindows(kept, { max: 20, maxSteps: 60, seed: 1 });
  assert.equal(drawn.length, 20);
  assert.equal(drawn.filter(({ steps }) => steps.length >= 5).length, 3);
});

test('no window is longer than allowed, not even the full trajectory', () => {
  const kept = Array.from({ length: 12 }, (_, at) => at + 1);
  const windows = cutWindows(kept, { max: 10, maxSteps: 3, seed: 1 });
  assert.equal(windows.length, 10);
  assert.ok(windows.every(({ steps }) => steps.length <= 3));
  assert.equal(cutWindows(kept, { ...unlimited, maxSteps: 3 }).length, 12 + 11 + 10);
});

test('a window is dropped for its last action only when that failed, and only when asked', () => {
  const both = { drop_failed: true, drop_unchanged: true };
  const chain = facts('a:s1 b:s1! c:s2 d:s2!');
  assert.equal(dropWindow({ from: 0, to: 2, steps: [1, 2] }, chain, both), 'last-action-failed');
  assert.equal(dropWindow({ from: 0, to: 3, steps: [1, 2, 3] }, chain, both), undefined);
  assert.equal(
    dropWindow({ from: 3, to: 4, steps: [4] }, chain, { drop_failed: false, drop_unchanged: false }),
    undefined,
  );
  assert.equal(dropWindow({ from: 3, to: 4, steps: [4] }, chain, { ...both, drop_failed: false }), 'nothing-changed');
});

test('a window in which every step leaves the state alone is dropped; going away and back is not nothing', () => {
  const both = { drop_failed: true, drop_unchanged: true };
  const chain = facts('a:s0 b:s0 c:s1 d:s0 e:s0');
  assert.equal(dropWindow({ from: 0, to: 2, steps: [1, 2] }, chain, both), 'nothing-changed');
  assert.equal(dropWindow({ from: 1, to: 4, steps: [2, 3, 4] }, chain, both), undefined);
  assert.equal(dropWindow({ from: 4, to: 5, steps: [5] }, chain, both), 'nothing-changed');
});

test('windows outside the length range go, by reasons of their own, before anything else is looked at', () => {
  const chain = facts('a:s1 b:s2 c:s3');
  const window = (first: number, last: number) => ({
    from: first - 1,
    to: last,
    steps: Array.from({ length: last - first + 1 }, (_, at) => first + at),
  });
  const drop = (first: number, last: number, range: { min?: number; max?: number }) =>
    dropWindow(window(first, last), chain, { drop_failed: true, drop_unchanged: true, steps: range });
  assert.equal(drop(1, 1, { min: 2 }), 'too-few-steps');
  assert.equal(drop(1, 2, { min: 2, max: 2 }), undefined);
  assert.equal(drop(1, 3, { max: 2 }), 'too-many-steps');
  assert.equal(drop(1, 3, {}), undefined);
  // Repeated steps that were dropped do not count.
  const thinned = { from: 0, to: 3, steps: [1, 3] };
  const options = { drop_failed: true, drop_unchanged: true, steps: { max: 2 } };
  assert.equal(dropWindow(thinned, chain, options), undefined);
});

test('trajectories go by how they ended and what the place says; not verified is not 0', () => {
  const finished = { outcome: 'finished' as const, score: 0.5 };
  assert.equal(dropTrajectory(finished, {}), undefined);
  assert.equal(dropTrajectory({ ...finished, outcome: 'stuck' }, { outcomes: ['finished'] }), 'ended-stuck');
  assert.equal(dropTrajectory(finished, { outcomes: ['finished'], minScore: 0.5 }), undefined);
  assert.equal(dropTrajectory(finished, { minScore: 0.6 }), 'outcome-below-min-score');
  assert.equal(dropTrajectory({ ...finished, score: null }, { minScore: 0 }), 'not-verified');
  assert.equal(dropTrajectory({ ...finished, score: null }, {}), undefined);
  assert.equal(dropTrajectory({ ...finished, score: 0 }, { minScore: 0 }), undefined);
});
