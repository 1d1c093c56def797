import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { verdict } from '../../core/tally.ts';
import type { AcceptRule } from '../../schemas/vote.ts';

const vote = (member: string, yes: boolean, confidence?: number) => ({
  member,
  yes,
  parsed: true,
  ...(confidence === undefined ? {} : { confidence }),
});
const unread = (member: string) => ({ member, yes: false, parsed: false });
const abc = ['a', 'b', 'c'];
const votes = (...yes: boolean[]) => yes.map((answer, at) => vote(abc[at] ?? '', answer));

test('unanimous: one no is enough, and the reason names who said it', () => {
  assert.equal(verdict(votes(true, true, true), 'unanimous', abc).kept, true);
  const lost = verdict(votes(true, false, true), 'unanimous', abc);
  assert.equal(lost.kept, false);
  assert.match(lost.reason, /2 of 3 said yes, 3 needed; no: b/);
});

test('majority: more than half, so that two of four is not', () => {
  assert.equal(verdict(votes(true, true, false), 'majority', abc).kept, true);
  assert.equal(verdict(votes(true, false, false), 'majority', abc).kept, false);
  const four = [...votes(true, true, false), vote('d', false)];
  assert.equal(verdict(four, 'majority', [...abc, 'd']).kept, false);
});

test('at_least counts to its number and can be out of reach', () => {
  assert.equal(verdict(votes(true, true, false), { at_least: 2 }, abc).kept, true);
  assert.equal(verdict(votes(true, false, false), { at_least: 2 }, abc).kept, false);
  assert.equal(verdict(votes(true, true, true), { at_least: 4 }, abc).kept, false);
});

test('confidence is the mean of P(yes); a member without one counts 1 or 0', () => {
  const mixed = [vote('a', true, 0.7), vote('b', true), vote('c', true, 0.7)];
  assert.equal(verdict(mixed, { confidence: 0.8 }, abc).kept, true);
  assert.equal(verdict([vote('a', true, 0.7), vote('b', false)], { confidence: 0.4 }, ['a', 'b']).kept, false);
});

test('a mean that is the threshold reaches it in spite of rounding', () => {
  const same = abc.map((member) => vote(member, true, 0.8));
  assert.equal(verdict(same, { confidence: 0.8 }, abc).kept, true);
  const tenths = [vote('a', true, 0.1), vote('b', true, 0.2), vote('c', true, 0.3)];
  assert.equal(verdict(tenths, { confidence: 0.2 }, abc).kept, true);
});

test('weights shift the mean, default to 1, and a sum of 0 decides nothing', () => {
  const two = [vote('a', true, 1), vote('b', false, 0)];
  assert.equal(verdict(two, { confidence: 0.75, weights: { a: 3 } }, ['a', 'b']).kept, true);
  assert.equal(verdict(two, { confidence: 0.75, weights: { a: 2.9 } }, ['a', 'b']).kept, false);
  const none = verdict(two, { confidence: 0, weights: { a: 0, b: 0 } }, ['a', 'b']);
  assert.equal(none.kept, false);
  assert.match(none.reason, /weights/);
});

const rules: AcceptRule[] = [
  'unanimous',
  'majority',
  { at_least: 1 },
  { confidence: 0 },
  { confidence: 0.1, weights: { a: 1 } },
];

test('a missing vote leaves every rule undecided, even when the others are enough', () => {
  for (const rule of rules) {
    const result = verdict([vote('a', true, 1), vote('b', true, 1)], rule, abc);
    assert.equal(result.kept, false);
    assert.match(result.reason, /no vote of c/);
  }
});

test('a committee without members keeps nothing', () => {
  for (const rule of rules) assert.equal(verdict([vote('a', true)], rule, []).kept, false);
});

test('a vote that could not be read is a no, whatever else it claims', () => {
  const broken = { member: 'b', yes: true, parsed: false, confidence: 1 };
  assert.equal(verdict([vote('a', true), broken], 'unanimous', ['a', 'b']).kept, false);
  assert.equal(verdict([vote('a', true), broken], { confidence: 0.6 }, ['a', 'b']).kept, false);
  assert.equal(verdict([unread('a')], { at_least: 1 }, ['a']).kept, false);
});

test('strangers do not count, and of two votes of one member a no prevails', () => {
  assert.equal(verdict([vote('a', false), vote('z', true)], { at_least: 1 }, ['a']).kept, false);
  assert.equal(verdict([vote('a', true), vote('z', false)], 'unanimous', ['a']).kept, true);
  assert.equal(verdict([vote('a', true), vote('a', false)], 'unanimous', ['a']).kept, false);
});

test('a confidence that is not a number counts nothing', () => {
  assert.equal(verdict([vote('a', true, Number.NaN)], { confidence: 0.1 }, ['a']).kept, false);
  assert.equal(verdict([vote('a', true, 5), vote('b', false, 0)], { confidence: 0.6 }, ['a', 'b']).kept, false);
});

test('the order of votes never matters, and one more no never keeps what was dropped', () => {
  const anyVote = fc.record({
    member: fc.constantFrom('a', 'b', 'c'),
    yes: fc.boolean(),
    parsed: fc.boolean(),
    confidence: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  const anyVotes = fc.array(anyVote, { maxLength: 6 });
  fc.assert(
    fc.property(anyVotes, fc.constantFrom(...rules.slice(0, 3), { confidence: 0.5 }), fc.nat(2), (cast, rule, at) => {
      assert.deepEqual(verdict([...cast].reverse(), rule, abc).kept, verdict(cast, rule, abc).kept);
      const worse = cast.map((given, number) => (number === at ? { ...given, yes: false, confidence: 0 } : given));
      assert.ok(verdict(cast, rule, abc).kept || !verdict(worse, rule, abc).kept);
    }),
  );
});
