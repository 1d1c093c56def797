/** The rules of the committee: what they decide, and when no further vote can change it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Ballot, ballotOf, decided, type Member, verdict } from '../../core/tally.ts';
import type { AcceptRule, PassRule } from '../../schemas/vote.ts';

const vote = (voter: string, yes: boolean, confidence?: number): Ballot => ({
  voter,
  yes,
  parsed: true,
  ...(confidence === undefined ? {} : { confidence }),
});
const unread = (voter: string): Ballot => ({ voter, yes: false, parsed: false });
const named = (...names: string[]): Member[] => names.map((name) => ({ voter: name, name }));
const abc = named('a', 'b', 'c');
const votes = (...yes: boolean[]): Ballot[] => yes.map((answer, at) => vote(abc[at]?.voter ?? '', answer));
const kept = (cast: Ballot[], rule: AcceptRule, members: Member[]): boolean => verdict(cast, rule, members).kept;

test('unanimous: one no is enough, and the reason names who said it', () => {
  assert.equal(kept(votes(true, true, true), 'unanimous', abc), true);
  const lost = verdict(votes(true, false, true), 'unanimous', abc);
  assert.equal(lost.kept, false);
  assert.match(lost.reason, /2 of 3 said yes, 3 needed; no: b/);
});

test('majority: more than half, so that two of four is not', () => {
  assert.equal(kept(votes(true, true, false), 'majority', abc), true);
  assert.equal(kept(votes(true, false, false), 'majority', abc), false);
  const four = [...votes(true, true, false), vote('d', false)];
  assert.equal(kept(four, 'majority', named('a', 'b', 'c', 'd')), false);
});

test('at_least counts to its number and can be out of reach', () => {
  assert.equal(kept(votes(true, true, false), { at_least: 2 }, abc), true);
  assert.equal(kept(votes(true, false, false), { at_least: 2 }, abc), false);
  assert.equal(kept(votes(true, true, true), { at_least: 4 }, abc), false);
});

test('share is the weight of those who say yes', () => {
  const members = [{ voter: 'a', name: 'a', weight: 3 }, ...named('b')];
  assert.equal(kept([vote('a', true), vote('b', false)], { share: 0.75 }, members), true);
  assert.equal(kept([vote('a', true), vote('b', false)], { share: 0.76 }, members), false);
  assert.equal(kept([vote('a', false), vote('b', true)], { share: 0.5 }, members), false);
  assert.match(verdict([vote('a', true), vote('b', false)], { share: 0.5 }, members).reason, /0\.75 \(a yes, b no\)/);
});

test('confidence is the mean of P(yes); a member without one counts 1 or 0', () => {
  const mixed = [vote('a', true, 0.7), vote('b', true), vote('c', true, 0.7)];
  assert.equal(kept(mixed, { confidence: 0.8 }, abc), true);
  assert.equal(kept([vote('a', true, 0.7), vote('b', false)], { confidence: 0.4 }, named('a', 'b')), false);
});

test('a mean that is the threshold reaches it in spite of rounding', () => {
  const same = abc.map(({ voter }) => vote(voter, true, 0.8));
  assert.equal(kept(same, { confidence: 0.8 }, abc), true);
  const tenths = [vote('a', true, 0.1), vote('b', true, 0.2), vote('c', true, 0.3)];
  assert.equal(kept(tenths, { confidence: 0.2 }, abc), true);
});

test('weights shift the mean; members that weigh nothing add nothing', () => {
  const two = [vote('a', true, 1), vote('b', false, 0)];
  const weighing = (a: number, b: number): Member[] => [
    { voter: 'a', name: 'a', weight: a },
    { voter: 'b', name: 'b', weight: b },
  ];
  assert.equal(kept(two, { confidence: 0.75 }, weighing(3, 1)), true);
  assert.equal(kept(two, { confidence: 0.75 }, weighing(2.9, 1)), false);
  assert.equal(kept(two, { confidence: 0.1 }, weighing(0, 0)), false);
});

test('a missing vote leaves open what it can change, and nothing else', () => {
  const two = [vote('a', true, 1), vote('b', true, 1)];
  for (const rule of ['unanimous', { at_least: 3 }, { share: 0.9 }, { confidence: 0.9 }] satisfies AcceptRule[]) {
    const result = verdict(two, rule, abc);
    assert.equal(result.kept, false);
    assert.match(result.reason, /no vote of c/);
  }
  const enough = verdict(two, { at_least: 2 }, abc);
  assert.deepEqual(enough, { kept: true, reason: '2 of 3 said yes, 2 needed; not needed: c.' });
  assert.match(
    verdict([vote('a', false)], 'unanimous', abc).reason,
    /^0 of 3 said yes, 3 needed; no: a; not needed: b, c/,
  );
});

test('a committee without members keeps nothing', () => {
  for (const rule of ['unanimous', { at_least: 1 }, { confidence: 0 }] satisfies AcceptRule[])
    assert.equal(kept([vote('a', true)], rule, []), false);
});

test('a vote of a required member that could not be read is a no, whatever else it claims', () => {
  const broken = { voter: 'b', yes: true, parsed: false, confidence: 1 };
  assert.equal(kept([vote('a', true), broken], 'unanimous', named('a', 'b')), false);
  assert.equal(kept([vote('a', true), broken], { confidence: 0.6 }, named('a', 'b')), false);
  assert.equal(kept([unread('a')], { at_least: 1 }, named('a')), false);
});

test('an optional member counts when it answers, and is not missed when it fails or cannot be read', () => {
  const members: Member[] = [...named('a'), { voter: 'b', name: 'b', optional: true }];
  assert.equal(kept([vote('a', true)], 'unanimous', members), true);
  assert.equal(kept([vote('a', true), unread('b')], 'unanimous', members), true);
  assert.equal(kept([vote('a', true), vote('b', false)], 'unanimous', members), false);
  assert.equal(kept([vote('a', true), vote('b', false)], 'majority', members), false);
  assert.equal(kept([vote('a', true), unread('b')], { confidence: 1 }, members), true);
});

test('an optional member alone decides nothing', () => {
  const members: Member[] = [...named('a'), { voter: 'b', name: 'b', optional: true }];
  assert.equal(kept([vote('b', true)], { at_least: 1 }, members), false);
  const result = verdict([unread('a'), vote('b', true)], { at_least: 1 }, members);
  assert.equal(result.kept, false);
  assert.match(result.reason, /no required member/);
});

test('strangers do not count, and of two votes of one voter a no prevails', () => {
  assert.equal(kept([vote('a', false), vote('z', true)], { at_least: 1 }, named('a')), false);
  assert.equal(kept([vote('a', true), vote('z', false)], 'unanimous', named('a')), true);
  assert.equal(kept([vote('a', true), vote('a', false)], 'unanimous', named('a')), false);
});

test('a vote belongs to its voter, whatever the member is called', () => {
  const before = [{ voter: 'sha-1', name: 'judge' }];
  const after = [{ voter: 'sha-1', name: 'referee' }];
  const swapped = [{ voter: 'sha-2', name: 'judge' }];
  assert.equal(kept([vote('sha-1', true)], 'unanimous', before), true);
  assert.equal(kept([vote('sha-1', true)], 'unanimous', after), true);
  assert.equal(kept([vote('sha-1', true)], 'unanimous', swapped), false);
});

test('a confidence that is not a number counts nothing', () => {
  assert.equal(kept([vote('a', true, Number.NaN)], { confidence: 0.1 }, named('a')), false);
  assert.equal(kept([vote('a', true, 5), vote('b', false, 0)], { confidence: 0.6 }, named('a', 'b')), false);
});

const criteria = {
  aligned: { ask: '?', weight: 2 },
  natural: { ask: '?', weight: 1 },
  direct: { ask: '?', weight: 1 },
};
const answered = (aligned: boolean, natural: boolean, direct: boolean, probability?: number) => ({
  voter: 'a',
  parsed: true,
  criteria: {
    aligned: { yes: aligned, ...(probability === undefined ? {} : { probability }) },
    natural: { yes: natural },
    direct: { yes: direct },
  },
});

test('answers make a yes as the pipeline says: all of them, or a share by weight', () => {
  const yes = (passes: PassRule, ...given: [boolean, boolean, boolean]): boolean =>
    ballotOf(answered(...given), { criteria, passes }).yes;
  assert.equal(yes('all', true, true, true), true);
  assert.equal(yes('all', true, true, false), false);
  assert.equal(yes({ share: 0.75 }, true, true, false), true);
  assert.equal(yes({ share: 0.75 }, false, true, true), false);
  assert.equal(yes({ share: 0.76 }, true, true, false), false);
});

test('P(yes) of a vote is the lowest of its answers, or under a share their weighted mean', () => {
  assert.equal(ballotOf(answered(true, true, true, 0.6), { criteria, passes: 'all' }).confidence, 0.6);
  assert.equal(ballotOf(answered(true, false, true, 0.6), { criteria, passes: 'all' }).confidence, 0);
  const mean = ballotOf(answered(true, false, true, 0.6), { criteria, passes: { share: 0.5 } }).confidence ?? 0;
  assert.ok(Math.abs(mean - (2 * 0.6 + 0 + 1) / 4) < 1e-12);
  assert.equal('confidence' in ballotOf(answered(true, true, true), { criteria, passes: 'all' }), false);
});

test('answers that are missing, unread or to no question at all are a no', () => {
  const { direct: _left, ...fewer } = answered(true, true, true).criteria;
  assert.equal(ballotOf({ voter: 'a', parsed: true, criteria: fewer }, { criteria, passes: 'all' }).yes, false);
  assert.equal(ballotOf({ ...answered(true, true, true), parsed: false }, { criteria, passes: 'all' }).yes, false);
  assert.equal(ballotOf(answered(true, true, true), { criteria: {}, passes: 'all' }).yes, false);
  const inherited = { toString: { ask: '?', weight: 1 } };
  assert.equal(ballotOf(answered(true, true, true), { criteria: inherited, passes: 'all' }).yes, false);
});

const anyRule: fc.Arbitrary<AcceptRule> = fc.oneof(
  fc.constantFrom<AcceptRule>('unanimous', 'majority'),
  fc.record({ at_least: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ share: fc.constantFrom(0, 0.25, 0.5, 0.75, 1) }),
  fc.record({ confidence: fc.constantFrom(0, 0.25, 0.4, 0.5, 0.75, 1) }),
);
const anyMembers: fc.Arbitrary<Member[]> = fc
  .array(fc.record({ weight: fc.constantFrom(0, 1, 2, 3), optional: fc.boolean() }), { minLength: 1, maxLength: 5 })
  .map((seats) => seats.map((seat, at) => ({ ...seat, voter: `v${at}`, name: `m${at}` })));
const anyBallot = (voter: string): fc.Arbitrary<Ballot> =>
  fc.record({
    voter: fc.constant(voter),
    yes: fc.boolean(),
    parsed: fc.boolean(),
    confidence: fc.constantFrom(0, 0.2, 0.4, 0.6, 0.9, 1),
  });
/** A committee, and ballots of some of its members in some order. */
const anyCase = anyMembers.chain((members) =>
  fc.record({
    members: fc.constant(members),
    rule: anyRule,
    cast: fc
      .tuple(...members.map(({ voter }) => fc.option(anyBallot(voter), { nil: undefined })))
      .map((ballots) => ballots.filter((ballot) => ballot !== undefined))
      .chain((ballots) => fc.shuffledSubarray(ballots, { minLength: ballots.length })),
  }),
);

