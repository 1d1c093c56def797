/** The stage `filter`: what is dropped before the vote, the committee, and what is dropped after it. */
import { Type } from 'typebox';
import { Outcome } from '../../step.ts';
import { flag, key, list, number, section, strict, type TFilled, whole } from '../key.ts';
import { Committee } from './committee.ts';
import { calls } from './common.ts';

const similarity = { unit: 'similarity', min: 0, max: 1 } as const;

const Alike = strict({
  words: number('nothing', 'Instruction and actions overlap more than this (Jaccard of word shingles).', {
    ...similarity,
    default: 0.85,
    example: 0.9,
  }),
  meaning: number(
    'nothing',
    'Instructions mean the same: the cosine of their embeddings is above this (local embedder).',
    {
      ...similarity,
      optional: true,
      example: 0.95,
    },
  ),
});

const duplicates = Type.Unsafe<number | { words?: number; meaning?: number }>({
  ...key(
    'nothing',
    'Kept examples that are more alike than this are duplicates, and the shorter stays: a number for their words, or { words, meaning }.',
    { ...similarity, default: 0.85, example: { words: 0.85, meaning: 0.95 } },
  ),
  anyOf: [Type.Number({ minimum: 0, maximum: 1 }), Alike],
});

export const FilterStage = strict(
  {
    uses: Type.Literal('filter'),
    outcomes: list('output', 'Trajectories that are used at all, by how they ended. Default: all.', Outcome, {
      min: 1,
      unique: true,
      selects: true,
      optional: true,
      example: ['finished', 'step-limit'],
    }),
    min_score: number(
      'output',
      "Drop the windows of trajectories that the environment's `verify` scores below this, or could not score.",
      { unit: 'score', min: 0, max: 1, selects: true, optional: true, example: 0.5 },
    ),
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
    steps: section(
      'output',
      'Length of the windows that are used.',
      {
        min: whole('output', 'Drop shorter windows.', { unit: 'actions', min: 1, optional: true, example: 2 }),
        max: whole('output', 'Drop longer windows.', { unit: 'actions', min: 1, optional: true, example: 20 }),
      },
      { selects: true, optional: true },
    ),
    committee: Committee,
    duplicates: Type.Optional(duplicates) as unknown as TFilled<typeof duplicates>,
    expect: section(
      'nothing',
      'What a sound run looks like; outside of it the run still ends with its dataset, says so, and lbi run exits with 5.',
      {
        keep_rate: list(
          'nothing',
          'Lowest and highest share of the judged examples that is kept.',
          Type.Number({ minimum: 0, maximum: 1 }),
          {
            min: 2,
            optional: true,
            example: [0.2, 0.7],
          },
        ),
      },
      { optional: true },
    ),
    ...calls,
  },
  { title: 'filter: pre-filters, then the committee (line 25)' },
);
