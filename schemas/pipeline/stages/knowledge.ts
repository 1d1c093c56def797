/** `knowledge:` of the stage `interact`: what is retrieved into the agent's prompt. */
import type { Static } from 'typebox';
import { section, text, whole } from '../key.ts';
import { prompt } from './common.ts';

export const Knowledge = section(
  'output',
  'Examples retrieved into the prompt at every step (paper, Algorithm 2).',
  {
    index: text('output', 'Folder of an index made by the stage `index`, or the name of a run that made one.', {
      example: 'r-3ma4ng8c',
    }),
    observation: section(
      'output',
      'Retrieval by what the agent sees.',
      {
        k: whole('output', 'Examples found by BM25 on the observation (m1); 5 in the paper.', {
          unit: 'examples',
          min: 0,
          max: 50,
          example: 5,
        }),
      },
      { optional: true },
    ),
    model: section(
      'output',
      'Retrieval by what a model says is needed next.',
      {
        k: whole('output', 'Examples found by a query that a model writes, dense (m2); 5 in the paper.', {
          unit: 'examples',
          min: 0,
          max: 50,
          example: 5,
        }),
        query_model: text('output', 'Name of the model that writes the query.', { names: 'model', example: 'writer' }),
        prompt,
      },
      { optional: true },
    ),
    max_tokens: whole('output', 'Most examples in the prompt (estimated).', {
      unit: 'tokens',
      min: 50,
      default: 4000,
      example: 8000,
    }),
  },
  { optional: true },
);
export type Knowledge = Static<typeof Knowledge>;