/** Every way in which the votes that are missing may still come: yes, no, not readable, and from an optional member not at all. */
function completions(cast: Ballot[], members: Member[]): Ballot[][] {
  const missing = members.filter(({ voter }) => !cast.some((ballot) => ballot.voter === voter));
  return missing.reduce<Ballot[][]>(
    (all, { voter, optional }) => {
      const ways: Ballot[][] = [
        [vote(voter, true, 1)],
        [vote(voter, false, 0)],
        [vote(voter, true, 0.5)],
        [unread(voter)],
      ];
      return all.flatMap((before) => [...ways, ...(optional ? [[]] : [])].map((way) => [...before, ...way]));
    },
    [cast],
  );
}

test('once it is decided every completion has the same verdict, and the verdict of today is that one', () => {
  fc.assert(
    fc.property(anyCase, ({ members, rule, cast }) => {
      const outcomes = new Set(completions(cast, members).map((whole) => kept(whole, rule, members)));
      assert.equal(decided(cast, rule, members), outcomes.size === 1, [...outcomes].join());
      if (outcomes.size === 1) assert.ok(outcomes.has(kept(cast, rule, members)));
    }),
    { numRuns: 1500 },
  );
});

test('asked one by one until it is decided, the verdict is that of the whole committee', () => {
  fc.assert(
    fc.property(anyCase, fc.infiniteStream(fc.boolean()), ({ members, rule, cast }, coin) => {
      const whole = members.map(
        ({ voter }) => cast.find((ballot) => ballot.voter === voter) ?? vote(voter, coin.next().value),
      );
      const asked: Ballot[] = [];
      for (const ballot of whole) if (!decided(asked, rule, members)) asked.push(ballot);
      assert.equal(kept(asked, rule, members), kept(whole, rule, members));
    }),
    { numRuns: 1500 },
  );
});

test('the order of votes never matters, and a no that turns yes never un-keeps', () => {
  fc.assert(
    fc.property(anyCase, fc.nat(4), ({ members, rule, cast }, at) => {
      assert.equal(kept([...cast].reverse(), rule, members), kept(cast, rule, members));
      const better = cast.map((ballot, number) =>
        number === at ? { ...ballot, yes: true, confidence: 1, parsed: true } : ballot,
      );
      const worse = cast.map((ballot, number) => (number === at ? { ...ballot, yes: false, confidence: 0 } : ballot));
      const wasReadable = cast[at]?.parsed ?? true;
      if (wasReadable) assert.ok(kept(better, rule, members) || !kept(cast, rule, members));
      assert.ok(kept(cast, rule, members) || !kept(worse, rule, members));
    }),
    { numRuns: 1500 },
  );
});
