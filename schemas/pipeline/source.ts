/** `sources:` of the pipeline file: where documents come from. */
import { type Static, Type } from 'typebox';
import { key, strict, text, whole } from './key.ts';

const common = {
  limit: whole('output', 'Most documents of this source.', {
    unit: 'documents',
    min: 1,
    optional: true,
    example: 200,
  }),
  max_chars: whole('output', 'A longer document is split at its headings into parts of about this length.', {
    unit: 'characters',
    min: 200,
    default: 6000,
    example: 3000,
  }),
  parts: whole('output', 'Most parts taken from one document, from its beginning.', {
    unit: 'parts',
    min: 1,
    optional: true,
    example: 1,
  }),
  license: text('nothing', 'Licence of the documents, for the dataset card.', {
    optional: true,
    example: 'CC-BY-4.0',
  }),
};

export const SourceSpec = strict({
  package: text(
    'output',
    'npm package that carries the documents, with version. Left out, `files` is relative to the pipeline file.',
    { optional: true, example: 'npm@11.6.2' },
  ),
  files: Type.Union(
    [Type.String({ minLength: 1 }), Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })],
    key('output', 'Glob(s); the order of a list is kept.', { names: 'glob', example: 'docs/**/*.md' }),
  ),
  ...common,
});
export type SourceSpec = Static<typeof SourceSpec>;
