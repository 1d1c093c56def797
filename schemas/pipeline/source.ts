/** `sources:` of the pipeline file: where documents come from. */
import { type Static, Type } from 'typebox';
import { filled, key, strict } from './key.ts';

const common = {
  limit: Type.Optional(Type.Integer({ minimum: 1, ...key('output', 'Most documents of this source.') })),
  max_chars: filled(
    Type.Integer({
      minimum: 200,
      ...key('output', 'A longer document is split at its headings into parts of about this many characters.', {
        default: 6000,
      }),
    }),
  ),
  parts: Type.Optional(
    Type.Integer({ minimum: 1, ...key('output', 'Most parts taken from one document, from its beginning.') }),
  ),
  license: Type.Optional(Type.String(key('nothing', 'Licence of the documents, for the dataset card.'))),
};

export const SourceSpec = strict({
  package: Type.Optional(
    Type.String(
      key(
        'output',
        'npm package that carries the documents, with version: npm@11.6.0. Left out, `files` is relative to the pipeline file.',
      ),
    ),
  ),
  files: Type.Union(
    [Type.String({ minLength: 1 }), Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })],
    key('output', 'Glob(s); the order of a list is kept.'),
  ),
  ...common,
});
export type SourceSpec = Static<typeof SourceSpec>;
