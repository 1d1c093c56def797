/** Forms of a JSON Schema that vendors' constrained decoding accepts. Whatever a form loses, the reply is checked with the whole schema. */
import type { Json, JsonSchema } from '../schemas/common.ts';

const annotations = ['title', 'description'];
const structure = ['type', 'enum', 'anyOf', 'properties', 'required', 'additionalProperties', 'items', '$ref', '$defs'];
const numbers = ['minimum', 'maximum', 'minItems', 'maxItems'];
const formats = ['date-time', 'time', 'date', 'duration', 'email', 'hostname', 'ipv4', 'ipv6', 'uuid'];

/** Keywords of OpenAI's strict mode. */
const openaiKeywords = new Set([
  ...annotations,
  ...structure,
  ...numbers,
  'const',
  'pattern',
  'format',
  'multipleOf',
  'exclusiveMinimum',
  'exclusiveMaximum',
]);
/** Keywords of Gemini's `responseJsonSchema`. */
const geminiKeywords = new Set([...annotations, ...structure, ...numbers, 'format', 'prefixItems']);

const isObject = (value: Json | undefined): value is JsonSchema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Every schema inside a schema, itself first. */
function* schemasIn(schema: Json | undefined): Generator<JsonSchema> {
  if (Array.isArray(schema)) for (const item of schema) yield* schemasIn(item);
  if (!isObject(schema)) return;
  yield schema;
  for (const key of ['anyOf', 'oneOf', 'allOf', 'items', 'prefixItems', 'not', 'if', 'then', 'else'])
    yield* schemasIn(schema[key]);
  for (const key of ['properties', '$defs', 'definitions', 'patternProperties']) {
    const map = schema[key];
    if (isObject(map)) for (const item of Object.values(map)) yield* schemasIn(item);
  }
  yield* schemasIn(schema.additionalProperties);
}

/** True when some object in the schema takes keys that are not named, which decoding with closed objects could never produce. */
export const takesAnyKey = (schema: JsonSchema): boolean => {
  for (const inner of schemasIn(schema)) {
    if (inner.patternProperties !== undefined) return true;
    if (inner.additionalProperties === true || isObject(inner.additionalProperties)) return true;
    if (inner.type === 'object' && inner.properties === undefined && inner.additionalProperties !== false) return true;
  }
  return false;
};

/** OpenAI's strict form (closed objects, every key required), or undefined when the schema cannot be said in it. */
export const openaiStrict = (schema: JsonSchema): JsonSchema | undefined => {
  if (takesAnyKey(schema) || schema.type !== 'object') return undefined;
  for (const inner of schemasIn(schema)) {
    if (inner.allOf !== undefined || inner.prefixItems !== undefined) return undefined;
    const required = Array.isArray(inner.required) ? inner.required : [];
    if (isObject(inner.properties) && !Object.keys(inner.properties).every((name) => required.includes(name)))
      return undefined;
  }
  return form(schema, openaiKeywords, (made) =>
    made.type === 'object' ? { ...made, additionalProperties: false } : made,
  );
};

/** The form Gemini takes: constants as one-value enumerations, unknown keywords left out. */
export const geminiForm = (schema: JsonSchema): JsonSchema =>
  form(schema, geminiKeywords, (made, source) =>
    source.const === undefined ? made : { ...made, enum: [source.const] },
  );

type Finish = (made: JsonSchema, source: JsonSchema) => JsonSchema;

const form = (schema: JsonSchema, keywords: Set<string>, finish: Finish): JsonSchema => {
  const made: JsonSchema = {};
  for (const [key, value] of Object.entries(schema)) {
    const name = key === 'oneOf' ? 'anyOf' : key;
    if (keywords.has(name) && sayable(name, value)) made[name] = inside(name, value, keywords, finish);
  }
  return finish(made, schema);
};

const sayable = (key: string, value: Json): boolean => {
  if (key === 'format') return formats.includes(String(value));
  // Look-around is not regular, so no decoder compiles it.
  return key !== 'pattern' || !String(value).includes('(?');
};

const inside = (key: string, value: Json, keywords: Set<string>, finish: Finish): Json => {
  if (key === 'enum' || key === 'const' || key === 'required') return value;
  if (Array.isArray(value)) return value.map((item) => (isObject(item) ? form(item, keywords, finish) : item));
  if (!isObject(value)) return value;
  if (key !== 'properties' && key !== '$defs') return form(value, keywords, finish);
  const entries = Object.entries(value).map(([name, item]) => [
    name,
    isObject(item) ? form(item, keywords, finish) : item,
  ]);
  return Object.fromEntries(entries) as JsonSchema;
};

/** The words that ask for JSON of a schema, for services that cannot be made to produce it. */
export const schemaInWords = (schema: JsonSchema): string =>
  `Answer with one JSON value and nothing else. It must satisfy this JSON Schema:\n${JSON.stringify(schema)}`;
