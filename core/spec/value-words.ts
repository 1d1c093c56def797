/** A faulty value in words: what it is, what was wanted, how to write it right. */
import type { Json } from '../../schemas/common.ts';
import { accepts, isMap, type SchemaNode, typeOf } from './schema.ts';
import type { Path, Tree } from './tree.ts';

/** A place of the tree that does not fit its schema. */
export interface Fault {
  tree: Tree;
  path: Path;
  shown: string;
  schema: SchemaNode;
  value: Json;
  node: Tree;
}

const kinds: Record<string, string> = {
  string: 'the text',
  integer: 'the number',
  number: 'the number',
  boolean: 'the value',
};

/** What the schema takes, in one phrase. */
export const wanted = (schema: SchemaNode): string =>
  schema.const === undefined ? accepts(schema).join(' or ') : `the text ${JSON.stringify(schema.const)}`;

/** A value in words, short: `the text "hot"`, `a list`, `empty`. */
export const inKind = ({ value, node }: Fault): string => {
  if (node.kind === 'scalar' && node.sensitive === true) return 'a value of the environment that does not fit';
  const type = typeOf(value);
  if (type === 'null') return 'empty';
  if (type === 'array') return 'a list';
  return type === 'object' ? 'a map' : `${kinds[type]} ${show(value)}${origin(node)}`;
};

const origin = (node: Tree): string => {
  if (node.kind !== 'scalar') return '';
  if (node.origin?.input !== undefined) return ` (the input ${node.origin.input})`;
  return node.fromEnvironment === true ? ' (from the environment)' : '';
};

/** A value as written in JSON, cut when long. */
export const show = (value: Json): string => {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
};

/** The line as it should be written, where the slip is plain. */
export const typeFix = ({ value, schema, node, path }: Fault): string | undefined => {
  const written = node.place.source.text.slice(node.place.offset, node.place.offset + node.place.length);
  const name = typeof path.at(-1) === 'string' ? `${path.at(-1)}: ` : '- ';
  if (schema.type === 'string' && (typeof value === 'number' || typeof value === 'boolean')) {
    return `write it in quotes: ${name}${JSON.stringify(schema.const ?? written)}`;
  }
  if (typeof value === 'string' && (schema.type === 'integer' || schema.type === 'number')) {
    const digits = value.replaceAll(/[_, ]/g, '');
    if (digits !== '' && Number.isFinite(Number(digits))) return `write ${name}${Number(digits)}`;
  }
  if (schema.type === 'array' && isMap(value)) return 'write "- " before the first key of each item';
  if (schema.type === 'object' && Array.isArray(value)) return 'write each name as a key, without "- ": "name: { … }"';
  const tight = typeof value === 'string' ? /^([\w-]+):(\S.*)$/.exec(value) : null;
  if (schema.type === 'object' && tight !== null) return `a space is missing after the colon: ${tight[1]}: ${tight[2]}`;
  if (schema.type === 'array' && typeof value === 'string') return `write ${name}[${written}]`;
  if (schema.type === 'boolean' && typeof value === 'string') {
    if (/^(yes|on)$/i.test(value)) return `write ${name}true`;
    if (/^(no|off)$/i.test(value)) return `write ${name}false`;
  }
  return undefined;
};
