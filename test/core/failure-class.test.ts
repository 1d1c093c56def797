/** Failures have classes, and none of them is a no. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nextTry, reasonKey } from '../../core/blocked.ts';
import { failureClass, failuresOf, hasFailed, shortfallOf } from '../../core/failure-class.ts';
import { recount } from '../../core/recount.ts';
import { decided, verdict } from '../../core/tally.ts';

test('every kind of error has a class; what was cancelled has none', () => {
  const kinds = ['rate-limited', 'transient', 'operator', 'spec', 'module', 'session-lost', 'fatal', 'timeout'];
  assert.deepEqual(
    kinds.map((kind) => failureClass(kind)),
    [...Array(3).fill('infrastructure'), 'spec', 'spec', ...Array(3).fill('infrastructure')],
  );
  assert.equal(failureClass(undefined), 'infrastructure');
  assert.equal(failureClass('constructor'), 'infrastructure');
  assert.equal(failureClass('cancelled'), undefined);
});

const absent = (voter: string, why: 'failed' | 'not-needed') => ({ voter, member: voter, why, detail: '' });

test('a record lacks what its candidates, windows and outcome say; votes of former members are not missed', () => {
  const record = {
    outcome: 'failed' as const,
    dropped: { 'instruction-unreadable': 2, 'nothing-changed': 5 },
    candidates: [
      { absent: [absent('a', 'failed'), absent('b', 'not-needed')] },
      { absent: [absent('gone', 'failed')], digest: { ballots: [{ voter: 'b', parsed: false }] } },
    ],
  };
  assert.deepEqual(shortfallOf(record, new Set(['a', 'b'])), { model: 2, agent: 1, judge: 2 });
  assert.deepEqual(shortfallOf(record), { model: 2, agent: 1, judge: 3 });
  assert.deepEqual(shortfallOf({ outcome: 'stuck', dropped: {}, candidates: [] }), {});
});

test('an entry of an earlier version has the class that its outcome shows', () => {
  assert.deepEqual(failuresOf({ record: null, outcome: 'failed' }), { infrastructure: 1 });
  assert.deepEqual(failuresOf({ record: 'r', outcome: 'failed' }), { agent: 1 });
  assert.deepEqual(failuresOf({ record: null, outcome: 'failed', kind: 'cancelled' }), {});
  assert.deepEqual(failuresOf({ record: 'r', outcome: 'finished' }), {});
  assert.deepEqual(
    [hasFailed({}, null), hasFailed({ judge: 1 }, null), hasFailed({ judge: 1 }, 'model')],
    [false, true, false],
  );
});

test('a vote that was never cast is no no: with it missing, an example is kept or dropped as the others say, or not decided', () => {
  const rule = fc.constantFrom('unanimous' as const, 'majority' as const, { share: 0.5 }, { confidence: 0.5 });
  const member = fc.record({ optional: fc.boolean(), says: fc.constantFrom('yes', 'no', 'failed') });
  fc.assert(
    fc.property(rule, fc.array(member, { minLength: 1, maxLength: 5 }), (accept, seats) => {
      const members = seats.map(({ optional }, at) => ({ voter: `v${at}`, name: `m${at}`, optional }));
      const ballots = seats.flatMap(({ says }, at) =>
        says === 'failed' ? [] : [{ voter: `v${at}`, yes: says === 'yes', parsed: true }],
      );
      const there = members.filter((_, at) => seats[at]?.says !== 'failed');
      const all = verdict(ballots, accept, members);
      // An optional member that failed counts as if it had no seat.
      const seated = members.filter(({ optional }, at) => !(optional && seats[at]?.says === 'failed'));
      assert.deepEqual(all.kept, verdict(ballots, accept, seated).kept);
      if (ballots.every(({ yes }) => yes) && !all.kept) assert.match(all.reason, /^Not decided/);
      if (there.length === members.length) assert.ok(decided(ballots, accept, members));
    }),
  );
  // Where a required vote is missing, the reason says so and names no "no".
  const committee = {
    members: ['v0', 'v1'].map((voter) => ({ voter, name: voter, weight: 1, optional: false })),
    criteria: { good: { ask: '?', weight: 1 } },
    passes: 'all' as const,
    accept: 'unanimous' as const,
  };
  const candidate = {
    digest: { ballots: [{ vote: 'x', voter: 'v0', parsed: true, criteria: { good: { yes: true } } }] },
    absent: [absent('v1', 'failed')],
  };
  assert.deepEqual(recount(candidate, committee).kept, false);
  assert.equal(recount(candidate, committee).reason, 'Not decided: no vote of v1.');
});

test('reasons that differ by chance are one; those that name other things are not', () => {
  const same = [
    ['429: quota spent (req_011CSHoEe)', '429: quota spent (req_99ZqWxYy)'],
    ['answered 401 after 312 ms', 'answered 401 after 9 ms'],
    ['trace 4f1c2a9e-1111-4222-8333-abcdefabcdef', 'trace 00000000-1111-4222-8333-abcdefabcdef'],
  ];
  for (const [one = '', other = ''] of same) assert.equal(reasonKey(one), reasonKey(other));
  const apart = [
    ['the secret KEY_1 is not set', 'the secret KEY_2 is not set'],
    ['claude-sonnet-4-5 rejects', 'claude-sonnet-4-6 rejects'],
    ['http://127.0.0.1:4010/v1 refuses', 'http://127.0.0.1:4011/v1 refuses'],
  ];
  for (const [one = '', other = ''] of apart) assert.notEqual(reasonKey(one), reasonKey(other));
  fc.assert(fc.property(fc.string({ maxLength: 5000 }), (text) => reasonKey(text).length <= 200));
});

test('the pause between two tries doubles up to the longest', () => {
  const times = [0, 1, 2, 3, 4, 5, 1000].map((tries) => nextTry(tries, { first: 60, longest: 900 }));
  assert.deepEqual(times, [60, 120, 240, 480, 900, 900, 900]);
});
