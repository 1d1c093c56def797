/** The pipeline's schema as editors read it: JSON Schema draft-07, with placeholders allowed wherever a number, a switch or a choice stands, and a looser form for files that extend others. */
import type { Json, JsonObject } from '../../schemas/common.ts';
import { isOwnPath } from '../own-path.ts';
import { isMap, pipelineSchema, type SchemaNode, tagValues, vocabulary } from './schema.ts';

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

const placeholder = { type: 'string', pattern: '^\\$\\{(env|input):[^{}]+\\}$' } as const;

/** A `whole` file has all that a pipeline needs; a `part` is laid on others: nothing is required, and null removes. */
type Form = 'whole' | 'part';

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

/** Keys that only a module knows are let through where its path stands beside them; elsewhere they would hide every slip. */
const pathOf = ({ properties = {} }: SchemaNode): { required?: string[] } => {
  const tag = Object.keys(properties).find((name) => properties[name]?.pattern === ownPattern);
  return tag === undefined ? {} : { required: [tag] };
};

const ownPattern = '^\\.{0,2}/';

const convert = (given: SchemaNode, form: Form): JsonObject => {
  const schema = withOwn(given);
  const kept: JsonObject = Object.fromEntries(
    Object.entries(schema)
      .filter(([name]) => !left.has(name) && !(form === 'part' && ['required', 'oneOf'].includes(name)))
      .map(([name, value]): [string, Json] => [name, convertPart(name, value, form)]),
  );
  const description = describe(schema);
  const said: JsonObject = description === undefined ? {} : { description };
  if (form === 'part' && schema.oneOf !== undefined)
    kept.anyOf = schema.oneOf.map((each) => ({ ...convert(each, form), ...pathOf(each) }));
  if (takesPlaceholder(schema)) {
    const { default: value, ...given } = kept;
    // As on the command line: beyond it a number is not the one that was written.
    const own = schema.type === 'integer' ? { maximum: Number.MAX_SAFE_INTEGER, ...given } : given;
    return { ...said, ...(value === undefined ? {} : { default: value }), anyOf: [own, { ...placeholder }] };
  }
  if (schema.items !== undefined) return { ...said, ...withChanges(schema, kept, form) };
  const any = schema.patternProperties?.['^.*$'];
  if (any === undefined) return { ...said, ...kept };
  const { patternProperties: _replaced, ...own } = kept;
  return { ...said, ...own, additionalProperties: below(any, form) };
};

/** Numbers, switches and choices of texts. A tag is none: completion depends on it. */
const takesPlaceholder = ({ type, anyOf }: SchemaNode): boolean =>
  (type !== undefined && ['integer', 'number', 'boolean'].includes(type)) ||
  anyOf?.every((branch) => typeof branch.const === 'string') === true;

/** In a part, a list can also be changed item by item: stages by name, others by number. New items are whole ones. */
const withChanges = (schema: SchemaNode, kept: JsonObject, form: Form): JsonObject => {
  if (form === 'whole') return kept;
  const items = schema.items ?? {};
  const byName = items.discriminator?.propertyName === 'uses';
  const stages = byName
    ? tagValues(items).map((name, index) => [name, stageByName(items.oneOf?.[index])] as const)
    : [];
  const changes: JsonObject = {
    ...{ type: 'object', additionalProperties: false, minProperties: 1 },
    ...(byName
      ? { properties: Object.fromEntries(stages), patternProperties: { '^\\.{0,2}/': {} } }
      : { patternProperties: { '^[0-9]+$': below(items, 'part') } }),
  };
  const { default: value, ...own } = kept;
  const list = itemsOf(schema);
  const whole = list === undefined ? own : { ...own, items: { $ref: `#/definitions/whole/properties/${list}/items` } };
  return { ...(value === undefined ? {} : { default: value }), anyOf: [whole, changes] };
};

/** The key of the file that is this list of maps: its items need not be written down twice. */
const itemsOf = (schema: SchemaNode): string | undefined =>
  Object.entries(pipelineSchema.properties ?? {}).find(
    ([, { items }]) => items !== undefined && items === schema.items,
  )?.[0];

const stageByName = (stage: SchemaNode | undefined): JsonObject => {
  const { uses: _named, ...properties } = stage?.properties ?? {};
  return below({ ...stage, properties }, 'part');
};

/** A value below a key: in a part, null may stand there. */
const below = (schema: SchemaNode, form: Form): JsonObject => {
  const converted = convert(schema, form);
  if (form === 'whole' || schema.const !== undefined) return converted;
  const { description, default: value, type, anyOf, ...rest } = converted;
  const said = {
    ...(description === undefined ? {} : { description }),
    ...(value === undefined ? {} : { default: value }),
  };
  if (Array.isArray(anyOf) && type === undefined) return { ...said, ...rest, anyOf: [...anyOf, { type: 'null' }] };
  if (typeof type === 'string' && anyOf === undefined) return { ...said, type: [type, 'null'], ...rest };
  return {
    ...said,
    anyOf: [
      { ...rest, ...(type === undefined ? {} : { type }), ...(anyOf === undefined ? {} : { anyOf }) },
      { type: 'null' },
    ],
  };
};

const convertPart = (name: string, value: unknown, form: Form): Json => {
  if (name === 'properties' || name === 'patternProperties') {
    const schemas = Object.entries(value as Record<string, SchemaNode>);
    return Object.fromEntries(schemas.map(([key, schema]) => [key, below(schema, form)]));
  }
  if (name === 'oneOf' || name === 'anyOf') return (value as SchemaNode[]).map((schema) => convert(schema, form));
  if (name === 'items') return convert(value as SchemaNode, 'whole');
  return value as Json;
};

/** A whole file, or a part of one; profiles are parts too. */
const fileSchema = (schema: SchemaNode, form: Form): JsonObject => {
  const converted = convert(schema, form);
  const { properties } = converted;
  if (!isMap(properties) || !isMap(properties.profiles)) return converted;
  const profiles = { ...properties.profiles, additionalProperties: { $ref: '#/definitions/part' } };
  return { ...converted, properties: { ...properties, profiles } };
};

const has = (name: string): JsonObject => ({ properties: { [name]: {} }, required: [name] });

/**
 * The document that `pipeline.schema.json` holds. Files without version and name are there to be extended. With a schema in which a
 * file's own modules are variants, one for that file.
 */
export const editorSchema = (schema: SchemaNode = pipelineSchema): JsonObject => ({
  $schema: 'http://json-schema.org/draft-07/schema#',
  type: 'object',
  if: { properties: { extends: false }, anyOf: [has('version'), has('name')] },
  // biome-ignore lint/suspicious/noThenProperty: JSON Schema's own word
  then: { $ref: '#/definitions/whole' },
  else: { $ref: '#/definitions/part' },
  definitions: { whole: fileSchema(schema, 'whole'), part: fileSchema(schema, 'part') },
});
