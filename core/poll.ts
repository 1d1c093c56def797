/** Who sits on the committee of a run, and how an answer counts: the same for a run that asks and a plan that only looks. */
import type { Flow, VoteResult } from '../schemas/flow.ts';
import type { Ballot, Member } from './tally.ts';

export type Seat = Flow['queues']['votes'][number];

/** Runs that began before votes had voters know members by their names. */
export const voterOf = ({ member, voter }: Seat): string => voter ?? member;

export const membersOf = (flow: Pick<Flow, 'queues'>): Member[] =>
  flow.queues.votes.map((seat) => ({
    voter: voterOf(seat),
    name: seat.member,
    weight: seat.weight ?? 1,
    optional: seat.optional ?? false,
  }));

export const ballotOf = (seat: Seat, { yes, confidence, readable }: VoteResult): Ballot => ({
  voter: voterOf(seat),
  yes,
  parsed: readable,
  ...(confidence === null ? {} : { confidence }),
});
