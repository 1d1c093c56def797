/** The tree against the schema: Ajv finds, `explain` says it in words at the place that a person must edit. */
import { Ajv, type ErrorObject } from 'ajv';
import type { Json } from '../../schemas/common.ts';
import { explain } from './explain.ts';
import type { Problem } from './problem.ts';
import { isMap, pipelineSchema, type SchemaNode, typeOf, vocabulary } from './schema.ts';
import { nearest } from './suggest.ts';
import { at, type Path, type Tree, toJson } from './tree.ts';

const compile = (schema: SchemaNode) => {
  const ajv = new Ajv({ discriminator: true, allErrors: true, strict: true, verbose: true });
  ajv.addVocabulary([...vocabulary]);
  ajv.addFormat('uri', (text) => /^https?:\/\/[^\s/]/.test(text) && URL.canParse(text));
  return ajv.compile(schema);
};

const compiled = new WeakMap<SchemaNode, ReturnType<typeof compile>>();

const checkerOf = (schema: SchemaNode): ReturnType<typeof compile> => {
  const known = compiled.get(schema);
  if (known !== undefined) return known;
  const made = compile(schema);
  compiled.set(schema, made);
  return made;
};

/** Every way in which the tree does not fit the schema, one problem each. */
export const validateTree = (tree: Tree, schema: SchemaNode = pipelineSchema): Problem[] => {
  const check = checkerOf(schema);
  if (check(toJson(tree))) return [];
  return single(check.errors ?? []).flatMap((error) => explain(tree, error, pathOf(tree, error)));
};

const pathOf = (tree: Tree, error: ErrorObject): Path => {
  const path: Path = [];
  for (const step of error.instancePath.split('/').slice(1)) {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~');
    path.push(at(tree, ...path)?.kind === 'list' ? Number(name) : name);
  }
  return path;
};

/** Of a choice that nothing fits, only the branch that was meant; of one value, only its first fault. */
const single = (errors: ErrorObject[]): ErrorObject[] => {
  const choices = errors
    .filter((error) => error.keyword === 'anyOf')
    .map((error) => ({ error, meant: meantBranch(error) }));
  const chosen = errors.filter((error) =>
    choices.every(({ error: choice, meant }) => {
      if (error === choice) return meant === undefined;
      if (!error.schemaPath.startsWith(`${choice.schemaPath}/`) || !isWithin(error.instancePath, choice.instancePath))
        return true;
      return meant !== undefined && error.schemaPath.startsWith(`${choice.schemaPath}/${meant}/`);
    }),
  );
  const typed = new Set(chosen.filter((error) => error.keyword === 'type').map((error) => error.instancePath));
  return chosen.filter((error) => {
    if (error.keyword === 'pattern' && error.propertyName !== undefined) return false;
    return error.keyword === 'type' || !typed.has(error.instancePath);
  });
};

const isWithin = (path: string, above: string): boolean => path === above || path.startsWith(`${above}/`);

const meantBranch = (error: ErrorObject): number | undefined => {
  const schema = (error.parentSchema ?? {}) as SchemaNode;
  const branches: SchemaNode[] = schema.anyOf ?? [];
  const value = error.data as Json;
  const type = typeOf(value);
  const toldBy = schema['x-told-by'];
  if (toldBy !== undefined) return isMap(value) ? toldBranch(branches, toldBy, value) : undefined;
  if (!isMap(value)) {
    const same = branches.findIndex((branch) => branch.type === type && branch.const === undefined);
    return same < 0 ? undefined : same;
  }
  const near = branches.map((branch) => {
    const known = Object.keys(branch.properties ?? {});
    return Object.keys(value).filter((name) => nearest(name, known) !== undefined).length;
  });
  const most = Math.max(...near, 0);
  return most === 0 ? undefined : near.indexOf(most);
};

/** The branch whose telling key is there, or seems to be meant; undefined when there are two or none. */
const toldBranch = (
  branches: SchemaNode[],
  toldBy: readonly string[],
  value: { [key: string]: Json },
): number | undefined => {
  const names = Object.keys(value);
  const there = toldBy.filter((tag) => names.includes(tag));
  const meant = there.length > 0 ? there : toldBy.filter((tag) => names.some((name) => nearest(name, toldBy) === tag));
  if (meant.length > 1) return undefined;
  // Without any, a key that only one shape knows tells it.
  const telling = meant.length === 1 ? meant : names.filter((name) => known(branches, name).length === 1);
  const found = new Set(telling.flatMap((name) => known(branches, name)));
  return found.size === 1 ? [...found][0] : undefined;
};

const known = (branches: SchemaNode[], name: string): number[] =>
  branches.flatMap((branch, index) => (branch.properties?.[name] === undefined ? [] : [index]));
