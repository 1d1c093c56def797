/** The pipeline's schema as editors read it: JSON Schema draft-07, with `${env:…}` allowed wherever a number or a switch stands. */
import type { Json, JsonObject } from '../../schemas/common.ts';
import { isOwnPath } from '../own-path.ts';
import { pipelineSchema, type SchemaNode, vocabulary } from './schema.ts';

const effects = {
  output: 'Changing it makes finished work run again.',
  cost: 'Changes cost or speed only; finished work is kept.',
  nothing: '',
} as const;

const describe = (schema: SchemaNode): string | undefined => {
  if (schema.description === undefined) return undefined;
  const said = [schema.description, ...(schema['x-unit'] === undefined ? [] : [`Unit: ${schema['x-unit']}.`])].join(
    ' ',
  );
  const chosen = schema['x-effect'] === undefined ? '' : effects[schema['x-effect']];
  const effect = schema['x-selects'] === true ? 'Changing it runs only what is new.' : chosen;
  return effect === '' ? said : `${said}\n\n${effect}`;
};

/** What draft-07 has no word for, or what an editor must not check because the engine fills it in first. */
const left = new Set<string>(['discriminator', ...vocabulary, 'format', '$id', 'description']);

const convertMap = (schemas: Record<string, SchemaNode>): JsonObject =>
  Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, convert(schema)]));

const fromEnvironment = { type: 'string', pattern: '^\\$\\{env:[^{}]+\\}$' } as const;

/** Beside ours, any path names a variant, whose keys only its module knows; those that are known here are told apart by their tag. */
const withOwn = (schema: SchemaNode): SchemaNode => {
  const { 'x-own': own, oneOf = [], discriminator } = schema;
  const tag = discriminator?.propertyName ?? '';
  const path = own?.properties?.[tag];
  if (own === undefined || path === undefined) return schema;
  const known = oneOf
    .flatMap((variant) => variant.properties?.[tag]?.const ?? [])
    .filter((name) => isOwnPath(String(name)));
  const others = { ...path, ...(known.length === 0 ? {} : { not: { enum: known } }) };
  const { patternProperties: _notes, additionalProperties: _closed, ...open } = own;
  return { ...schema, oneOf: [...oneOf, { ...open, properties: { ...own.properties, [tag]: others } }] };
};

const convert = (given: SchemaNode): JsonObject => {
  const schema = withOwn(given);
  const kept: JsonObject = Object.fromEntries(
    Object.entries(schema)
      .filter(([name]) => !left.has(name))
      .map(([name, value]): [string, Json] => [name, convertPart(name, value)]),
  );
  const description = describe(schema);
  const said: JsonObject = description === undefined ? {} : { description };
  if (schema.type !== undefined && ['integer', 'number', 'boolean'].includes(schema.type)) {
    const { default: value, ...own } = kept;
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

/** The document that `pipeline.schema.json` holds; with a schema in which a file's own modules are variants, one for that file. */
export const editorSchema = (schema: SchemaNode = pipelineSchema): JsonObject => ({
  $schema: 'http://json-schema.org/draft-07/schema#',
  ...convert(schema),
});
