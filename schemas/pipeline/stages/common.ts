/** Keys that several stages have. */
import { choice, type Effect, number, section, text, whole } from '../key.ts';

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

/** Money and tokens that something may spend. */
export const caps = (effect: Effect, example: { usd: number; tokens: number }) => ({
  usd: number(effect, 'US dollars.', { unit: 'USD', above: 0, optional: true, example: example.usd }),
  tokens: whole(effect, 'Tokens, input and output together.', {
    unit: 'tokens',
    min: 1,
    optional: true,
    example: example.tokens,
  }),
});

/** How patiently the stage's model calls are made, and what they may cost. */
export const calls = {
  budget: section(
    'cost',
    'What the stage may spend in a run. At the cap no new work is begun and the run waits; it goes on after `lbi resume RUN --stage-budget STAGE=USD` (or `--stage-tokens`).',
    caps('cost', { usd: 5, tokens: 2_000_000 }),
    { optional: true },
  ),
  retry: section(
    'nothing',
    'How a call that failed for a passing reason (rate limit, network, a 5xx answer) is tried again.',
    {
      attempts: whole('nothing', 'Most tries of one call.', {
        unit: 'tries',
        min: 1,
        max: 1000,
        default: 60,
        example: 5,
      }),
      first_wait: number('nothing', 'Time before the second try; doubled for each further one.', {
        unit: 'seconds',
        above: 0,
        default: 1,
        example: 2,
      }),
      longest_wait: number('nothing', 'Longest time between two tries.', {
        unit: 'seconds',
        above: 0,
        default: 60,
        example: 300,
      }),
    },
    { default: {} },
  ),
  timeout: number(
    'nothing',
    'Time one try of a call may take, waiting for the model included; left out, the `timeout` of its model and half a minute.',
    { unit: 'seconds', above: 0, optional: true, example: 120 },
  ),
};

/** What failures of single items mean for the run. */
export const failures = {
  on_error: choice(
    'nothing',
    'When an item fails for good: `continue` counts it and goes on, `stop` ends the run; what is finished is kept.',
    ['continue', 'stop'],
    { default: 'continue' },
  ),
  fail_if: section(
    'nothing',
    'Ends the run when too many items fail: something is broken, and going on would burn money.',
    {
      error_rate: number('nothing', 'Share of failed items above which the run ends.', {
        unit: 'share',
        min: 0,
        max: 1,
        example: 0.2,
      }),
      after: whole('nothing', 'Items that must have ended before the share counts.', {
        unit: 'items',
        min: 1,
        default: 20,
        example: 50,
      }),
    },
    { optional: true },
  ),
};
