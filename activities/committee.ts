/** The committee of a plan, each member with the identity of its votes. */
import { criteriaOf, seatsOf } from '../core/committee.ts';
import { unitIdentity } from '../core/plan.ts';
import type { Plan } from '../schemas/plan.ts';
import type { Committee } from '../schemas/vote.ts';
import { hashOf } from '../store/json.ts';
import { findStage } from './plans.ts';

/** Plans do not change; hashing the members of one for every episode would take longer than counting its votes. */
const known = new WeakMap<Plan, Committee>();

/** Undefined when the pipeline has no filter. */
export function committeeOf(plan: Plan): Committee | undefined {
  const stage = findStage(plan, 'filter');
  if (stage === undefined) return undefined;
  const before = known.get(plan);
  if (before !== undefined) return before;
  const committee: Committee = {
    members: seatsOf(stage).map(({ name, weight, optional }) => ({
      name,
      voter: voterOf(plan, name),
      weight,
      optional,
    })),
    criteria: criteriaOf(stage),
    passes: stage.committee.passes,
    accept: stage.committee.accept,
  };
  known.set(plan, committee);
  return committee;
}

/** Whose votes a member's are: all that they depend on besides the example, and not its name. */
export const voterOf = (plan: Plan, member: string): string => hashOf(unitIdentity(plan, { stage: 'filter', member }));
