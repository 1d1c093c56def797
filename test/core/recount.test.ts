/** Counting stored votes again: the same as when they were cast, and by voters alone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { recount, settled } from '../../core/recount.ts';
import { ballotOf, verdict } from '../../core/tally.ts';
import type { Absence, Digest } from '../../schemas/episode.ts';
import type { AcceptRule, Committee, PassRule } from '../../schemas/vote.ts';

const names = ['fits', 'short', 'direct'];
const anyAnswer = fc.record(
  { yes: fc.boolean(), probability: fc.constantFrom(0, 0.2, 0.5, 0.8, 1) },
  { requiredKeys: ['yes'] },
);
const anyCommittee: fc.Arbitrary<Committee> = fc.record({
  members: fc
    .array(fc.record({ weight: fc.constantFrom(0, 1, 2), optional: fc.boolean() }), { minLength: 1, maxLength: 4 })
    .map((seats) => seats.map((seat, at) => ({ ...seat, name: `m${at}`, voter: `v${at}` }))),
  criteria: fc
    .tuple(...names.map(() => fc.constantFrom(0, 1, 3)))
    .map((weights) => Object.fromEntries(names.map((name, at) => [name, { ask: '?', weight: weights[at] ?? 1 }]))),
  passes: fc.oneof(fc.constant<PassRule>('all'), fc.record({ share: fc.constantFrom(0, 0.5, 0.75, 1) })),
  accept: fc.oneof(
    fc.constantFrom<AcceptRule>('unanimous', 'majority', { at_least: 1 }, { at_least: 2 }),
    fc.record({ share: fc.constantFrom(0.25, 0.5, 1) }),
    fc.record({ confidence: fc.constantFrom(0.25, 0.5, 1) }),
  ),
});
const anyDigest: fc.Arbitrary<Pick<Digest, 'ballots'>> = fc.record({
  ballots: fc
    .uniqueArray(
      fc.record({
        voter: fc.constantFrom('v0', 'v1', 'v2', 'v3', 'stranger'),
        parsed: fc.boolean(),
        criteria: fc
          .tuple(...names.map(() => anyAnswer))
          .map((answers) => Object.fromEntries(names.map((name, at) => [name, answers[at] ?? { yes: false }]))),
      }),
      { selector: ({ voter }) => voter, maxLength: 5 },
    )
    .map((ballots) => ballots.map((ballot) => ({ ...ballot, vote: `ref of ${ballot.voter}` }))),
});

test('a recount is the count: answers of the store under the rule give the verdict they gave when they were cast', () => {
  fc.assert(
    fc.property(anyDigest, anyCommittee, (digest, committee) => {
      const cast = digest.ballots.map((ballot) => ballotOf(ballot, committee));
      const counted = verdict(cast, committee.accept, committee.members);
      const again = recount({ digest }, committee);
      assert.equal(again.kept, counted.kept);
      for (const { vote, yes } of again.votes)
        assert.equal(yes, cast.find(({ voter }) => vote === `ref of ${voter}`)?.yes);
    }),
    { numRuns: 1000 },
  );
});

test('other names, and the votes in another order, change nothing but the names', () => {
  fc.assert(
    fc.property(anyDigest, anyCommittee, (digest, committee) => {
      const renamed = {
        ...committee,
        members: committee.members.map((member) => ({ ...member, name: `x${member.name}` })),
      };
      const reversed = { ballots: [...digest.ballots].reverse() };
      const [one, other] = [recount({ digest }, committee), recount({ digest: reversed }, renamed)];
      assert.equal(other.kept, one.kept);
      assert.deepEqual(
        other.votes.map(({ member }) => member),
        one.votes.map(({ member }) => `x${member}`),
      );
      assert.equal(settled({ digest: reversed }, renamed), settled({ digest }, committee));
    }),
    { numRuns: 1000 },
  );
});

test('what is settled stays as it is, whichever votes are still added', () => {
  const late = (voter: string, yes: boolean): Digest['ballots'][number] => ({
    vote: `late ${voter}`,
    voter,
    parsed: true,
    criteria: Object.fromEntries(names.map((name) => [name, { yes }])),
  });
  fc.assert(
    fc.property(anyDigest, anyCommittee, fc.boolean(), (digest, committee, yes) => {
      fc.pre(settled({ digest }, committee));
      const missing = committee.members.filter(({ voter }) => !digest.ballots.some((ballot) => ballot.voter === voter));
      const whole = { ballots: [...digest.ballots, ...missing.map(({ voter }) => late(voter, yes))] };
      assert.equal(recount({ digest: whole }, committee).kept, recount({ digest }, committee).kept);
    }),
    { numRuns: 1000 },
  );
});

const committee: Committee = {
  members: [
    { name: 'a', voter: 'v0', weight: 1, optional: false },
    { name: 'b', voter: 'v1', weight: 1, optional: true },
  ],
  criteria: { fits: { ask: '?', weight: 1 }, short: { ask: '?', weight: 1 } },
  passes: 'all',
  accept: 'unanimous',
};
const ballot = (voter: string, fits: boolean, short: boolean, parsed = true): Digest['ballots'][number] => ({
  vote: `ref of ${voter}`,
  voter,
  parsed,
  criteria: parsed ? { fits: { yes: fits }, short: { yes: short } } : {},
});
const failed: Absence = { voter: 'v1', member: 'b', why: 'failed', detail: '' };

test('an optional member that failed is not waited for; one that was not asked is', () => {
  const digest = { ballots: [ballot('v0', true, true)] };
  assert.equal(settled({ digest, absent: [failed] }, committee), true);
  assert.equal(settled({ digest, absent: [{ ...failed, why: 'not-needed' }] }, committee), false);
  const required = { ...committee, members: committee.members.map((member) => ({ ...member, optional: false })) };
  assert.equal(settled({ digest, absent: [failed] }, required), false);
});

test('reasons can be counted: who said no to what, a reply that could not be read, a vote that is missing', () => {
  const reason = (...ballots: Digest['ballots']): string => recount({ digest: { ballots } }, committee).reason;
  assert.equal(reason(ballot('v0', true, false), ballot('v1', false, false)), 'a says no: short');
  assert.equal(reason(ballot('v0', true, true), ballot('v1', false, true)), 'b says no: fits');
  assert.equal(reason(ballot('v0', true, true, false), ballot('v1', true, true)), "a's reply could not be read");
  assert.equal(reason(ballot('v1', true, true)), 'Not decided: no vote of a.');
  const sure = { ...committee, accept: { confidence: 0.9 } };
  const hesitant = {
    ...ballot('v0', true, true),
    criteria: { fits: { yes: true, probability: 0.55 }, short: { yes: true } },
  };
  assert.equal(recount({ digest: { ballots: [hesitant] } }, sure).reason, 'Mean confidence x (a x), x needed.');
});
