/** Any action's parameters in the dialect that structured output of providers understands. */
import type { Json, JsonObject, JsonSchema } from '../schemas/common.ts';

/** Bounds for what a definition leaves open. */
const stringChars = 2000;
const arrayItems = 50;

/**
 * The same values, said strictly: every property required, the optional ones nullable, no others allowed, strings and lists bounded.
 * `withoutNulls` undoes it in a reply.
 */
export function strictSchema(schema: JsonSchema): JsonSchema {
  if (schema.const !== undefined || schema.enum !== undefined) return schema;
  const alternatives = schema.anyOf;
  if (Array.isArray(alternatives))
    return { ...schema, anyOf: alternatives.map((member) => strictSchema(asObject(member))) };
  const type = schema.type;
  if (type === 'object' || schema.properties !== undefined) return strictObject(schema);
  if (type === 'array') {
    return { maxItems: arrayItems, ...schema, items: strictSchema(asObject(schema.items)) };
  }
  const holdsText = type === 'string' || (Array.isArray(type) && type.includes('string'));
  return holdsText ? { maxLength: stringChars, ...schema } : schema;
}

/** A reply's value as the definition has it: properties that are null and optional there are left out, at every depth. */
export function withoutNulls(value: Json, schema: JsonSchema): Json {
  if (Array.isArray(value)) return value.map((item) => withoutNulls(item, asObject(schema.items)));
  if (value === null || typeof value !== 'object') return value;
  const properties = asObject(schema.properties);
  const required = requiredOf(schema);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, member]) => member !== null || required.includes(key))
      .map(([key, member]) => [key, withoutNulls(member, asObject(properties[key]))]),
  );
}

/** The value as an object; an empty one when it is anything else. */
export function asObject(value: Json | undefined): JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? value : {};
}

function strictObject(schema: JsonSchema): JsonSchema {
  const required = requiredOf(schema);
  const properties = Object.entries(asObject(schema.properties)).map(([key, member]) => {
    const strict = strictSchema(asObject(member));
    return [key, required.includes(key) ? strict : { anyOf: [strict, { type: 'null' }] }];
  });
  return {
    ...schema,
    type: 'object',
    properties: Object.fromEntries(properties),
    required: properties.map(([key]) => String(key)),
    additionalProperties: false,
  };
}

function requiredOf(schema: JsonSchema): Json[] {
  return Array.isArray(schema.required) ? schema.required : [];
}
