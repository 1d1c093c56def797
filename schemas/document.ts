/** A document: one piece of the standard resources (documentation) that tasks are invented from. */
import { type Static, Type } from 'typebox';

export const Document = Type.Object({
  id: Type.String({ description: 'stable within its source, e.g. a relative path with #part' }),
  source: Type.String({ description: 'where it came from: package@version, path or URL' }),
  title: Type.String(),
  text: Type.String(),
  span: Type.Optional(
    Type.Object({ from: Type.Integer(), to: Type.Integer() }, { description: 'characters of the original text' }),
  ),
  license: Type.Optional(Type.String()),
});
export type Document = Static<typeof Document>;
