/** The stage `export`. */
import { type Format, formats } from '../../format.ts';
import { Type } from '../../type.ts';
import { choice, list, number, strict, text } from '../key.ts';

const share = { unit: 'share', min: 0, max: 0.5 } as const;

export const ExportStage = strict(
  {
    uses: Type.Literal('export'),
    formats: list(
      'output',
      'openai: chat JSONL; trl: messages with tools; sharegpt: LLaMA-Factory; atif: Harbor, one file per example; adp: Agent Data Protocol; parquet: one row per example.',
      Type.Unsafe<Format>({ anyOf: formats.map((name) => Type.Literal(name)) }),
      { min: 1, unique: true, example: ['openai', 'parquet'] },
    ),
    chat: choice(
      'output',
      'In openai, trl and sharegpt. turns: one conversation per example; steps: one row per action, its prompt exactly the one that the agent is asked with (paper, Table 32).',
      ['turns', 'steps'],
      { default: 'turns' },
    ),
    finish: choice(
      'output',
      'reply: a finish reply that no model wrote ends each example, so that a tuned agent learns to stop; none: the last recorded action ends it, as in the paper.',
      ['reply', 'none'],
      { default: 'reply' },
    ),
    repeated_steps: choice(
      'output',
      'A recorded step that several examples hold. train: a target in each, as in the paper; context: a target in the longest alone, elsewhere weight 0 or is_copied_context.',
      ['train', 'context'],
      { default: 'train' },
    ),
    path: text('nothing', 'Folder, relative to where lbi runs; ${run} and ${pipeline} are filled in.', {
      default: '.lbi/datasets/${run}',
      example: 'out/${pipeline}/${run}',
    }),
    split: number('output', 'Share of the families (see split_by) held out as the test split.', {
      ...share,
      default: 0.1,
      example: 0.2,
    }),
    validation: number('output', 'Share of the families held out as the validation split.', {
      ...share,
      default: 0,
      example: 0.1,
    }),
    split_by: choice(
      'output',
      'What is never on two sides: all parts of a document; all attempts at a task; all of an environment, by its name.',
      ['document', 'task', 'environment'],
      { default: 'document' },
    ),
  },
  { title: 'export: write the dataset' },
);
