/**
 * JSON Schema → GBNF, the grammar language of llama.cpp. Own code because the library's translation requires every property,
 * knows no `anyOf` and lets the model choose white space; here the layout is fixed, so that most of a reply can be forced.
 */
import { ModelError } from '../../core/errors.ts';
import type { Json, JsonSchema } from '../../schemas/common.ts';

/** Characters a string may have where its schema sets no `maxLength`: small models do not stop by themselves. */
export const defaultMaxLength = 600;
/** The most characters of any string: llama.cpp refuses grammars that repeat a rule much more often. */
const mostCharacters = 2000;
const mostItems = 40;

const primitives: Record<string, string> = {
  char: '[^"\\\\\\x00-\\x1F\\x7F] | "\\\\" (["\\\\/bfnrt] | "u" [0-9a-fA-F]{4})',
  solid: '[^"\\\\ \\x00-\\x1F\\x7F] | "\\\\" (["\\\\/bfnrt] | "u" [0-9a-fA-F]{4})',
  string: `"\\"" char{0,${defaultMaxLength}} "\\""`,
  integer: '"-"? ("0" | [1-9] [0-9]{0,14})',
  number: 'integer ("." [0-9]{1,12})?',
  boolean: '"true" | "false"',
  null: '"null"',
  value: 'string | number | boolean | null | list | map',
  list: '"[" (value (", " value){0,15})? "]"',
  map: '"{" (string ": " value (", " string ": " value){0,15})? "}"',
};

/** Collects the rules of one grammar; a schema object met twice is written once, so recursive `$ref`s end. */
interface Rules {
  root: JsonSchema;
  text: Map<string, string>;
  references: Map<string, string>;
}

/** What surrounds the value: the schema that `$ref`s point into, the text before it, whether its opening quote is there already, the text after it. */
export interface Frame {
  root: JsonSchema;
  lead: string;
  inString: boolean;
  after: string;
}

/**
 * Grammar of a value of the schema, then `after`. Keywords beyond its reach (`pattern`, `minimum` …) only widen it:
 * the reply is checked against the schema afterwards. Throws a `spec` ModelError for a schema without any translation.
 */
export function grammarOf(schema: JsonSchema, frame: Frame): string {
  const rules: Rules = { root: frame.root, text: new Map(), references: new Map() };
  const value = frame.inString ? `${characters(schema)} "\\""` : valueRule(schema, rules);
  const lines = [`root ::= ${literal(frame.lead)} ${value} ${literal(frame.after)}`];
  for (const [name, rule] of rules.text) lines.push(`${name} ::= ${rule}`);
  for (const [name, rule] of Object.entries(primitives)) lines.push(`${name} ::= ${rule}`);
  return lines.join('\n');
}

/** JSON text in the layout that grammars write: one blank after every colon and comma. */
export function layout(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(layout).join(', ')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const entries = Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}: ${layout(member)}`);
  return `{${entries.join(', ')}}`;
}

/** Follows `$ref` within the root schema. */
export function dereference(schema: JsonSchema, root: JsonSchema): JsonSchema {
  let current = schema;
  for (let hops = 0; typeof current.$ref === 'string'; hops++) {
    const path = current.$ref;
    const parts = path === '#' ? [] : path.replace(/^#\//, '').split('/');
    let target: Json | undefined = root;
    for (const part of parts) target = member(target, part.replaceAll('~1', '/').replaceAll('~0', '~'));
    if (!path.startsWith('#') || !isSchema(target) || hops > 20) {
      throw new ModelError('spec', `The reply schema refers to ${path}, which is not a schema inside it.`);
    }
    current = target;
  }
  return current;
}

/** True for a JSON object. */
export const isSchema = (value: Json | undefined): value is JsonSchema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The schemas of an object schema's properties, in order, and whether each must be there. */
export function propertiesOf(schema: JsonSchema): { name: string; schema: JsonSchema; required: boolean }[] {
  const required = Array.isArray(schema.required) ? schema.required : [];
  return Object.entries(isSchema(schema.properties) ? schema.properties : {}).map(([name, property]) => ({
    name,
    schema: isSchema(property) ? property : {},
    required: required.includes(name),
  }));
}

function valueRule(schema: JsonSchema, rules: Rules): string {
  if (typeof schema.$ref !== 'string') return `(${expression(schema, rules)})`;
  const known = rules.references.get(schema.$ref);
  if (known !== undefined) return known;
  const name = `ref${rules.references.size}`;
  rules.references.set(schema.$ref, name);
  rules.text.set(name, expression(dereference(schema, rules.root), rules));
  return name;
}

function expression(schema: JsonSchema, rules: Rules): string {
  if (schema.const !== undefined) return literal(layout(schema.const));
  if (Array.isArray(schema.enum)) return schema.enum.map((value) => literal(layout(value))).join(' | ');
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (Array.isArray(alternatives)) return either(alternatives.filter(isSchema), rules);
  if (Array.isArray(schema.allOf)) return expression(merged(schema, rules.root), rules);
  if (Array.isArray(schema.type))
    return either(
      schema.type.map((type) => ({ ...schema, type })),
      rules,
    );
  return typeRule(schema, rules);
}

function typeRule(schema: JsonSchema, rules: Rules): string {
  const type = schema.type ?? (schema.properties === undefined ? undefined : 'object');
  if (type === undefined) return 'value';
  if (type === 'object') return objectRule(schema, rules);
  if (type === 'array') return arrayRule(schema, rules);
  if (type === 'string') return `"\\"" ${characters(schema)} "\\""`;
  if (type === 'integer' || type === 'number') return type;
  if (type === 'boolean' || type === 'null') return type;
  throw new ModelError(
    'spec',
    `The reply schema has the type ${JSON.stringify(type)}, which JSON Schema does not know.`,
  );
}

const either = (schemas: JsonSchema[], rules: Rules) => schemas.map((one) => valueRule(one, rules)).join(' | ');

/** Least and most characters of a string; bounded even where the schema sets no bound. */
export function stringBounds(schema: JsonSchema): { least: number; most: number } {
  const least = Math.min(whole(schema.minLength, 0), mostCharacters);
  return { least, most: Math.min(Math.max(least, whole(schema.maxLength, defaultMaxLength)), mostCharacters) };
}

/** A string does not end in a blank: small models write ` "` to quote a word, and it would end the string there. */
function characters(schema: JsonSchema): string {
  const { least, most } = stringBounds(schema);
  if (most === 0) return '""';
  const filled = `char{${Math.max(0, least - 1)},${most - 1}} solid`;
  return least === 0 ? `(${filled})?` : filled;
}

