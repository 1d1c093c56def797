/** Paths are relative to the file in which they are written; the spec has them as seen from the main file's folder. */
import { classifyRepository } from '../document/repository.ts';
import { joinPath } from './paths.ts';
import { childSchema, pipelineSchema, resolveSchema, type SchemaNode } from './schema.ts';
import { type Mapping, type Scalar, type Tree, toJson } from './tree.ts';

/** Keys that say that the files beside them lie in a folder of their own. */
const elsewhere = ['package', 'git'];

/** The path that a value names, as seen from the main file's folder. */
export const pathFrom = ({ value, place: { source } }: Scalar): string => {
  const path = String(value);
  const { folder } = source;
  return folder === undefined || folder === '' || path.startsWith('${') ? path : joinPath(folder, path);
};

/** The tree with every path as seen from the main file's folder; paths of the main file and of flags stay as written. */
export const resolvePaths = (tree: Tree, schema: SchemaNode = pipelineSchema): Tree => visit(tree, schema, undefined);

const visit = (tree: Tree, schema: SchemaNode, names: string | undefined): Tree => {
  const governing = resolveSchema(schema, toJson(tree));
  const named = governing['x-names'] ?? schema['x-names'] ?? names;
  if (tree.kind === 'scalar') return typeof tree.value === 'string' && isPath(named, tree.value) ? moved(tree) : tree;
  if (tree.kind === 'list') {
    const { items } = governing;
    return items === undefined ? tree : { ...tree, items: tree.items.map((item) => visit(item, items, named)) };
  }
  const entries = [...tree.entries].map(([name, entry]) => {
    const below = childSchema(governing, name);
    const stays = below === undefined || (below['x-names'] === 'glob' && isElsewhere(tree));
    return [name, stays ? entry : { ...entry, value: visit(entry.value, below, undefined) }] as const;
  });
  return { ...tree, entries: new Map(entries) };
};

const isPath = (names: string | undefined, text: string): boolean =>
  names === 'repository'
    ? classifyRepository(text).kind === 'folder'
    : names === 'file' || names === 'prompt' || names === 'glob';

const isElsewhere = (map: Mapping): boolean => elsewhere.some((name) => map.entries.has(name));

const moved = (scalar: Scalar): Scalar => ({ ...scalar, value: pathFrom(scalar) });
