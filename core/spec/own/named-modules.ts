/** The modules of the user's own that a pipeline names, and what is wrong with how it names them. */
import type { OwnModule, OwnModules, OwnSort } from '../../../schemas/own-module.ts';
import { isOwnPath } from '../../own-path.ts';
import { type Problem, problemAt, type Words } from '../problem.ts';
import { pathFrom } from '../relative.ts';
import { at, entriesAt, itemsAt, type Path, showPath, type Tree, textAt } from '../tree.ts';
import { tagOf, type Variant } from './extend-schema.ts';

/** Why a module cannot be used, as its place in the pipeline file will say it. */
export type ModuleFault = Pick<Words, 'message' | 'fix' | 'suggestion' | 'expected'>;

/** What came of each module that was asked for, by path. */
export type ReadModules = Record<string, OwnModule | { fault: ModuleFault }>;

export interface NamedModule {
  what: OwnSort;
  path: string;
  /** the tag's place in the tree */
  at: Path;
}

/** Every tag that is a path. */
export const namedModules = (tree: Tree): NamedModule[] => {
  const under = (what: OwnSort, path: Path): NamedModule[] => {
    const place = [...path, tagOf[what]];
    const text = textAt(tree, ...place);
    return isOwnPath(text) ? [{ what, path: text, at: place }] : [];
  };
  return [
    ...entriesAt(tree, 'models').flatMap(([name]) => under('model', ['models', name])),
    ...entriesAt(tree, 'environments').flatMap(([name]) => under('environment', ['environments', name])),
    ...itemsAt(tree, 'stages').flatMap((_, index) => under('stage', ['stages', index])),
  ];
};

/** The tree with every such tag as seen from the main file's folder, whichever file it is written in. */
export const locateModules = (tree: Tree): Tree =>
  namedModules(tree).reduce((changed, { at: place }) => {
    const node = at(changed, ...place);
    if (node?.kind !== 'scalar') return changed;
    const path = pathFrom(node);
    return put(changed, place, { ...node, value: isOwnPath(path) ? path : `./${path}` });
  }, tree);

const put = (tree: Tree, [step, ...rest]: Path, value: Tree): Tree => {
  if (step === undefined) return value;
  if (tree.kind === 'list') {
    const items = tree.items.map((item, index) => (index === Number(step) ? put(item, rest, value) : item));
    return { ...tree, items };
  }
  const entry = tree.kind === 'map' ? tree.entries.get(String(step)) : undefined;
  if (tree.kind !== 'map' || entry === undefined) return tree;
  return {
    ...tree,
    entries: new Map(tree.entries).set(String(step), { ...entry, value: put(entry.value, rest, value) }),
  };
};

const article = { stage: 'a stage', environment: 'an environment', model: 'a model' } as const;
const homes = { stage: '- uses:', environment: 'kind:', model: 'provider:' } as const;

const faultOf = ({ what, path }: NamedModule, read: ReadModules[string] | undefined): ModuleFault | undefined => {
  if (path.includes('${'))
    return { message: `the path of a module is written out, and "${path}" has a placeholder`, fix: 'write the path' };
  if (read === undefined)
    return {
      message: `the module ${path} was not read`,
      fix: 'give loadSpec `modules`, what readModules made of the file',
    };
  if ('fault' in read) return read.fault;
  if (read.what === what) return undefined;
  return {
    message: `${path} makes ${article[read.what]}, and ${article[what]} is wanted here`,
    fix: `name it under ${homes[read.what]} or export ${what === 'environment' ? 'defineEnvironment' : `define${what[0]?.toUpperCase()}${what.slice(1)}`}(…) from it`,
  };
};

export interface Taken {
  /** what the schema is extended by */
  variants: Variant[];
  /** the usable ones */
  modules: OwnModules;
  problems: Problem[];
}

/** The modules as the schema takes them: a faulty one is reported once a place, and what stands beside it is not blamed. */
export const takeModules = (tree: Tree, read: ReadModules): Taken => {
  const taken: Taken = { variants: [], modules: {}, problems: [] };
  const report = (place: Path, words: ModuleFault): void => {
    const node = at(tree, ...place);
    const path = showPath(tree, place.slice(0, -1));
    if (node !== undefined) taken.problems.push(problemAt(node.place, { code: 'module', path, ...words }));
  };
  for (const named of namedModules(tree)) {
    const found = read[named.path];
    const fault = faultOf(named, found);
    const module = fault === undefined && found !== undefined && !('fault' in found) ? found : null;
    if (fault !== undefined) report(named.at, fault);
    if (!taken.variants.some(({ what, path }) => what === named.what && path === named.path))
      taken.variants.push({ what: named.what, path: named.path, module });
    if (module === null) continue;
    const same = Object.entries(taken.modules).find(
      ([path, other]) => path !== named.path && other.what === module.what && other.name === module.name,
    );
    if (same !== undefined)
      report(named.at, {
        message: `${named.path} and ${same[0]} are both called "${module.name}"`,
        fix: `give one of them another name: { name: '…', … }`,
      });
    taken.modules[named.path] = module;
  }
  return taken;
};
