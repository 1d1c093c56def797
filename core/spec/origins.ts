/** Where every value of a loaded pipeline was set: file and line, profile, flag, variable, input, or the default. */
import type { Json, JsonObject } from '../../schemas/common.ts';
import type { FullSpec } from '../../schemas/pipeline/pipeline.ts';
import { laterPlaceholders } from './placeholder.ts';
import { concealKeys, type Place, position, shownFile } from './problem.ts';
import { isMap, pipelineSchema } from './schema.ts';
import { at, child, type List, type Mapping, type Path, type Scalar, showPath, type Tree } from './tree.ts';

/** A value of the pipeline and what set it; sensitive ones are shown as the placeholder that they came from. */
export interface Setting {
  path: string;
  value: Json;
  /** `pipeline.yaml:9:12`, a flag as typed, or `default`. */
  from: string;
  profile?: string;
  /** Names of the environment variables that are part of the value. */
  variables?: string[];
  /** Name of the input that is the value or part of it. */
  input?: string;
  /** Where the alias or the `${input:…}` stands that brought the value. */
  used?: string;
}

/** Every value in the order of the spec; with `full`, also the defaults. */
export const settingsOf = (tree: Tree, full?: FullSpec): Setting[] => {
  const inputs = child(tree, 'inputs');
  const declared = inputs?.kind === 'map' ? [...inputs.entries] : [];
  const given = declared.flatMap(([name, { value }]) => {
    const set = at(value, 'default');
    return set?.kind === 'scalar' ? [settingOf(`inputs.${name}`, set)] : [];
  });
  const walk: Walk = { root: tree, settings: given };
  const spec = full === undefined ? undefined : ({ ...full } as unknown as JsonObject);
  for (const name of inOrder(tree, spec)) visit(walk, child(tree, name), spec?.[name], [name]);
  return walk.settings;
};

/** Keys of the whole file as the reference lists them; the declared inputs come by themselves. */
const inOrder = (tree: Tree, spec: JsonObject | undefined): string[] => {
  const here = new Set([...(tree.kind === 'map' ? tree.entries.keys() : []), ...Object.keys(spec ?? {})]);
  return Object.keys(pipelineSchema.properties ?? {}).filter((name) => here.has(name) && name !== 'inputs');
};

interface Walk {
  root: Tree;
  settings: Setting[];
}

/** A value that stands in the tree was set there; one that stands only in the full spec is a default. */
const visit = (walk: Walk, tree: Tree | undefined, full: Json | undefined, path: Path): void => {
  if (tree === undefined) visitDefault(walk, full, path);
  else if (tree.kind === 'scalar') walk.settings.push(settingOf(showPath(walk.root, path), tree));
  else visitBelow(walk, tree, full, path);
};

const visitBelow = (walk: Walk, tree: List | Mapping, full: Json | undefined, path: Path): void => {
  const below = (step: string | number): Json | undefined => {
    if (Array.isArray(full)) return full[Number(step)];
    return isMap(full) ? full[String(step)] : undefined;
  };
  const steps = tree.kind === 'list' ? [...tree.items.keys()] : [...tree.entries.keys()];
  const added = isMap(full) && tree.kind === 'map' ? Object.keys(full).filter((name) => !tree.entries.has(name)) : [];
  for (const step of [...steps, ...added]) visit(walk, child(tree, step), below(step), [...path, step]);
  if (steps.length + added.length > 0) return;
  const value = tree.kind === 'list' ? [] : {};
  walk.settings.push({ path: showPath(walk.root, path), value, from: placeWords(tree.place) });
};

const visitDefault = (walk: Walk, full: Json | undefined, path: Path): void => {
  if (full === undefined) return;
  if (isMap(full)) for (const [name, value] of Object.entries(full)) visitDefault(walk, value, [...path, name]);
  else walk.settings.push({ path: showPath(walk.root, path), value: full, from: 'default' });
};

const settingOf = (path: string, scalar: Scalar): Setting => {
  const { origin, via } = scalar;
  return {
    ...{ path, value: shownValue(scalar), from: placeWords(scalar.place) },
    ...(origin?.profile === undefined ? {} : { profile: origin.profile }),
    ...(origin?.variables === undefined ? {} : { variables: origin.variables }),
    ...(origin?.input === undefined ? {} : { input: origin.input }),
    ...(via === undefined ? {} : { used: placeWords(via) }),
  };
};

const placeWords = ({ source, offset }: Place): string => {
  if (source.file.startsWith('--')) return shownFile(source.file, false);
  const { line, column } = position(source.text, offset);
  return `${source.file}:${line}:${column}`;
};

const shownValue = (scalar: Scalar): Json => {
  if (scalar.sensitive === true) return scalar.unfilled ?? '•••';
  return typeof scalar.value === 'string' ? concealKeys(scalar.value) : scalar.value;
};

/** The spec as a pipeline file that loads to it: texts with their `$` escaped again, sensitive values as placeholders. */
export const writtenSpec = (tree: Tree): JsonObject =>
  Object.fromEntries(inOrder(tree, undefined).map((name) => [name, written(child(tree, name))]));

const written = (tree: Tree | undefined): Json => {
  if (tree === undefined) return null;
  if (tree.kind === 'list') return tree.items.map(written);
  if (tree.kind === 'map')
    return Object.fromEntries([...tree.entries].map(([name, { value }]) => [name, written(value)]));
  const value = shownValue(tree);
  return typeof value === 'string' && tree.sensitive !== true ? escaped(value) : value;
};

const stays = new RegExp(`\\$\\{(?:secret:[^{}]*|${laterPlaceholders.join('|')})\\}|\\$(?=[{$])`, 'g');

/** `$` before `$` or `{` is doubled, except in what stays a placeholder. */
const escaped = (text: string): string => text.replace(stays, (found) => (found === '$' ? '$$' : found));
