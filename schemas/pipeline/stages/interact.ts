/** The stage `interact`. */
import { Type } from '../../type.ts';
import { section, strict, text, whole } from '../key.ts';
import { calls, caps, failures, model, prompt } from './common.ts';
import { Knowledge } from './knowledge.ts';

export const InteractStage = strict(
  {
    uses: Type.Literal('interact'),
    environment: text('output', 'Name of an environment in `environments`.', {
      names: 'environment',
      example: 'wiki',
    }),
    model,
    max_steps: whole('output', 'Most actions of an episode.', {
      unit: 'actions',
      min: 1,
      max: 1000,
      default: 20,
      example: 25,
    }),
    min_steps: whole(
      'output',
      'Actions before `finish` is offered: an agent that finishes at once teaches nothing (small models tend to).',
      { unit: 'actions', min: 0, max: 20, default: 0, example: 1 },
    ),
    attempts: whole('output', 'Episodes per task.', {
      unit: 'episodes',
      min: 1,
      max: 50,
      selects: true,
      default: 1,
      example: 3,
    }),
    stuck_after: whole('output', 'The same action, or the same state, this many times in a row ends the episode.', {
      unit: 'actions',
      min: 2,
      default: 3,
      example: 4,
    }),
    history_chars: whole('output', 'Length of an earlier observation that the agent is shown again.', {
      unit: 'characters',
      min: 200,
      default: 1200,
      example: 600,
    }),
    task_budget: section(
      'output',
      'What a run may spend on the actions of one task. An episode that has spent it ends there, as one that has reached `max_steps` does.',
      caps('output', { usd: 0.5, tokens: 200_000 }),
      { optional: true },
    ),
    knowledge: Knowledge,
    concurrency: whole('cost', 'Episodes in flight at once.', {
      unit: 'episodes',
      min: 1,
      max: 1000,
      default: 20,
      example: 64,
    }),
    prompt,
    ...calls,
    ...failures,
  },
  { title: 'interact: try each task in the environment (lines 6–14)' },
);
