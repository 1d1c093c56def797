/** The rule over the votes: what the committee decides. A pure function, so that a changed rule re-counts stored votes. */
import type { AcceptRule, Verdict } from '../schemas/vote.ts';

/** The parts of a vote (schemas/vote.ts) that count. */
interface CountedVote {
  member: string;
  yes: boolean;
  confidence?: number;
  parsed: boolean;
}

interface Position {
  member: string;
  yes: boolean;
  /** P(yes), or 1 or 0 where the member gives none */
  probability: number;
}

/**
 * Keeps an example only when the rule is clearly met. Until every member has voted nothing is decided, which is not kept. A vote that
 * could not be read is a no; of several votes of one member a no prevails; votes of strangers do not count.
 */
export function verdict(votes: CountedVote[], rule: AcceptRule, members: string[]): Verdict {
  const committee = [...new Set(members)];
  if (committee.length === 0) return { kept: false, reason: 'Not decided: the committee has no members.' };
  const missing = committee.filter((member) => !votes.some((vote) => vote.member === member));
  if (missing.length > 0) return { kept: false, reason: `Not decided: no vote of ${missing.join(', ')}.` };
  const positions = committee.map((member) =>
    positionOf(
      member,
      votes.filter((vote) => vote.member === member),
    ),
  );
  if (typeof rule === 'object' && 'confidence' in rule) return byConfidence(positions, rule);
  return byCount(positions, requiredYes(rule, committee.length));
}

function positionOf(member: string, votes: CountedVote[]): Position {
  const yes = votes.every((vote) => vote.parsed && vote.yes);
  const probability = Math.min(...votes.map(probabilityOf));
  return { member, yes, probability };
}

function probabilityOf(vote: CountedVote): number {
  if (!vote.parsed) return 0;
  if (vote.confidence === undefined) return vote.yes ? 1 : 0;
  return Number.isNaN(vote.confidence) ? 0 : Math.min(1, Math.max(0, vote.confidence));
}

function requiredYes(rule: 'unanimous' | 'majority' | { at_least: number }, members: number): number {
  if (rule === 'unanimous') return members;
  if (rule === 'majority') return Math.floor(members / 2) + 1;
  return rule.at_least;
}

function byCount(positions: Position[], required: number): Verdict {
  const yes = positions.filter((position) => position.yes).length;
  const against = positions.filter((position) => !position.yes).map((position) => position.member);
  const noes = against.length === 0 ? '' : `; no: ${against.join(', ')}`;
  return { kept: yes >= required, reason: `${yes} of ${positions.length} said yes, ${required} needed${noes}.` };
}

function byConfidence(positions: Position[], rule: { confidence: number; weights?: Record<string, number> }): Verdict {
  const weightOf = (member: string) => rule.weights?.[member] ?? 1;
  const total = positions.reduce((sum, { member }) => sum + weightOf(member), 0);
  if (!(total > 0)) return { kept: false, reason: 'Not decided: the weights of the members add up to 0.' };
  const mean = positions.reduce((sum, { member, probability }) => sum + weightOf(member) * probability, 0) / total;
  const each = positions.map(({ member, probability }) => `${member} ${probability.toFixed(2)}`).join(', ');
  // Sums of tenths are not exact: three times 0.8 must reach 0.8.
  const kept = mean + 1e-9 >= rule.confidence;
  return { kept, reason: `Mean confidence ${mean.toFixed(2)} (${each}), ${rule.confidence} needed.` };
}
