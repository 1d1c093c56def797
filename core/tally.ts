/** The rule over the votes: what the committee decides. Pure functions, so that a changed rule re-counts stored votes. */
import type { AcceptRule, Committee, Verdict, Vote } from '../schemas/vote.ts';

/** A vote as the rule counts it. */
export interface Ballot {
  voter: string;
  yes: boolean;
  confidence?: number;
  parsed: boolean;
}

/** Who may vote. Weight 1 and required unless said otherwise. */
export interface Member {
  voter: string;
  name: string;
  weight?: number;
  optional?: boolean;
}

interface Position {
  member: Member;
  /** true when its reply was there and could be read */
  readable: boolean;
  yes: boolean;
  /** P(yes), or 1 or 0 where the member gives none */
  probability: number;
}

/** Sums of tenths are not exact: three times 0.8 must reach 0.8. */
const reaches = (value: number, needed: number): boolean => value + 1e-9 >= needed;

/** Stored answers as a ballot: whether they make a yes is the pipeline's to say. A criterion without an answer is a no. */
export function ballotOf(
  vote: {
    voter: string;
    parsed: boolean;
    criteria: { [name: string]: Pick<Vote['criteria'][string], 'yes' | 'probability'> };
  },
  { criteria, passes }: Pick<Committee, 'criteria' | 'passes'>,
): Ballot {
  const answers = Object.entries(criteria).map(([name, { weight }]) => {
    const given = Object.hasOwn(vote.criteria, name) ? vote.criteria[name] : undefined;
    return { weight, yes: given?.yes ?? false, probability: given?.probability };
  });
  if (!vote.parsed || answers.length === 0) return { voter: vote.voter, yes: false, parsed: vote.parsed };
  const sure = answers.some(({ probability }) => probability !== undefined);
  const yeses = answers.map(({ weight, yes }) => ({ weight, value: yes ? 1 : 0 }));
  const likely = answers.map(({ weight, yes, probability }) => ({ weight, value: probability ?? (yes ? 1 : 0) }));
  const confidence = passes === 'all' ? Math.min(...likely.map(({ value }) => value)) : mean(likely);
  return {
    voter: vote.voter,
    yes: passes === 'all' ? answers.every(({ yes }) => yes) : reaches(mean(yeses), passes.share),
    ...(sure ? { confidence } : {}),
    parsed: true,
  };
}

/**
 * Keeps an example only when the rule is clearly met, whatever the votes that are missing may be. The verdict is over those who answered: a
 * required member whose reply could not be read says no, an optional one says nothing, and without a readable answer of a required member
 * nothing is kept. Of several votes of one voter a no prevails; votes of strangers do not count.
 */
export function verdict(ballots: Ballot[], rule: AcceptRule, members: Member[]): Verdict {
  if (members.length === 0) return { kept: false, reason: 'Not decided: the committee has no members.' };
  const { present, missing } = positionsOf(ballots, members);
  const pending = missing.filter(({ optional }) => optional !== true);
  const [best, worst] = bounds(present, pending, rule);
  if (best !== worst) return { kept: false, reason: `Not decided: no vote of ${namesOf(pending)}.` };
  if (pending.length === 0 && !requiredAnswered(present))
    return { kept: false, reason: 'Not decided: no required member gave an answer that could be read.' };
  return { kept: best, reason: inWords(present, pending, rule) };
}

/** True when no vote that is still missing can change the outcome, whether it comes as a yes, as a no, or never. */
export function decided(ballots: Ballot[], rule: AcceptRule, members: Member[]): boolean {
  const { present, missing } = positionsOf(ballots, members);
  const [best, worst] = bounds(present, missing, rule);
  return best === worst;
}

function positionsOf(ballots: Ballot[], members: Member[]): { present: Position[]; missing: Member[] } {
  const present: Position[] = [];
  const missing: Member[] = [];
  for (const member of members) {
    const own = ballots.filter(({ voter }) => voter === member.voter);
    const readable = own.length > 0 && own.every(({ parsed }) => parsed);
    if (own.length === 0) missing.push(member);
    else if (readable || member.optional !== true)
      present.push({
        member,
        readable,
        yes: own.every(({ parsed, yes }) => parsed && yes),
        probability: Math.min(...own.map(probabilityOf)),
      });
  }
  return { present, missing };
}

function probabilityOf(ballot: Ballot): number {
  if (!ballot.parsed) return 0;
  if (ballot.confidence === undefined) return ballot.yes ? 1 : 0;
  return Number.isNaN(ballot.confidence) ? 0 : Math.min(1, Math.max(0, ballot.confidence));
}

/** The outcome if all that is pending came as a yes, and if it came as a no: every rule grows with every yes. */
function bounds(present: Position[], pending: Member[], rule: AcceptRule): [best: boolean, worst: boolean] {
  const all = (yes: boolean): Position[] => [
    ...present,
    ...pending.map((member) => ({ member, readable: yes, yes, probability: yes ? 1 : 0 })),
  ];
  return [accepts(all(true), rule), accepts(all(false), rule)];
}

const requiredAnswered = (positions: Position[]): boolean =>
  positions.some(({ member, readable }) => readable && member.optional !== true);

function accepts(positions: Position[], rule: AcceptRule): boolean {
  if (!requiredAnswered(positions)) return false;
  if (typeof rule === 'object' && !('at_least' in rule)) return reaches(meanOf(positions, rule), neededMean(rule));
  return positions.filter(({ yes }) => yes).length >= neededYes(rule, positions.length);
}

type MeanRule = { share: number } | { confidence: number };

const neededMean = (rule: MeanRule): number => ('share' in rule ? rule.share : rule.confidence);

const meanOf = (positions: Position[], rule: MeanRule): number =>
  mean(
    positions.map(({ member, yes, probability }) => ({
      weight: member.weight ?? 1,
      value: 'share' in rule ? (yes ? 1 : 0) : probability,
    })),
  );

/** Weighted mean; 0 where nothing weighs anything. */
function mean(values: { weight: number; value: number }[]): number {
  const total = values.reduce((sum, { weight }) => sum + weight, 0);
  return total > 0 ? values.reduce((sum, { weight, value }) => sum + weight * value, 0) / total : 0;
}

function neededYes(rule: 'unanimous' | 'majority' | { at_least: number }, members: number): number {
  if (rule === 'unanimous') return members;
  if (rule === 'majority') return Math.floor(members / 2) + 1;
  return rule.at_least;
}

const namesOf = (members: Member[]): string => members.map(({ name }) => name).join(', ');

function inWords(present: Position[], pending: Member[], rule: AcceptRule): string {
  const unasked = pending.length === 0 ? '' : `; not needed: ${namesOf(pending)}`;
  if (typeof rule === 'object' && !('at_least' in rule)) {
    const what = 'share' in rule ? 'Share of yes' : 'Mean confidence';
    const each = present.map(
      ({ member, yes, probability }) =>
        `${member.name} ${'share' in rule ? (yes ? 'yes' : 'no') : probability.toFixed(2)}`,
    );
    return `${what} ${meanOf(present, rule).toFixed(2)} (${each.join(', ')}), ${neededMean(rule)} needed${unasked}.`;
  }
  const of = present.length + pending.length;
  const against = present.filter(({ yes }) => !yes).map(({ member }) => member);
  const noes = against.length === 0 ? '' : `; no: ${namesOf(against)}`;
  return `${of - against.length - pending.length} of ${of} said yes, ${neededYes(rule, of)} needed${noes}${unasked}.`;
}
