/** A committee member's vote on an example and the verdict that the rule reaches over the votes. */
import { type Static, Type } from 'typebox';
import { Usage } from './common.ts';

export const Answer = Type.Object({
  yes: Type.Boolean(),
  reason: Type.String(),
  probability: Type.Optional(Type.Number({ description: 'P(yes), where the model gives one' })),
});
export type Answer = Static<typeof Answer>;

export const Vote = Type.Object({
  member: Type.String({ description: 'name of the model in the pipeline' }),
  model: Type.String({ description: 'model id as answered' }),
  yes: Type.Boolean({ description: 'true only when every criterion is answered yes' }),
  criteria: Type.Record(Type.String(), Answer),
  confidence: Type.Optional(
    Type.Number({ description: 'the lowest P(yes) of the criteria, where the model gives them' }),
  ),
  parsed: Type.Boolean({ description: 'false when the reply could not be read: counted, and a no' }),
  usage: Usage,
});
export type Vote = Static<typeof Vote>;

/** Unanimous, majority, at least n members, or a mean confidence (paper §2.3 is unanimous). */
export const AcceptRule = Type.Union([
  Type.Literal('unanimous'),
  Type.Literal('majority'),
  Type.Object(
    { at_least: Type.Integer({ minimum: 1, description: 'members that must say yes' }) },
    { additionalProperties: false },
  ),
  Type.Object(
    {
      confidence: Type.Number({
        minimum: 0,
        maximum: 1,
        description: 'mean P(yes) needed; a member without one counts 1 or 0',
      }),
      weights: Type.Optional(
        Type.Record(Type.String(), Type.Number({ minimum: 0 }), {
          description: 'member → how much it counts in the mean; 1 where left out',
        }),
      ),
    },
    { additionalProperties: false },
  ),
]);
export type AcceptRule = Static<typeof AcceptRule>;

export const Verdict = Type.Object({
  kept: Type.Boolean(),
  reason: Type.String({ description: 'why, in one sentence a person understands' }),
});
export type Verdict = Static<typeof Verdict>;
