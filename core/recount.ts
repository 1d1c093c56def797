/** A stored candidate under the committee of today: what its votes come to, and whether enough of them were cast. */
import type { Ref } from '../schemas/common.ts';
import type { Absence, Digest } from '../schemas/episode.ts';
import type { Committee } from '../schemas/vote.ts';
import { type Ballot, ballotOf, decided, verdict } from './tally.ts';

interface Counted {
  digest: Pick<Digest, 'ballots'>;
  absent?: Absence[];
}

/** A vote that was counted, under the member's name of today. */
export interface CountedVote {
  vote: Ref;
  member: string;
  yes: boolean;
  confidence?: number;
}

export interface Recount {
  kept: boolean;
  /** a reason that can be counted */
  reason: string;
  votes: CountedVote[];
}

const ballotsOf = ({ digest }: Counted, committee: Committee): Ballot[] =>
  digest.ballots.map((ballot) => ballotOf(ballot, committee));

export function recount(candidate: Counted, committee: Committee): Recount {
  const ballots = ballotsOf(candidate, committee);
  const { kept, reason } = verdict(ballots, committee.accept, committee.members);
  const votes = committee.members.flatMap(({ name, voter }): CountedVote[] => {
    const at = ballots.findIndex((ballot) => ballot.voter === voter);
    const [stored, ballot] = [candidate.digest.ballots[at], ballots[at]];
    if (stored === undefined || ballot === undefined) return [];
    const { yes, confidence } = ballot;
    return [{ vote: stored.vote, member: name, yes, ...(confidence === undefined ? {} : { confidence }) }];
  });
  return { kept, reason: kept ? reason : why(candidate, votes, committee, reason), votes };
}

/**
 * False when a vote that was not cast could change the verdict: the rule, a weight or the members were others then. A vote that an optional
 * member failed to give is not waited for.
 */
export function settled(candidate: Counted, committee: Committee): boolean {
  const failed = new Set((candidate.absent ?? []).flatMap(({ voter, why: how }) => (how === 'failed' ? [voter] : [])));
  const members = committee.members.filter(({ voter, optional }) => !(optional && failed.has(voter)));
  return decided(ballotsOf(candidate, committee), committee.accept, members);
}

/** Who said no to what; the rule's own words, without its numbers, when everybody said yes or a vote is missing. */
function why({ digest }: Counted, votes: CountedVote[], { members, criteria }: Committee, otherwise: string): string {
  if (otherwise.startsWith('Not decided: no vote')) return otherwise;
  for (const { vote, member, yes } of votes) {
    const stored = digest.ballots.find((ballot) => ballot.vote === vote);
    if (yes || stored === undefined) continue;
    if (stored.parsed) {
      const no = Object.keys(criteria).find((name) => stored.criteria[name]?.yes !== true);
      return `${member} says no: ${no}`;
    }
    if (!members.some(({ name, optional }) => name === member && optional))
      return `${member}'s reply could not be read`;
  }
  return otherwise.replaceAll(/\d+\.\d+/g, 'x');
}
