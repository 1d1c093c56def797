/** `knowledge:` of the stage `interact`: what is retrieved into the agent's prompt. */
import type { Static } from 'typebox';
import { choice, section, text, whole } from '../key.ts';
import { prompt } from './common.ts';

const by = (what: string) =>
  choice(
    'output',
    `${what} words: BM25; meaning: the cosine of embeddings, which needs vectors.`,
    ['words', 'meaning'],
    {
      default: 'words',
    },
  );

const examples = (description: string) =>
  whole('output', description, { unit: 'examples', min: 0, max: 50, example: 5 });

export const Knowledge = section(
  'output',
  'What is retrieved into the prompt: examples (paper, Algorithm 2 and Table 4), documents (the RAG baseline), or both.',
  {
    index: text(
      'output',
      'Folder of an index made by the stage `index`, or the name of a run that made one; needed for examples.',
      { optional: true, example: 'r-3ma4ng8c' },
    ),
    instruction: section(
      'output',
      'Examples by the task, looked up once and the same at every step.',
      { k: examples('Examples whose instruction is nearest to the task.'), by: by('How near.') },
      { optional: true },
    ),
    observation: section(
      'output',
      'Examples by what the agent sees, looked up at every step.',
      { k: examples('Examples found by BM25 on the observation (m1); 5 in the paper.') },
      { optional: true },
    ),
    model: section(
      'output',
      'Examples by what a model says is needed next, asked at every step.',
      {
        k: examples('Examples found by a query that a model writes, dense (m2); 5 in the paper.'),
        query_model: text('output', 'Name of the model that writes the query.', { names: 'model', example: 'writer' }),
        prompt,
      },
      { optional: true },
    ),
    documents: section(
      'output',
      'Documents by the task, looked up once and the same at every step.',
      {
        k: whole('output', 'Documents; the paper takes up to 50, as many as fit.', {
          unit: 'documents',
          min: 1,
          max: 50,
          example: 10,
        }),
        by: by('How near to the task.'),
        from: text(
          'output',
          'sources: the documents of this run; or the name of a run, for the documents of that one.',
          {
            default: 'sources',
            example: 'r-3ma4ng8c',
          },
        ),
      },
      { optional: true },
    ),
    order: choice(
      'output',
      'Where the best of the examples, and of the documents, stands in its block.',
      ['best_first', 'best_last'],
      { default: 'best_first' },
    ),
    max_tokens: whole(
      'output',
      'Most of all that is retrieved, in the prompt (estimated). Examples go first; a document is cut to what is left.',
      { unit: 'tokens', min: 50, default: 4000, example: 8000 },
    ),
  },
  { optional: true },
);
export type Knowledge = Static<typeof Knowledge>;
