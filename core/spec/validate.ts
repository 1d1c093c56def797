/** The tree against the schema, part by part: each misfit becomes a problem in words at the place that a person must edit. */

import { isAddress } from './address.ts';
import { explain } from './explain.ts';
import type { Problem } from './problem.ts';
import { childSchema, fits, isNote, pipelineSchema, propertyOf, type SchemaNode, typeOf } from './schema.ts';
import { nearest } from './suggest.ts';
import { type Mapping, outline, type Path, type Scalar, showPath, type Tree, toJson } from './tree.ts';
import type { Fault, Keyword } from './value-words.ts';

/** Every way in which the tree does not fit the schema, one problem each. */
export const validateTree = (tree: Tree, schema: SchemaNode = pipelineSchema): Problem[] =>
  misfits({ tree, node: tree, path: [], schema }).flatMap(explain);

/** A node of the tree beside the schema that it must fit. */
interface Spot {
  tree: Tree;
  node: Tree;
  path: Path;
  schema: SchemaNode;
}

const fault = (spot: Spot, keyword: Keyword, name?: string): Fault => ({
  ...spot,
  keyword,
  shown: showPath(spot.tree, spot.path),
  value: spot.node.kind === 'scalar' ? spot.node.value : spot.node.kind === 'list' ? [] : {},
  ...(name === undefined ? {} : { name }),
});

/** Of one value only its first misfit; of a choice that nothing fits, those of the branch that was meant. */
const misfits = (spot: Spot): Fault[] => {
  const { node, schema } = spot;
  if (schema.discriminator !== undefined) return ofVariant(spot, schema.discriminator.propertyName);
  if (!fits(schema, outline(node))) {
    const isText = node.kind === 'scalar' && typeof node.value === typeof schema.const;
    return [fault(spot, isText ? 'const' : 'type')];
  }
  if (schema.anyOf !== undefined) return ofChoice(spot, schema.anyOf);
  if (node.kind === 'scalar') return ofScalar(spot, node);
  return node.kind === 'list' ? ofList(spot, node.items) : ofMap(spot, node);
};

const below = (spot: Spot, step: string | number, node: Tree): Fault[] => {
  const schema = childSchema(spot.schema, step);
  return schema === undefined ? [] : misfits({ ...spot, node, schema, path: [...spot.path, step] });
};

const ofVariant = (spot: Spot, tag: string): Fault[] => {
  const { node, schema } = spot;
  if (node.kind !== 'map') return [fault(spot, 'type')];
  const value = node.entries.get(tag)?.value;
  const variant = schema.oneOf?.find((one) => value?.kind === 'scalar' && one.properties?.[tag]?.const === value.value);
  return variant === undefined ? [fault(spot, 'tag', tag)] : misfits({ ...spot, schema: variant });
};

const ofChoice = (spot: Spot, branches: SchemaNode[]): Fault[] => {
  const found = branches.map((schema) => misfits({ ...spot, schema }));
  if (found.some(({ length }) => length === 0)) return [];
  const toldBy = spot.schema['x-told-by'];
  const meant =
    toldBy === undefined ? meantBranch(spot.node, branches) : toldBranch(branches, toldBy, namesOf(spot.node));
  return meant === undefined ? [fault(spot, 'anyOf')] : (found[meant] ?? []);
};

/** The branch whose type or whose keys the value has. */
const meantBranch = (node: Tree, branches: SchemaNode[]): number | undefined => {
  if (node.kind !== 'map') {
    const type = typeOf(outline(node));
    const same = branches.findIndex((branch) => branch.type === type && branch.const === undefined);
    return same < 0 ? undefined : same;
  }
  const near = branches.map((branch) => {
    const known = Object.keys(branch.properties ?? {});
    return namesOf(node).filter((name) => nearest(name, known) !== undefined).length;
  });
  const most = Math.max(...near, 0);
  return most === 0 ? undefined : near.indexOf(most);
};

/** Keys that are looked at to tell what was meant: no branch has as many. */
const MOST_NAMES = 100;

