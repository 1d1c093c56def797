/** A pipeline file as a tree in which every key and value knows where it was written. */
import type { Json } from '../../schemas/common.ts';
import { isOwnPath } from '../own-path.ts';
import type { Place } from './problem.ts';

export interface Scalar {
  kind: 'scalar';
  value: string | number | boolean | null;
  place: Place;
  /** The alias, merge key or `${input:…}` through which a value that stands elsewhere is used. */
  via?: Place;
  /** What the value was made of: names of environment variables and of inputs, and the profile that brought it. */
  origin?: Origin;
  /** True when the whole value came out of one `${env:…}`: it is then read as the schema's type. */
  fromEnvironment?: boolean;
  /** True when a variable whose name speaks of a secret is part of the value: it is never shown. */
  sensitive?: boolean;
  /** True for what a flag gives to an input: taken as it is, nothing in it is filled in. */
  literal?: boolean;
  /** The text of a sensitive value before it was filled in: this may be shown. */
  unfilled?: string;
}

export interface Origin {
  profile?: string;
  variables?: string[];
  input?: string;
}

export interface List {
  kind: 'list';
  items: Tree[];
  place: Place;
  via?: Place;
}

export interface Entry {
  key: Place;
  value: Tree;
}

export interface Mapping {
  kind: 'map';
  entries: Map<string, Entry>;
  place: Place;
  via?: Place;
  /** True when something that was to be merged in could not be found: keys may be missing through no fault of the map. */
  partial?: boolean;
  /** Keys that a later file or profile removed with null, and where it did. */
  removed?: Map<string, Place>;
}

export type Tree = Scalar | List | Mapping;
export type Path = (string | number)[];

/** The node below `tree` at a key or index, or undefined. */
export const child = (tree: Tree | undefined, step: string | number): Tree | undefined => {
  if (tree?.kind === 'map') return tree.entries.get(String(step))?.value;
  return tree?.kind === 'list' ? tree.items[Number(step)] : undefined;
};

/** The node at a path, or undefined. */
export const at = (tree: Tree | undefined, ...path: Path): Tree | undefined => path.reduce(child, tree);

/** The text at a path, or undefined when there is none or it is no text. */
export const textAt = (tree: Tree | undefined, ...path: Path): string | undefined => {
  const node = at(tree, ...path);
  return node?.kind === 'scalar' && typeof node.value === 'string' ? node.value : undefined;
};

/** The number at a path, or undefined when there is none or it is no number. */
export const numberAt = (tree: Tree | undefined, ...path: Path): number | undefined => {
  const node = at(tree, ...path);
  return node?.kind === 'scalar' && typeof node.value === 'number' ? node.value : undefined;
};

/** Name and value of every entry of the mapping at a path; none when there is no mapping. */
export const entriesAt = (tree: Tree | undefined, ...path: Path): [string, Entry][] => {
  const node = at(tree, ...path);
  return node?.kind === 'map' ? [...node.entries] : [];
};

/** Items of the list at a path; none when there is no list. */
export const itemsAt = (tree: Tree | undefined, ...path: Path): Tree[] => {
  const node = at(tree, ...path);
  return node?.kind === 'list' ? node.items : [];
};

/** Where a person edits the node at a path: its key where it has one, else its first key, else its value. */
export const keyPlace = (tree: Tree, path: Path): Place => {
  const parent = at(tree, ...path.slice(0, -1));
  const last = path.at(-1);
  if (parent?.kind === 'map' && last !== undefined) {
    const entry = parent.entries.get(String(last));
    if (entry !== undefined) return entry.key;
  }
  const node = at(tree, ...path) ?? tree;
  const keys = node.kind === 'map' ? [...node.entries.values()] : [];
  // Of a map that several files make up, a key of the last one.
  const first = keys.find(({ key }) => key.source === node.place.source) ?? keys[0];
  return first?.key ?? node.place;
};

/** True for a `null` or `~` that is written out; a value that is merely missing is a slip. */
export const isWrittenNull = (tree: Tree): boolean => {
  if (tree.kind !== 'scalar' || tree.value !== null) return false;
  const { source, offset, length } = tree.place;
  return /^(null|~)$/i.test(source.text.slice(offset, offset + length));
};

/** The tree as plain JSON. */
export const toJson = (tree: Tree): Json => {
  if (tree.kind === 'scalar') return tree.value;
  if (tree.kind === 'list') return tree.items.map(toJson);
  return Object.fromEntries([...tree.entries].map(([name, entry]) => [name, toJson(entry.value)]));
};

/** The top of a tree as plain JSON, without what lies below: enough to tell its type and its variant. */
export const outline = (tree: Tree): Json => {
  if (tree.kind === 'scalar') return tree.value;
  if (tree.kind === 'list') return [];
  const own = ([name, { value }]: [string, Entry]): [string, Json] => [
    name,
    value.kind === 'scalar' ? value.value : {},
  ];
  return Object.fromEntries([...tree.entries].map(own));
};

/** A path as people write it: `stages.filter.committee.members[0]`; a stage that has a name is called by it. */
export const showPath = (tree: Tree, path: Path): string =>
  path.reduce<string>((shown, step, index) => {
    if (typeof step === 'string') return shown === '' ? step : `${shown}.${step}`;
    const stage = path[index - 1] === 'stages' ? textAt(tree, ...path.slice(0, index + 1), 'uses') : undefined;
    return stage === undefined || isOwnPath(stage) ? `${shown}[${step}]` : `${shown}.${stage}`;
  }, '');
