/** `${env:NAME}`, `${input:NAME}` and their kin: filled in at load, in values only. Secrets stay names; the application's own placeholders stay as they are. */
import type { GivenInput } from './input-flags.ts';
import { type Inputs, readInputs } from './inputs.ts';
import { type Environment, type Filling, fillOne, inputValue } from './placeholder.ts';
import type { Problem } from './problem.ts';
import { childSchema, isNote, resolveSchema, type SchemaNode } from './schema.ts';
import { type Origin, type Path, type Scalar, type Tree, toJson } from './tree.ts';

export interface Filled {
  tree: Tree;
  problems: Problem[];
  unfilled: ReadonlySet<string>;
  inputs: Inputs;
}

/** The tree with its placeholders filled in, `x-*` notes left out, and what could not be filled in. `given` are the inputs by flag. */
export const interpolate = (
  root: Tree,
  schema: SchemaNode,
  environment: Environment,
  given: GivenInput[] = [],
): Filled => {
  const filling: Filling = { root, environment, problems: [], inputs: undefined, unfilled: new Set() };
  const declaring = withEntry(root, 'inputs', (value) =>
    fill(filling, value, childSchema(schema, 'inputs'), ['inputs']),
  );
  const { inputs, problems } = readInputs(declaring, given, filling.unfilled);
  filling.problems.push(...problems);
  filling.inputs = inputs;
  const tree = fill(filling, declaring, schema, []);
  return { tree, problems: filling.problems, unfilled: filling.unfilled, inputs };
};

const withEntry = (tree: Tree, name: string, change: (value: Tree) => Tree): Tree => {
  const entry = tree.kind === 'map' ? tree.entries.get(name) : undefined;
  if (tree.kind !== 'map' || entry === undefined) return tree;
  return { ...tree, entries: new Map(tree.entries).set(name, { ...entry, value: change(entry.value) }) };
};

const fill = (filling: Filling, tree: Tree, schema: SchemaNode | undefined, path: Path): Tree => {
  if (tree.kind === 'scalar') return fillScalar(filling, tree, schema, path);
  const governing =
    schema === undefined ? undefined : resolveSchema(schema, toJson(tagged(filling, tree, schema, path)));
  if (tree.kind === 'list') {
    const items = tree.items.map((item, index) =>
      fill(filling, item, governing === undefined ? undefined : childSchema(governing, index), [...path, index]),
    );
    return { ...tree, items };
  }
  const kept = [...tree.entries].filter(([name]) => governing === undefined || !isNote(governing, name));
  const entries = kept.map(([name, entry]) => {
    const below = governing === undefined ? undefined : childSchema(governing, name);
    if (path.length === 0 && name === 'inputs' && filling.inputs !== undefined) return [name, entry] as const;
    return [name, { ...entry, value: fill(filling, entry.value, below, [...path, name]) }] as const;
  });
  return { ...tree, entries: new Map(entries) };
};

/** The map with its variant known: `provider: ${input:who}` decides what type its other keys have. */
const tagged = (filling: Filling, tree: Tree, schema: SchemaNode, path: Path): Tree => {
  const tag = schema.discriminator?.propertyName;
  if (tag === undefined) return tree;
  return withEntry(tree, tag, (value) => fill(filling, value, undefined, [...path, tag]));
};

const fillScalar = (filling: Filling, scalar: Scalar, schema: SchemaNode | undefined, path: Path): Scalar => {
  if (typeof scalar.value !== 'string' || scalar.literal === true || !scalar.value.includes('$')) return scalar;
  const text = scalar.value;
  const wholeInput = /^\$\{input:([^{}]*)\}$/.exec(text)?.[1];
  const input = wholeInput === undefined ? undefined : inputValue(filling, wholeInput);
  if (input !== undefined) return fromInput(scalar, input, schema);
  const used: Scalar[] = [];
  const filled = text.replace(/\$\$|\$\{([^{}]*)\}/g, (whole, inside: string | undefined) =>
    inside === undefined ? '$' : fillOne(filling, { scalar, whole, inside, path, used }),
  );
  const secretive = /\$\{env:[^{}]*(KEY|TOKEN|SECRET|PASSWORD)/i.test(text);
  const sensitive = secretive || used.some((value) => value.sensitive === true);
  const origin = madeOf(text);
  const seen: Scalar = {
    ...scalar,
    ...(origin === undefined ? {} : { origin: { ...scalar.origin, ...origin } }),
    ...(sensitive ? { sensitive, unfilled: text } : {}),
  };
  if (!/^\$\{env:[^{}]*\}$/.test(text)) return { ...seen, value: filled };
  return { ...seen, value: coerce(filled, schema), fromEnvironment: true };
};

/** The variables and the input that a text names. */
const madeOf = (text: string): Origin | undefined => {
  const variables = [...text.replaceAll('$$', '').matchAll(/\$\{env:(\w+)/g)].map(([, name = '']) => name);
  const input = /\$\{input:([^{}]*)\}/.exec(text)?.[1];
  if (variables.length === 0 && input === undefined) return undefined;
  return { ...(variables.length === 0 ? {} : { variables }), ...(input === undefined ? {} : { input }) };
};

/** The input's own value, and place: that is where a person changes it. */
const fromInput = (scalar: Scalar, value: Scalar, schema: SchemaNode | undefined): Scalar => {
  const input = /^\$\{input:([^{}]*)\}$/.exec(String(scalar.value))?.[1] ?? '';
  const wanted = typeof value.value === 'string' || value.value === null ? value.value : asWanted(value.value, schema);
  return { ...value, value: wanted, via: scalar.place, origin: { ...value.origin, ...scalar.origin, input } };
};

const asWanted = (value: number | boolean, schema: SchemaNode | undefined): string | number | boolean => {
  const types = typesOf(schema);
  return types.includes('string') && !types.some((type) => type !== 'string') ? String(value) : value;
};

const typesOf = (schema: SchemaNode | undefined): string[] =>
  (schema === undefined ? [] : [schema, ...(schema.anyOf ?? [])]).flatMap(({ type }) =>
    type === undefined ? [] : [type],
  );

/** A text from the environment as the type that the schema wants; left as it is where it does not read as one. */
const coerce = (text: string, schema: SchemaNode | undefined): string | number | boolean => {
  const types = typesOf(schema);
  if (types.includes('string')) return text;
  const trimmed = text.trim();
  if (types.includes('boolean') && (trimmed === 'true' || trimmed === 'false')) return trimmed === 'true';
  const number = types.includes('number') || types.includes('integer');
  return number && trimmed !== '' && Number.isFinite(Number(trimmed)) ? Number(trimmed) : text;
};