const namesOf = (node: Tree): string[] => (node.kind === 'map' ? [...node.entries.keys()].slice(0, MOST_NAMES) : []);

/** The branch whose telling key is there, or seems to be meant; undefined when there are two or none. */
const toldBranch = (branches: SchemaNode[], toldBy: readonly string[], names: string[]): number | undefined => {
  const there = toldBy.filter((tag) => names.includes(tag));
  const meant = there.length > 0 ? there : toldBy.filter((tag) => names.some((name) => nearest(name, toldBy) === tag));
  if (meant.length > 1) return undefined;
  // Without any, a key that only one shape knows tells it.
  const telling = meant.length === 1 ? meant : names.filter((name) => knowing(branches, name).length === 1);
  const found = new Set(telling.flatMap((name) => knowing(branches, name)));
  return found.size === 1 ? [...found][0] : undefined;
};

const knowing = (branches: SchemaNode[], name: string): number[] =>
  branches.flatMap((branch, index) => (propertyOf(branch, name) === undefined ? [] : [index]));

const ofScalar = (spot: Spot, { value }: Scalar): Fault[] => {
  const { schema } = spot;
  const broken = typeof value === 'string' ? brokenTextRule(schema, value) : undefined;
  const outside = typeof value === 'number' && isOutside(schema, value);
  if (outside) return [fault(spot, 'range')];
  return broken === undefined ? [] : [fault(spot, broken)];
};

const isOutside = (schema: SchemaNode, value: number): boolean => {
  const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY, exclusiveMinimum } = schema;
  return value < minimum || value > maximum || (exclusiveMinimum !== undefined && value <= exclusiveMinimum);
};

const brokenTextRule = (schema: SchemaNode, text: string): Keyword | undefined => {
  const characters = schema.minLength === undefined && schema.maxLength === undefined ? 0 : [...text].length;
  if (characters < (schema.minLength ?? 0)) return 'minLength';
  if (characters > (schema.maxLength ?? Number.POSITIVE_INFINITY)) return 'maxLength';
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, 'u').test(text)) return 'pattern';
  return schema.format === 'uri' && !isAddress(text) ? 'format' : undefined;
};

const ofList = (spot: Spot, items: Tree[]): Fault[] => {
  if (items.length < (spot.schema.minItems ?? 0)) return [fault(spot, 'minItems')];
  const faults = items.flatMap((item, index) => below(spot, index, item));
  return spot.schema.uniqueItems === true ? [...faults, ...ofRepeated(spot, items)] : faults;
};

const ofRepeated = (spot: Spot, items: Tree[]): Fault[] => {
  const seen = new Set<string>();
  return items.flatMap((node, index) => {
    const text = JSON.stringify(toJson(node));
    if (seen.has(text)) return [fault({ ...spot, node, path: [...spot.path, index] }, 'uniqueItems')];
    seen.add(text);
    return [];
  });
};

const ofMap = (spot: Spot, node: Mapping): Fault[] => {
  const { schema } = spot;
  if (node.entries.size < (schema.minProperties ?? 0)) return [fault(spot, 'minProperties')];
  const missing = (schema.required ?? []).filter((name) => !node.entries.has(name));
  return [
    ...missing.map((name) => fault(spot, 'required', name)),
    ...[...node.entries].flatMap(([name, entry]) => [
      ...(isKnown(schema, name) ? [] : [fault(spot, 'additionalProperties', name)]),
      ...(isName(schema, name) ? [] : [fault(spot, 'propertyNames', name)]),
      ...below(spot, name, entry.value),
    ]),
  ];
};

const isKnown = (schema: SchemaNode, name: string): boolean =>
  schema.additionalProperties !== false || childSchema(schema, name) !== undefined || isNote(schema, name);

const isName = ({ propertyNames }: SchemaNode, name: string): boolean =>
  propertyNames?.pattern === undefined || new RegExp(propertyNames.pattern, 'u').test(name);
