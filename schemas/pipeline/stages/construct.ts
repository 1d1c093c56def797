/** The stage `construct`. */
import { Type } from 'typebox';
import { Style } from '../../example.ts';
import { list, section, strict, whole } from '../key.ts';
import { calls, model, prompt } from './common.ts';

export const ConstructStage = strict(
  {
    uses: Type.Literal('construct'),
    model,
    styles: list('output', 'Kinds of instruction written for a window.', Style, {
      min: 1,
      unique: true,
      selects: true,
      default: ['new-task', 'replicate'],
      example: ['new-task'],
    }),
    max_windows: whole(
      'output',
      'Most windows of a trajectory, drawn from the length strata short (< 5), medium (< 10), long.',
      { unit: 'windows', min: 1, selects: true, default: 40, example: 20 },
    ),
    max_window_steps: whole('output', 'Longest window.', {
      unit: 'actions',
      min: 1,
      selects: true,
      default: 60,
      example: 10,
    }),
    observation_chars: whole('output', 'Length of an observation in the prompt.', {
      unit: 'characters',
      min: 200,
      default: 3000,
      example: 1500,
    }),
    prompts: section(
      'output',
      'Own prompt files by style.',
      { 'new-task': prompt, replicate: prompt },
      { optional: true },
    ),
    concurrency: whole('cost', 'Windows of one episode that are worked on at once; left out, all of them.', {
      unit: 'windows',
      min: 1,
      max: 200,
      optional: true,
      example: 4,
    }),
    ...calls,
  },
  { title: 'construct: write instructions for what happened in each window (lines 16–20)' },
);
