/** An episode's record: everything that came of one task, kept under the identity of the attempt. */
import { type Static, Type } from 'typebox';
import { Ref, Usage } from './common.ts';
import { Style } from './example.ts';
import { Outcome } from './step.ts';
import { Answer } from './vote.ts';

/** A vote that was not cast. */
export const Absence = Type.Object({
  voter: Type.String(),
  member: Type.String({ description: 'its name at that time' }),
  why: Type.Union([Type.Literal('not-needed'), Type.Literal('failed')], {
    description: 'the verdict stood without it, or an optional member could not answer',
  }),
  detail: Type.String(),
});
export type Absence = Static<typeof Absence>;

/** An example and what the committee said of it, as references. */
export const Candidate = Type.Object({
  example: Ref,
  votes: Type.Array(Ref),
  absent: Type.Optional(Type.Array(Absence)),
});
export type Candidate = Static<typeof Candidate>;

/** What counting needs of a candidate: with it in the record, ten thousand are counted again without opening them. */
export const Digest = Type.Object({
  instruction: Type.String(),
  style: Style,
  actions: Type.Array(Type.String({ description: 'an action of the window, in words' })),
  ballots: Type.Array(
    Type.Object({
      vote: Ref,
      voter: Type.String(),
      parsed: Type.Boolean(),
      criteria: Type.Record(Type.String(), Type.Pick(Answer, ['yes', 'probability'])),
    }),
  ),
});
export type Digest = Static<typeof Digest>;

const facts = {
  task: Ref,
  trajectory: Type.Union([Ref, Type.Null()], { description: 'null when no session could be held' }),
  outcome: Outcome,
  detail: Type.String(),
  steps: Type.Integer(),
  windows: Type.Integer({ description: 'windows cut, before pre-filters' }),
  dropped: Type.Record(Type.String(), Type.Integer(), {
    description: 'windows and examples dropped before the vote, by reason',
  }),
  usage: Type.Record(Type.String(), Usage, { description: 'by stage and model: "interact/actor"' }),
};

/** A record as the workflow hands it over: references and counts only. */
export const EpisodeDraft = Type.Object({ ...facts, candidates: Type.Array(Candidate) });
export type EpisodeDraft = Static<typeof EpisodeDraft>;

export const Episode = Type.Object({
  ...facts,
  family: Type.String({
    description: 'what the task was made from: examples of one family are on one side of the split',
  }),
  candidates: Type.Array(Type.Object({ ...Candidate.properties, digest: Digest })),
});
export type Episode = Static<typeof Episode>;
