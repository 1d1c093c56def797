/** `committee:` of the stage `filter`: who votes, on what, and how votes are counted. */
import { type Static, Type } from 'typebox';
import { AcceptRule, PassRule } from '../../vote.ts';
import { choice, flag, key, list, number, record, section, strict, type TFilled, text } from '../key.ts';
import { prompt } from './common.ts';

/** A member in full; a plain name stands for `{ model: name }`. */
const Seat = strict({
  model: text('output', 'Name of the model in `models` that votes.', { names: 'model', example: 'writer' }),
  name: text('nothing', 'What the member is called; left out, like its model.', {
    pattern: '^[a-z][a-z0-9_-]*$',
    maxLength: 40,
    optional: true,
    example: 'strict-judge',
  }),
  prompt,
  optional: flag('nothing', 'The verdict does without it when it fails or its reply cannot be read.', {
    default: false,
  }),
  weight: number('nothing', 'How much it counts under accept: { share } and { confidence }.', {
    unit: 'weight',
    min: 0,
    default: 1,
    example: 2,
  }),
});
export type Seat = Static<typeof Seat>;

const Member = Type.Unsafe<string | Seat>({ anyOf: [Type.String({ 'x-names': 'model' }), Seat] });

const Question = strict({
  ask: text('output', 'The question, answered yes or no.', {
    minLength: 1,
    example: 'Does the trajectory do what the instruction asks?',
  }),
  weight: number('nothing', 'How much it counts under passes: { share }.', {
    unit: 'weight',
    min: 0,
    default: 1,
    example: 2,
  }),
});

const Criterion = Type.Unsafe<string | Static<typeof Question>>({
  anyOf: [Type.String({ minLength: 1 }), Question],
});

const passes = Type.Unsafe<PassRule>({
  ...PassRule,
  ...key('nothing', "When a member's answers make a yes; a change counts stored answers again and asks nobody.", {
    default: 'all',
    example: { share: 0.75 },
  }),
});

const accept = Type.Unsafe<AcceptRule>({
  ...AcceptRule,
  ...key('nothing', 'The rule over the votes; a change re-counts stored votes and asks nobody.', {
    default: 'unanimous',
    example: { at_least: 2 },
  }),
});

export const Committee = section(
  'output',
  'The models that vote.',
  {
    members: list(
      'output',
      'Names of models, or { model, name, prompt, optional, weight }; two families or more, or a model judges its own work.',
      Member,
      { min: 1, unique: true, selects: true, example: ['writer', { model: 'gemini', weight: 2 }] },
    ),
    criteria: record(
      'output',
      'Name → question answered yes or no, or { ask, weight }. Default: aligned, coherent, natural, reasonable (paper, Table 31).',
      Criterion,
      {
        min: 1,
        pattern: '^[a-z][a-z0-9_]*$',
        optional: true,
        example: { aligned: 'Does the trajectory do what the instruction asks?' },
      },
    ),
    reasons: choice(
      'output',
      'A reason before each answer, or one short reason after all answers (small models).',
      ['each', 'one'],
      { default: 'each' },
    ),
    passes: Type.Optional(passes) as unknown as TFilled<typeof passes>,
    accept: Type.Optional(accept) as unknown as TFilled<typeof accept>,
    ask: choice(
      'output',
      'Every member is asked at once, or one after the other until no further vote can change the verdict.',
      ['all', 'until-decided'],
      { selects: true, default: 'all' },
    ),
    prompt,
  },
  {},
);
