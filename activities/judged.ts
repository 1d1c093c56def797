/** The page of a run that says of every judged example what became of it and why: what `lbi show` lists. */
import type { CountedVote } from '../core/recount.ts';
import type { Ref } from '../schemas/common.ts';
import type { Absence } from '../schemas/episode.ts';
import type { Example } from '../schemas/example.ts';

export interface Judged {
  example: Ref;
  task: string;
  /** what its task was made from: the split goes by it */
  family: string;
  instruction: string;
  style: Example['style'];
  actions: string[];
  votes: CountedVote[];
  absent?: Absence[];
  kept: boolean;
  reason: string;
}

export const judgedPath = (run: string): string => `runs/${run}/judged.json`;
