/** A document: one piece of the standard resources (documentation) that tasks are invented from. */
import type { Static } from 'typebox';
import type { Json } from './common.ts';
import { Type } from './type.ts';

export const Document = Type.Object({
  id: Type.String({ description: 'stable within its source, e.g. a relative path with #part' }),
  source: Type.String({ description: 'where it came from: package@version, repository@commit, path or URL' }),
  title: Type.String(),
  text: Type.String(),
  span: Type.Optional(
    Type.Object(
      { from: Type.Integer(), to: Type.Integer() },
      { description: 'characters of the original text; of HTML and PDF, of the text that was read from it' },
    ),
  ),
  pages: Type.Optional(
    Type.Object({ from: Type.Integer(), to: Type.Integer() }, { description: 'pages of a PDF, from 1, both included' }),
  ),
  language: Type.Optional(Type.String({ description: 'of source code, as Markdown names it' })),
  kind: Type.Optional(
    Type.Union([
      Type.Literal('observation', { description: 'no documentation: what is seen of an environment at the start' }),
      Type.Literal('goal', {
        description: 'no documentation: what an environment itself asks for, a task as it stands',
      }),
    ]),
  ),
  start: Type.Optional(
    Type.Object(
      { seed: Type.Integer(), setup: Type.Unsafe<Json>({}) },
      { description: 'the state of the environment that its tasks begin from' },
    ),
  ),
  license: Type.Optional(Type.String()),
});
export type Document = Static<typeof Document>;
