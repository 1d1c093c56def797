/** The pipeline's schema as editors read it: JSON Schema draft-07, with `${env:…}` allowed wherever a number or a switch stands. */
import type { Json, JsonObject } from '../../schemas/common.ts';
import { isMap, pipelineSchema, type SchemaNode, vocabulary } from './schema.ts';

const effects = {
  output: 'Changing it makes finished work run again.',
  cost: 'Changes cost or speed only; finished work is kept.',
  nothing: '',
} as const;

const isPlain = (value: Json | undefined): boolean => value !== undefined && !isMap(value);

const describe = (schema: SchemaNode): string | undefined => {
  if (schema.description === undefined) return undefined;
  const said = [
    schema.description,
    ...(schema['x-unit'] === undefined ? [] : [`Unit: ${schema['x-unit']}.`]),
    // Editors show the default of a key that takes one type alone, and these take ${env:…} too.
    ...(isPlain(schema.default) ? [`Default: ${JSON.stringify(schema.default)}.`] : []),
  ].join(' ');
  const chosen = schema['x-effect'] === undefined ? '' : effects[schema['x-effect']];
  const effect = schema['x-selects'] === true ? 'Changing it runs only what is new.' : chosen;
  return effect === '' ? said : `${said}\n\n${effect}`;
};

/** What draft-07 has no word for, or what an editor must not check because the engine fills it in first. */
const left = new Set<string>(['discriminator', ...vocabulary, 'format', '$id', 'description']);

const convertMap = (schemas: Record<string, SchemaNode>): JsonObject =>
  Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, convert(schema)]));

const fromEnvironment = { type: 'string', pattern: '^\\$\\{env:[^{}]+\\}$' } as const;

const convert = (schema: SchemaNode): JsonObject => {
  const kept: JsonObject = Object.fromEntries(
    Object.entries(schema)
      .filter(([name]) => !left.has(name))
      .map(([name, value]): [string, Json] => [name, convertPart(name, value)]),
  );
  const description = describe(schema);
  const said: JsonObject = description === undefined ? {} : { description };
  if (schema.type !== undefined && ['integer', 'number', 'boolean'].includes(schema.type)) {
    const { default: value, ...given } = kept;
    // As on the command line: beyond it a number is not the one that was written.
    const own = schema.type === 'integer' ? { maximum: Number.MAX_SAFE_INTEGER, ...given } : given;
    return { ...said, ...(value === undefined ? {} : { default: value }), anyOf: [own, { ...fromEnvironment }] };
  }
  const any = schema.patternProperties?.['^.*$'];
  if (any === undefined) return { ...said, ...kept };
  const { patternProperties: _replaced, ...own } = kept;
  return { ...said, ...own, additionalProperties: convert(any) };
};

const convertPart = (name: string, value: unknown): Json => {
  if (name === 'properties' || name === 'patternProperties') return convertMap(value as Record<string, SchemaNode>);
  if (name === 'oneOf' || name === 'anyOf') return (value as SchemaNode[]).map(convert);
  if (name === 'items') return convert(value as SchemaNode);
  return value as Json;
};

/** The document that `pipeline.schema.json` holds. */
export const editorSchema = (): JsonObject => ({
  $schema: 'http://json-schema.org/draft-07/schema#',
  ...convert(pipelineSchema),
});
