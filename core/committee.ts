/** The committee of a filter stage in full: its members by name and the questions they are asked, whichever way they were written. */
import type { FullStage } from '../schemas/pipeline/stage.ts';
import { paperCriteria } from './vote-schema.ts';

type Filter = FullStage<'filter'>;

export interface Seat {
  /** unique in its committee */
  name: string;
  /** name of the model that votes */
  model: string;
  /** path of a prompt of its own */
  prompt?: string;
  weight: number;
  optional: boolean;
}

/** The members in their order; a plain name is a member of that name. */
export const seatsOf = ({ committee }: Filter): Seat[] =>
  committee.members.map((member) => {
    if (typeof member === 'string') return { name: member, model: member, weight: 1, optional: false };
    const { model, name, prompt, weight, optional } = member;
    return {
      name: name ?? model,
      model,
      ...(prompt === undefined ? {} : { prompt }),
      weight: weight ?? 1,
      optional: optional ?? false,
    };
  });

/** The questions by name, with their weights; the paper's four where the pipeline names none. */
export const criteriaOf = ({ committee }: Filter): Record<string, { ask: string; weight: number }> =>
  Object.fromEntries(
    Object.entries(committee.criteria ?? paperCriteria).map(([name, criterion]) => [
      name,
      typeof criterion === 'string'
        ? { ask: criterion, weight: 1 }
        : { ask: criterion.ask, weight: criterion.weight ?? 1 },
    ]),
  );

/** Where a member's own prompt stands in the plan. */
export const ownPromptName = (member: string): string => `filter/${member}`;
