/** The stage `instruct`. */
import { Type } from 'typebox';
import { number, strict, text, whole } from '../key.ts';
import { calls, failures, model, prompt } from './common.ts';

export const InstructStage = strict(
  {
    uses: Type.Literal('instruct'),
    model,
    per_document: whole('output', 'Tasks asked of each document (N of the paper).', {
      unit: 'tasks',
      min: 1,
      max: 20,
      default: 3,
      example: 5,
    }),
    limit: whole('output', 'Most tasks of the run.', {
      unit: 'tasks',
      min: 1,
      selects: true,
      optional: true,
      example: 100,
    }),
    duplicates: number(
      'output',
      'Tasks whose words overlap more than this (Jaccard, example values masked) are duplicates.',
      { unit: 'similarity', min: 0, max: 1, selects: true, default: 0.8, example: 0.9 },
    ),
    hints: text('output', 'What a good task looks like in this place; added to the prompt.', {
      optional: true,
      example: 'Ask for one small thing that takes one to three clicks.',
    }),
    prompt,
    concurrency: whole('cost', 'Documents asked at once; left out, what the model takes at once (16 at most).', {
      unit: 'documents',
      min: 1,
      max: 200,
      optional: true,
      example: 8,
    }),
    ...calls,
    ...failures,
  },
  { title: 'instruct: invent tasks from documents (paper, Algorithm 1 line 5)' },
);
