/** The stage `filter`: what is dropped before the vote, the committee, and what is dropped after it. */
import { Type } from 'typebox';
import { AcceptRule } from '../../vote.ts';
import { choice, flag, key, list, number, record, section, strict, type TFilled } from '../key.ts';
import { calls, prompt } from './common.ts';

const rule = Type.Unsafe<AcceptRule>({
  ...AcceptRule,
  ...key('nothing', 'The rule over the votes; a change re-counts stored votes and asks nobody.', {
    default: 'unanimous',
    example: { at_least: 2 },
  }),
});

const committee = section(
  'output',
  'The models that vote.',
  {
    members: list(
      'output',
      'Names of models; two families or more, or a model judges its own work.',
      Type.String({ 'x-names': 'model' }),
      { min: 1, unique: true, selects: true, example: ['writer', 'gemini'] },
    ),
    criteria: record(
      'output',
      'Name → question answered yes or no. Default: aligned, coherent, natural, reasonable (paper, Table 31).',
      Type.String({ minLength: 1 }),
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
    accept: Type.Optional(rule) as unknown as TFilled<typeof rule>,
    prompt,
  },
  {},
);

export const FilterStage = strict(
  {
    uses: Type.Literal('filter'),
    drop_repeated: flag(
      'output',
      'Drop steps whose action and observation repeat the one before, before windows are cut.',
      { selects: true, default: true },
    ),
    drop_failed: flag('output', 'Drop windows whose last action failed.', { selects: true, default: true }),
    drop_unchanged: flag('output', 'Drop windows in which nothing was changed and nothing new was seen.', {
      selects: true,
      default: true,
    }),
    committee,
    duplicates: number(
      'nothing',
      'Kept examples whose instruction and actions overlap more than this (Jaccard of word shingles) are duplicates; the shorter stays.',
      { unit: 'similarity', min: 0, max: 1, default: 0.85, example: 0.9 },
    ),
    ...calls,
  },
  { title: 'filter: pre-filters, then the committee (line 25)' },
);
