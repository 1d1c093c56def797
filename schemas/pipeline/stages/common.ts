/** Keys that several stages have. */
import { text } from '../key.ts';

/** The model that does the stage's work. */
export const model = text('output', 'Name of a model in `models`.', { names: 'model', example: 'writer' });

/** An own prompt in place of the shipped one. */
export const prompt = text(
  'output',
  'Markdown prompt file, relative to the pipeline file; left out, the shipped one.',
  {
    names: 'prompt',
    optional: true,
    example: 'prompts/own.md',
  },
);