function arrayRule(schema: JsonSchema, rules: Rules): string {
  const item = isSchema(schema.items) ? valueRule(schema.items, rules) : 'value';
  const least = whole(schema.minItems, 0);
  const most = Math.max(least, whole(schema.maxItems, mostItems));
  if (most === 0) return '"[]"';
  const items = `${item} (", " ${item}){${Math.max(0, least - 1)},${most - 1}}`;
  return least === 0 ? `"[" (${items})? "]"` : `"[" ${items} "]"`;
}

/** Properties in their order; an optional one may be left out. With none declared, a map of the additional ones. */
function objectRule(schema: JsonSchema, rules: Rules): string {
  const properties = propertiesOf(schema);
  if (properties.length === 0) {
    if (schema.additionalProperties === false) return '"{}"';
    const extra = isSchema(schema.additionalProperties) ? valueRule(schema.additionalProperties, rules) : 'value';
    return `"{" (string ": " ${extra} (", " string ": " ${extra}){0,15})? "}"`;
  }
  const members = properties.map((property) => ({
    rule: `${literal(`${JSON.stringify(property.name)}: `)} ${valueRule(property.schema, rules)}`,
    required: property.required,
  }));
  return `"{" ${rest(members, rules, { first: true })} "}"`;
}

function rest(members: { rule: string; required: boolean }[], rules: Rules, at: { first: boolean }): string {
  const [next, ...others] = members;
  if (next === undefined) return '""';
  const later = named(rest(others, rules, { first: false }), rules);
  const present = `${at.first ? next.rule : `", " ${next.rule}`} ${later}`;
  if (next.required) return present;
  return `(${present} | ${at.first ? named(rest(others, rules, at), rules) : later})`;
}

/** Puts an expression into a rule of its own, so that optional properties do not double the grammar each. */
function named(rule: string, rules: Rules): string {
  if (rule === '""') return rule;
  for (const [name, text] of rules.text) if (text === rule) return name;
  const name = `part${rules.text.size}`;
  rules.text.set(name, rule);
  return name;
}

function merged(schema: JsonSchema, root: JsonSchema): JsonSchema {
  const { allOf, ...own } = schema;
  const all = [own, ...(Array.isArray(allOf) ? allOf.filter(isSchema).map((one) => dereference(one, root)) : [])];
  const properties = Object.assign({}, ...all.map((one) => (isSchema(one.properties) ? one.properties : {})));
  const required = all.flatMap((one) => (Array.isArray(one.required) ? one.required : []));
  return Object.assign({}, ...all, Object.keys(properties).length > 0 ? { properties, required } : {});
}

/** A GBNF string literal. */
function literal(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
  return `"${escaped}"`;
}

const whole = (value: Json | undefined, otherwise: number) => (typeof value === 'number' ? value : otherwise);

const member = (value: Json | undefined, name: string): Json | undefined =>
  typeof value === 'object' && value !== null ? (value as { [key: string]: Json })[name] : undefined;
