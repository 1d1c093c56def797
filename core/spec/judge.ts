/**
 * Ajv's verdict on a whole spec: the gate in front of every plan. `validate` walks the tree itself, because it must say where and
 * how, and because compiling a schema takes longer than the rest of the command; that the two agree is tested over thousands of specs.
 */
import { Ajv } from 'ajv';
import type { Json } from '../../schemas/common.ts';
import { isAddress } from './address.ts';
import { type SchemaNode, vocabulary } from './schema.ts';

/** What does not fit, in Ajv's words; undefined when all does. */
export const judge = (schema: SchemaNode): ((spec: Json) => string | undefined) => {
  const ajv = new Ajv({ discriminator: true, strict: true });
  ajv.addVocabulary([...vocabulary]);
  ajv.addFormat('uri', isAddress);
  const fits = ajv.compile(schema);
  return (spec) => (fits(spec) ? undefined : ajv.errorsText(fits.errors, { dataVar: 'the pipeline' }));
};
