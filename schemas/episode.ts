/** An episode's record: everything that came of one task, kept under the identity of the attempt. */
import { type Static, Type } from 'typebox';
import { Ref, Usage } from './common.ts';
import { Outcome } from './step.ts';

export const Candidate = Type.Object({
  example: Ref,
  votes: Type.Array(Ref),
});
export type Candidate = Static<typeof Candidate>;

export const Episode = Type.Object({
  task: Ref,
  trajectory: Type.Union([Ref, Type.Null()], { description: 'null when no session could be held' }),
  outcome: Outcome,
  detail: Type.String(),
  steps: Type.Integer(),
  windows: Type.Integer({ description: 'windows cut, before pre-filters' }),
  dropped: Type.Record(Type.String(), Type.Integer(), {
    description: 'windows and examples dropped before the vote, by reason',
  }),
  candidates: Type.Array(Candidate),
  usage: Type.Record(Type.String(), Usage, { description: 'by stage and model: "interact/actor"' }),
});
export type Episode = Static<typeof Episode>;
