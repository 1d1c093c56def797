/** The pipeline's JSON Schema as data: which part of it governs a value, and what it says in words. */
import type { Json } from '../../schemas/common.ts';
import type { Effect, Names } from '../../schemas/pipeline/key.ts';
import { PipelineSpec } from '../../schemas/pipeline/pipeline.ts';

/** The part of JSON Schema that the house's schemas use. */
export interface SchemaNode {
  type?: string;
  const?: Json;
  title?: string;
  description?: string;
  default?: Json;
  properties?: Record<string, SchemaNode>;
  patternProperties?: Record<string, SchemaNode>;
  propertyNames?: SchemaNode;
  additionalProperties?: boolean | SchemaNode;
  required?: string[];
  items?: SchemaNode;
  anyOf?: SchemaNode[];
  oneOf?: SchemaNode[];
  discriminator?: { propertyName: string };
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  minItems?: number;
  minProperties?: number;
  uniqueItems?: boolean;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  enum?: Json[];
  not?: SchemaNode;
  format?: string;
  examples?: Json[];
  'x-effect'?: Effect;
  'x-unit'?: string;
  'x-names'?: Names;
  'x-selects'?: boolean;
  /** Beside `oneOf`: what every module of the user's own has, the tag by its pattern. */
  'x-own'?: SchemaNode;
  'x-told-by'?: string[];
  /** Keys that were here once → where they are now. */
  'x-moved'?: Record<string, string>;
}

/** The words that the house's schemas add to JSON Schema's. */
export const vocabulary = ['x-effect', 'x-unit', 'x-names', 'x-selects', 'x-own', 'x-told-by', 'x-moved'] as const;

/** The schema of the pipeline file. */
export const pipelineSchema: SchemaNode = JSON.parse(JSON.stringify(PipelineSpec));

export const isMap = (value: Json | undefined): value is { [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What a value is, in JSON Schema's words. */
export const typeOf = (value: Json | undefined): string => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number' && !Number.isFinite(value)) return 'infinite';
  // Beyond these bounds a number is no longer the one that was written.
  if (typeof value === 'number' && Number.isSafeInteger(value)) return 'integer';
  return typeof value;
};

/** Whether a value has the type, or is the constant, that a schema asks for; what else it asks is not looked at. */
export const fits = (schema: SchemaNode, value: Json): boolean => {
  const type = typeOf(value);
  if (schema.const !== undefined) return schema.const === value;
  return schema.type === undefined || schema.type === type || (schema.type === 'number' && type === 'integer');
};

/** The schema of a key that is written out in `properties`: a key may be called `constructor`, and is not known for that. */
export const propertyOf = ({ properties }: SchemaNode, name: string): SchemaNode | undefined =>
  properties !== undefined && Object.hasOwn(properties, name) ? properties[name] : undefined;

/** The variant that the tag names, or the branch that the shape fits, or the schema itself. */
export const resolveSchema = (schema: SchemaNode, value: Json): SchemaNode => {
  const tag = schema.discriminator?.propertyName;
  if (tag !== undefined && isMap(value)) {
    return schema.oneOf?.find((variant) => variant.properties?.[tag]?.const === value[tag]) ?? schema;
  }
  const branches = schema.anyOf?.filter((branch) => fits(branch, value)) ?? [];
  const shared = (branch: SchemaNode): number =>
    isMap(value) ? Object.keys(value).filter((name) => propertyOf(branch, name) !== undefined).length : 0;
  return branches.toSorted((one, other) => shared(other) - shared(one))[0] ?? schema;
};

/** The schema of an entry or item of a value that `schema` (resolved) governs; undefined where anything goes. */
export const childSchema = (schema: SchemaNode, step: string | number): SchemaNode | undefined => {
  if (typeof step === 'number') return schema.items;
  const own = propertyOf(schema, step);
  if (own !== undefined) return own;
  const pattern = Object.keys(schema.patternProperties ?? {}).find((candidate) => new RegExp(candidate).test(step));
  return pattern === undefined ? undefined : schema.patternProperties?.[pattern];
};

/** True for the keys that the engine does not read: `x-*` of an object with known keys. */
export const isNote = (schema: SchemaNode, name: string): boolean =>
  schema.properties !== undefined && propertyOf(schema, name) === undefined && name.startsWith('x-');

/** A range of numbers in words, or an empty text. */
const range = (schema: SchemaNode): string => {
  if (schema.exclusiveMinimum !== undefined) return ` above ${schema.exclusiveMinimum}`;
  if (schema.minimum !== undefined && schema.maximum !== undefined)
    return ` from ${schema.minimum} to ${schema.maximum}`;
  return schema.minimum === undefined ? '' : ` of ${schema.minimum} or more`;
};

/** What a schema accepts, one entry a choice, in words: `unanimous`, `a whole number from 1 to 200`. */
export const accepts = (schema: SchemaNode): string[] => {
  if (schema.const !== undefined) return [String(schema.const)];
  if (schema.anyOf !== undefined) return schema.anyOf.flatMap(accepts);
  const tag = schema.discriminator?.propertyName;
  if (tag !== undefined) return [`a map with the key ${tag}: ${tagValues(schema).join(' | ')}`];
  if (schema.type === 'integer') return [`a whole number${range(schema)}`];
  if (schema.type === 'number') return [`a number${range(schema)}`];
  if (schema.type === 'boolean') return ['true', 'false'];
  if (schema.type === 'array')
    return [`a list: ${schema.items === undefined ? 'any values' : accepts(schema.items).join(' | ')}`];
  if (schema.type === 'object')
    return [schema.required === undefined ? 'a map' : `{ ${schema.required.join(': …, ')}: … }`];
  const names = schema['x-names'];
  if (names === 'file' || names === 'prompt') return ['a path'];
  if (names === 'model' || names === 'environment')
    return [`the name of ${names === 'model' ? 'a model' : 'an environment'}`];
  return [schema.type === 'string' ? 'a text' : 'any value'];
};

/** The values that tell the variants apart. */
export const tagValues = (schema: SchemaNode): string[] => {
  const tag = schema.discriminator?.propertyName ?? '';
  return (schema.oneOf ?? []).map((variant) => String(variant.properties?.[tag]?.const));
};
