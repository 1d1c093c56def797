/** Ranges: they hold what they should, add up, and never promise what nobody knows. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { chanceAbove, counted, drawn, type Estimate, exactly, range, sum, times } from '../../core/estimate.ts';
import { distinct, type Earlier, forecast, possibleWindows, type Terms } from '../../core/forecast.ts';
import { randomSource } from '../../core/random.ts';
import { cutWindows } from '../../core/windows.ts';

const estimate = fc
  .tuple(fc.nat(1000), fc.nat(1000), fc.nat(1000), fc.constantFrom('exact', 'measured', 'assumed'))
  .map(([low, more, most, basis]): Estimate => {
    if (basis === 'exact') return exactly(low);
    return range(low, low + more, low + more + most, basis as Estimate['basis']);
  });
const ordered = ({ low, likely, high }: Estimate): boolean => low <= likely && likely <= high;

test('sums and products stay in order, and what is exact stays exact', () => {
  fc.assert(
    fc.property(fc.array(estimate, { maxLength: 6 }), estimate, (parts, by) => {
      for (const result of [sum(parts), times(sum(parts), by), counted(sum(parts))]) assert.ok(ordered(result));
      const known = parts.filter(({ basis }) => basis === 'exact');
      assert.deepEqual(sum(known), exactly(known.reduce((all, { likely }) => all + likely, 0)));
    }),
  );
});

test('a sum is as well founded as its weakest part; nothing has no say', () => {
  assert.equal(sum([exactly(3), range(1, 2, 3, 'measured')]).basis, 'measured');
  assert.equal(sum([range(1, 2, 3, 'assumed'), range(1, 2, 3, 'measured')]).basis, 'assumed');
  assert.equal(sum([exactly(3), times(exactly(0), range(0.5, 0.8, 1, 'assumed'))]).basis, 'exact');
});

test('of sums drawn from what the sample was drawn from, about four in five lie within the range', () => {
  const random = randomSource(7);
  const draw = (): number => Math.floor(random() ** 2 * 20);
  let inside = 0;
  const rounds = 1500;
  for (let round = 0; round < rounds; round += 1) {
    const sample = Array.from({ length: 25 }, draw);
    const { low, high } = drawn(exactly(40), sample);
    const real = Array.from({ length: 40 }, draw).reduce((all, value) => all + value, 0);
    if (real >= low && real <= high) inside += 1;
  }
  const share = inside / rounds;
  assert.ok(share > 0.74 && share < 0.86, `${share}`);
});

test('the chance to go beyond a bound falls as the bound rises', () => {
  const cost = range(10, 13, 21, 'measured');
  const chances = [5, 10, 13, 15, 21, 40].map((bound) => chanceAbove(cost, bound));
  assert.deepEqual(
    chances,
    chances.toSorted((a, b) => b - a),
  );
  assert.ok(Math.abs((chances[2] ?? 0) - 0.5) < 1e-6 && Math.abs((chances[4] ?? 0) - 0.1) < 0.01);
  assert.deepEqual([chanceAbove(exactly(3), 3), chanceAbove(exactly(3), 2.9)], [0, 1]);
});

const terms: Terms = {
  perDocument: 3,
  attempts: 1,
  minSteps: 0,
  maxSteps: 20,
  windows: { max: 40, maxSteps: 60 },
  styles: 2,
  original: false,
};
const task = (steps: number) => ({
  steps,
  decisions: steps + 1,
  atLimit: false,
  windows: possibleWindows(steps, terms.windows),
  pairs: 2 * possibleWindows(steps, terms.windows),
  judged: possibleWindows(steps, terms.windows),
  kept: 1,
});
const earlier: Earlier = {
  run: 'r-1',
  perDocument: [3, 2, 3],
  wanted: 3,
  tasks: new Map([2, 3, 4, 3].map((steps, at) => [`t${at}`, task(steps)])),
  maxSteps: 20,
  windows: terms.windows,
  asked: { instructions: { part: 10, whole: 10 }, votes: { part: 10, whole: 10 } },
};
const frontier = { untold: exactly(0), untried: [] as string[], room: Number.POSITIVE_INFINITY, unwritten: 0 };

test('the windows that are reckoned with are as many as are cut', () => {
  for (let steps = 0; steps <= 30; steps += 1) {
    for (const bounds of [
      { max: 40, maxSteps: 60 },
      { max: 1000, maxSteps: 5 },
      { max: 3, maxSteps: 1 },
    ]) {
      const kept = Array.from({ length: steps }, (_, at) => at + 1);
      const cut = cutWindows(kept, { ...bounds, seed: 1 }).length;
      assert.equal(possibleWindows(steps, bounds), cut, `${steps} ${JSON.stringify(bounds)}`);
    }
  }
});

test('without anything to try there is nothing to expect', () => {
  const { episodes, decisions, instructions, judged } = forecast(frontier, terms, earlier);
  for (const none of [episodes, decisions, instructions, judged]) assert.equal(none.high, 0);
});

test('a task that was tried before counts as it was, an unknown one as the mean', () => {
  const known = forecast({ ...frontier, untried: ['t2'] }, terms, earlier);
  const unknown = forecast({ ...frontier, untried: ['other'] }, terms, earlier);
  assert.equal(known.decisions.likely, 5);
  assert.equal(unknown.decisions.likely, 4);
  assert.equal(known.decisions.basis, 'measured');
});

test('other bounds change what is expected of the same tasks', () => {
  const all = { ...frontier, untried: ['t0', 't1', 't2', 't3'] };
  const short = forecast(all, { ...terms, maxSteps: 2 }, earlier);
  assert.equal(short.steps.likely, 8);
  const one = forecast(all, { ...terms, windows: { max: 1, maxSteps: 60 }, styles: 1 }, earlier);
  assert.equal(one.instructions.likely, 4);
});

test('questions that repeat are asked once: fewer calls than windows, and never more', () => {
  const questions = range(80, 100, 120, 'measured');
  assert.deepEqual(distinct(questions, { part: 50, whole: 50 }, false), questions);
  const again = distinct(questions, { part: 10, whole: 100 }, false);
  const anew = distinct(questions, { part: 10, whole: 100 }, true);
  assert.equal(again.low, 0, 'all of them may be known');
  assert.ok(anew.low > 0 && anew.likely > again.likely && anew.high <= questions.high);
  for (const each of [again, anew, distinct(questions, { part: 0, whole: 9 }, true)]) assert.ok(ordered(each));
});

test('without an earlier run everything is assumed, and within the bounds of the file', () => {
  const { tasks, decisions, steps } = forecast({ ...frontier, untold: exactly(10) }, terms, undefined);
  for (const each of [tasks, decisions, steps]) assert.equal(each.basis, 'assumed');
  assert.ok(tasks.high <= 30 && steps.high <= 30 * 20);
  const limited = forecast({ ...frontier, untold: exactly(10), room: 4 }, terms, undefined);
  assert.equal(limited.tasks.high, 4);
});
