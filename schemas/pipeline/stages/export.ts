/** The stage `export`. */
import { Type } from '../../type.ts';
import { list, number, strict, text } from '../key.ts';

export const ExportStage = strict(
  {
    uses: Type.Literal('export'),
    formats: list(
      'output',
      'openai: chat JSONL for fine-tuning; parquet: one row per example.',
      Type.Union([Type.Literal('openai'), Type.Literal('parquet')]),
      { min: 1, unique: true, example: ['openai', 'parquet'] },
    ),
    path: text('nothing', 'Folder, relative to where lbi runs; ${run} and ${pipeline} are filled in.', {
      default: '.lbi/datasets/${run}',
      example: 'out/${pipeline}/${run}',
    }),
    split: number('output', 'Share of documents held out as the test split.', {
      unit: 'share',
      min: 0,
      max: 0.5,
      default: 0.1,
      example: 0.2,
    }),
  },
  { title: 'export: write the dataset' },
);
