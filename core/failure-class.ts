/** Whose failure it was: each class is counted apart, and none of them is ever taken for a no. */
import type { Absence } from '../schemas/episode.ts';
import type { FailureClass, FailureCounts } from '../schemas/flow.ts';
import type { Outcome } from '../schemas/step.ts';

/** The classes with what they mean, in the order in which they are shown. */
export const failureClasses: Record<FailureClass, string> = {
  infrastructure: 'the surroundings failed: a provider, a place, the network, the machine',
  model: 'a model refused, or its reply could not be read: no tasks, no instruction',
  agent: "the agent's replies could not be read, so that its trajectory broke off",
  judge: 'a vote was not cast or could not be read',
  spec: 'the pipeline, or a module of its own, asks for something impossible',
};

/** What each kind of house error counts as; one that nobody foresaw is of the surroundings. */
const classOfKind = new Map<string | undefined, FailureClass>([
  ['spec', 'spec'],
  ['module', 'spec'],
]);

/** The class of an item that ended with an error; undefined for what was cancelled, which is no failure. */
export const failureClass = (kind: string | undefined): FailureClass | undefined =>
  kind === 'cancelled' ? undefined : (classOfKind.get(kind) ?? 'infrastructure');

/** What an episode's stored results lack. */
export interface Shortfall {
  outcome: Outcome;
  dropped: Record<string, number>;
  candidates: { absent?: Absence[]; digest?: { ballots: { voter: string; parsed: boolean }[] } }[];
}

/** Why a window has no instruction though the writer was asked. */
export const unreadableInstruction = 'instruction-unreadable';

/**
 * Failures within an episode that has a record.
 * @param voters whose votes still count; all when left out
 * @param unreadable votes that could not be read, where they are not in the candidates
 */
export function shortfallOf(record: Shortfall, voters?: ReadonlySet<string>, unreadable = 0): FailureCounts {
  const counts = (voter: string): boolean => voters === undefined || voters.has(voter);
  let judge = unreadable;
  for (const { absent = [], digest } of record.candidates) {
    judge += absent.filter(({ voter, why }) => why === 'failed' && counts(voter)).length;
    judge += (digest?.ballots ?? []).filter(({ voter, parsed }) => !parsed && counts(voter)).length;
  }
  return someOf({
    model: record.dropped[unreadableInstruction] ?? 0,
    agent: record.outcome === 'failed' ? 1 : 0,
    judge,
  });
}

/** Without the classes of which there are none. */
const someOf = (counts: FailureCounts): FailureCounts =>
  Object.fromEntries(Object.entries(counts).filter(([, number]) => number > 0));

interface Ended {
  record: string | null;
  outcome: Outcome;
  failures?: FailureCounts;
  kind?: string;
}

/** Failures of an episode as its run noted them; a run of an earlier version noted no classes. */
export function failuresOf({ record, outcome, failures, kind }: Ended): FailureCounts {
  if (failures !== undefined) return failures;
  if (outcome !== 'failed') return {};
  const name = record === null ? failureClass(kind) : 'agent';
  return name === undefined ? {} : { [name]: 1 };
}

/** True when something of that class failed; of any class where none is given. */
export const hasFailed = (failures: FailureCounts, wanted: FailureClass | null): boolean =>
  wanted === null ? Object.keys(failures).length > 0 : (failures[wanted] ?? 0) > 0;
