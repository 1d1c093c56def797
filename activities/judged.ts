/** The page of a run that says of every judged example what became of it and why: what `lbi show` lists. */
import type { CountedVote } from '../core/recount.ts';
import type { Ref } from '../schemas/common.ts';
import type { Absence, Episode } from '../schemas/episode.ts';
import type { Example } from '../schemas/example.ts';

export interface Judged {
  example: Ref;
  task: string;
  /** what the split goes by */
  origin: Episode['origin'];
  instruction: string;
  style: Example['style'];
  actions: string[];
  votes: CountedVote[];
  absent?: Absence[];
  kept: boolean;
  reason: string;
}

export const judgedPath = (run: string): string => `runs/${run}/judged.json`;
