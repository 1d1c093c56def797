/** `${env:NAME}` and its kin: filled in at load, in values only. Secrets stay names; the application's own placeholders stay as they are. */
import { type Place, type Problem, problemAt, type Words } from './problem.ts';
import { childSchema, isNote, resolveSchema, type SchemaNode } from './schema.ts';
import { nearest } from './suggest.ts';
import { outline, type Path, type Scalar, showPath, type Tree } from './tree.ts';

/** Placeholders that are filled in later, where their values are known. */
export const laterPlaceholders = ['port', 'dir', 'package', 'node', 'run', 'pipeline'] as const;

export type Environment = Record<string, string | undefined>;

interface Filling {
  root: Tree;
  environment: Environment;
  problems: Problem[];
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** The tree with its placeholders filled in, `x-*` notes left out, and what could not be filled in. */
export const interpolate = (
  root: Tree,
  schema: SchemaNode,
  environment: Environment,
): { tree: Tree; problems: Problem[] } => {
  const filling: Filling = { root, environment, problems: [] };
  return { tree: fill(filling, root, schema, []), problems: filling.problems };
};

const fill = (filling: Filling, tree: Tree, schema: SchemaNode | undefined, path: Path): Tree => {
  if (tree.kind === 'scalar') return fillScalar(filling, tree, schema, path);
  const governing = schema === undefined ? undefined : resolveSchema(schema, outline(tree));
  if (tree.kind === 'list') {
    const items = tree.items.map((item, index) =>
      fill(filling, item, governing === undefined ? undefined : childSchema(governing, index), [...path, index]),
    );
    return { ...tree, items };
  }
  const kept = [...tree.entries].filter(([name]) => governing === undefined || !isNote(governing, name));
  const entries = kept.map(([name, entry]) => {
    const below = governing === undefined ? undefined : childSchema(governing, name);
    return [name, { ...entry, value: fill(filling, entry.value, below, [...path, name]) }] as const;
  });
  return { ...tree, entries: new Map(entries) };
};

const fillScalar = (filling: Filling, scalar: Scalar, schema: SchemaNode | undefined, path: Path): Scalar => {
  if (typeof scalar.value !== 'string' || !scalar.value.includes('$')) return scalar;
  const text = scalar.value;
  const filled = text.replace(/\$\$|\$\{([^{}]*)\}/g, (whole, inside: string | undefined) =>
    inside === undefined ? '$' : fillOne(filling, { scalar, whole, inside, path }),
  );
  const sensitive = /\$\{env:[^{}]*(KEY|TOKEN|SECRET|PASSWORD)/i.test(text);
  const seen = { ...scalar, ...(sensitive ? { sensitive } : {}) };
  if (!/^\$\{env:[^{}]*\}$/.test(text)) return { ...seen, value: filled };
  return { ...seen, value: coerce(filled, schema), fromEnvironment: true };
};

interface Placeholder {
  scalar: Scalar;
  whole: string;
  inside: string;
  path: Path;
}

const fillOne = (filling: Filling, placeholder: Placeholder): string => {
  const { whole, inside } = placeholder;
  if ((laterPlaceholders as readonly string[]).includes(inside)) return whole;
  const report = (words: Words): string => {
    const path = showPath(filling.root, placeholder.path);
    filling.problems.push(problemAt(within(placeholder), { path, ...words }));
    return whole;
  };
  if (inside.startsWith('secret:')) return fillSecret(placeholder, report);
  if (!inside.startsWith('env:')) return report(unknownPlaceholder(inside));
  const [, name = '', fallback] = /^env:(.*?)(?::-(.*))?$/s.exec(inside) ?? [];
  if (!NAME.test(name)) {
    return report({
      code: 'placeholder',
      message: `"${name}" is no name of an environment variable`,
      fix: '${env:NAME} or ${env:NAME:-default}',
    });
  }
  const value = filling.environment[name];
  if (fallback !== undefined) return value === undefined || value === '' ? fallback : value;
  if (value !== undefined) return value;
  return report({
    code: 'env',
    message: `the environment variable ${name} is not set`,
    suggestion: nearest(name, Object.keys(filling.environment)),
    fix: `export ${name}=…, or give a default: \${env:${name}:-default}`,
  });
};

const fillSecret = (placeholder: Placeholder, report: (words: Words) => string): string => {
  const { whole, inside, path } = placeholder;
  const name = inside.slice('secret:'.length);
  if (path[0] !== 'models' || path.at(-1) !== 'api_key') {
    return report({
      code: 'secret',
      message: 'a secret can be used only as the api_key of a model',
      fix: `for a value that may be kept in the run's records, use \${env:${name}}`,
    });
  }
  if (!NAME.test(name))
    return report({ code: 'secret', message: `"${name}" is no name of a secret`, fix: '${secret:ANTHROPIC_API_KEY}' });
  return whole;
};

const unknownPlaceholder = (inside: string): Words => {
  const prefix = inside.split(':')[0] ?? '';
  const near =
    nearest(inside, laterPlaceholders) ?? (inside.includes(':') ? nearest(prefix, ['env', 'secret']) : undefined);
  const literal = `for the characters themselves write $\${${inside}}`;
  const name = NAME.test(inside) ? `for an environment variable write \${env:${inside}}; ` : '';
  return {
    code: 'placeholder',
    message: `\${${inside}} is not known`,
    expected: [
      '${env:NAME}',
      '${env:NAME:-default}',
      '${secret:NAME}',
      ...laterPlaceholders.map((known) => `\${${known}}`),
    ],
    suggestion:
      near === undefined ? undefined : `\${${inside.includes(':') ? `${near}${inside.slice(prefix.length)}` : near}}`,
    fix: name + literal,
  };
};

const within = ({ scalar, whole }: Placeholder): Place => {
  const { source, offset, length } = scalar.place;
  const found = source.text.slice(offset, offset + length).indexOf(whole);
  return found < 0 ? scalar.place : { source, offset: offset + found, length: whole.length };
};

/** A text from the environment as the type that the schema wants; left as it is where it does not read as one. */
const coerce = (text: string, schema: SchemaNode | undefined): string | number | boolean => {
  const types = schema === undefined ? [] : [schema, ...(schema.anyOf ?? [])].map(({ type }) => type);
  if (types.includes('string')) return text;
  const trimmed = text.trim();
  if (types.includes('boolean') && (trimmed === 'true' || trimmed === 'false')) return trimmed === 'true';
  const number = types.includes('number') || types.includes('integer');
  return number && trimmed !== '' && Number.isFinite(Number(trimmed)) ? Number(trimmed) : text;
};
