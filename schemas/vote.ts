/** A committee member's vote on an example, the rules that votes are counted by, and the verdict. */
import { type Static, Type } from 'typebox';
import { Usage } from './common.ts';

const closed = { additionalProperties: false };

export const Answer = Type.Object({
  yes: Type.Boolean(),
  reason: Type.String(),
  probability: Type.Optional(Type.Number({ description: 'P(yes), where the model gives one' })),
});
export type Answer = Static<typeof Answer>;

/** Stored per criterion: whether it makes a yes is counted when votes are, so that a changed rule asks nobody. */
export const Vote = Type.Object({
  voter: Type.String({
    description:
      'who voted: hash of all that the vote depends on besides the example (model, sampling, prompt, criteria)',
  }),
  member: Type.String({ description: 'its name in the pipeline when it voted: a label, nothing is counted by it' }),
  model: Type.String({ description: 'model id as answered' }),
  criteria: Type.Record(Type.String(), Answer),
  parsed: Type.Boolean({ description: 'false when the reply could not be read: counted, and a no' }),
  usage: Usage,
});
export type Vote = Static<typeof Vote>;

const share = (description: string) => Type.Number({ minimum: 0, maximum: 1, description });

/** When a member's answers make a yes. */
export const PassRule = Type.Union([
  Type.Literal('all'),
  Type.Object({ share: share('weighted share of the criteria that must be answered yes') }, closed),
]);
export type PassRule = Static<typeof PassRule>;

/** Unanimous, majority, at least n members, a share of the members or a mean confidence (paper §2.3 is unanimous). */
export const AcceptRule = Type.Union([
  Type.Literal('unanimous'),
  Type.Literal('majority'),
  Type.Object({ at_least: Type.Integer({ minimum: 1, description: 'members that must say yes' }) }, closed),
  Type.Object({ share: share('share of the members, by weight, that must say yes') }, closed),
  Type.Object(
    { confidence: share('mean P(yes) needed, by weight; a member without one counts 1 or 0') },
    {
      ...closed,
      'x-moved': {
        weights: 'weights are keys of the members: members: [{ model: NAME, weight: 3 }, …]',
      },
    },
  ),
]);
export type AcceptRule = Static<typeof AcceptRule>;

/** A committee as votes are counted by it. */
export const Committee = Type.Object({
  members: Type.Array(
    Type.Object({
      name: Type.String({ description: 'as the pipeline calls it' }),
      voter: Type.String({ description: 'whose votes are its own: Vote.voter' }),
      weight: Type.Number(),
      optional: Type.Boolean({ description: 'true when the verdict does without it if it fails' }),
    }),
  ),
  criteria: Type.Record(Type.String(), Type.Object({ ask: Type.String(), weight: Type.Number() })),
  passes: PassRule,
  accept: AcceptRule,
});
export type Committee = Static<typeof Committee>;

export const Verdict = Type.Object({
  kept: Type.Boolean(),
  reason: Type.String({ description: 'why, in one sentence a person understands' }),
});
export type Verdict = Static<typeof Verdict>;
