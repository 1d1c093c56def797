/** Whatever a pipeline names must exist: models, environments, files; and what it defines should be used. */
import type { Names } from '../../../schemas/pipeline/key.ts';
import { pathFrom } from '../relative.ts';
import { childSchema, resolveSchema, type SchemaNode } from '../schema.ts';
import { nearest } from '../suggest.ts';
import { entriesAt, outline, type Path, type Scalar, type Tree } from '../tree.ts';
import { type Check, report } from './report.ts';

const homes = { model: 'models', environment: 'environments' } as const;

interface Naming extends Check {
  known: { models: string[]; environments: string[] };
  used: Set<string>;
}

/** Unknown names are errors; models and environments that nothing uses are warnings. */
export const checkNames = (check: Check): void => {
  const used = new Set<string>();
  const known = {
    models: entriesAt(check.tree, 'models').map(([name]) => name),
    environments: entriesAt(check.tree, 'environments').map(([name]) => name),
  };
  visit({ ...check, known, used }, check.tree, check.schema, []);
  for (const home of Object.values(homes)) {
    for (const [name] of entriesAt(check.tree, home)) {
      if (used.has(`${home}.${name}`)) continue;
      const message = `${home}.${name} is not used by any stage`;
      report(check, [home, name], { code: 'unused', severity: 'warning', message }, 'key');
    }
  }
};

const visit = (check: Naming, tree: Tree, schema: SchemaNode | undefined, path: Path): void => {
  if (schema === undefined) return;
  const governing = resolveSchema(schema, outline(tree));
  if (tree.kind === 'scalar') {
    if (typeof tree.value === 'string') checkName(check, { ...tree, value: tree.value }, governing, path);
    return;
  }
  const children: [string | number, Tree][] =
    tree.kind === 'list' ? [...tree.items.entries()] : [...tree.entries].map(([name, entry]) => [name, entry.value]);
  for (const [step, below] of children) visit(check, below, childSchema(governing, step), [...path, step]);
};

const checkName = (check: Naming, scalar: Scalar & { value: string }, schema: SchemaNode, path: Path): void => {
  const names = schema['x-names'];
  const { value } = scalar;
  if (names === 'model' || names === 'environment') {
    const known = check.known[homes[names]];
    check.used.add(`${homes[names]}.${value}`);
    if (known.includes(value)) return;
    const fix = known.length === 0 ? `add it under ${homes[names]}:` : undefined;
    report(check, path, {
      code: 'unknown-name',
      message: `there is no ${names} "${value}" in ${homes[names]}`,
      expected: known,
      suggestion: nearest(value, known),
      fix,
    });
  } else if (isFile(names, value) && check.knowing.fileExists?.(pathFrom(scalar)) === false) {
    const fix = 'paths are relative to the folder of the file in which they are written';
    report(check, path, {
      code: 'file',
      message: `the ${names === 'prompt' ? 'prompt file' : 'file or folder'} "${value}" does not exist`,
      fix,
    });
  }
};

/** What lies in a package is not known yet. */
const isFile = (names: Names | undefined, value: string): boolean =>
  (names === 'file' || names === 'prompt') && !value.includes('${');
