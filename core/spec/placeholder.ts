/** What one `${…}` stands for: a variable, an input, the name of a secret, or something that only the application knows. */
import type { Inputs } from './inputs.ts';
import { type Place, type Problem, problemAt, type Words } from './problem.ts';
import { nearest } from './suggest.ts';
import { at, type Path, type Scalar, showPath, type Tree } from './tree.ts';

/** Placeholders that are filled in later, where their values are known. */
export const laterPlaceholders = ['port', 'dir', 'package', 'node', 'run', 'pipeline'] as const;

export type Environment = Record<string, string | undefined>;

/** What placeholders are filled from, and what comes of it. */
export interface Filling {
  root: Tree;
  environment: Environment;
  problems: Problem[];
  /** Undefined while the declarations themselves are filled in. */
  inputs: Inputs | undefined;
  /** Paths whose values could not be filled in: they are blamed for nothing else. */
  unfilled: Set<string>;
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** A declared input's value, which counts as used from now on; undefined when there is none to be had. */
export const inputValue = (filling: Filling, name: string): Scalar | undefined => {
  const input = filling.inputs?.get(name);
  if (input !== undefined) input.used = true;
  return input?.value;
};

export interface Placeholder {
  scalar: Scalar;
  whole: string;
  inside: string;
  path: Path;
  /** Takes the inputs that were put in. */
  used: Scalar[];
}

/** The text of a placeholder; what cannot be filled in stays as it is, and a problem says why. */
export const fillOne = (filling: Filling, placeholder: Placeholder): string => {
  const { whole, inside } = placeholder;
  if ((laterPlaceholders as readonly string[]).includes(inside)) return whole;
  const report = (words: Words): string => {
    const path = showPath(filling.root, placeholder.path);
    filling.unfilled.add(path);
    filling.problems.push(problemAt(within(placeholder), { path, ...words }));
    return whole;
  };
  if (inside.startsWith('secret:')) return fillSecret(placeholder, report);
  if (inside.startsWith('input:')) return fillInput(filling, placeholder, report);
  if (!inside.startsWith('env:')) return report(unknownPlaceholder(inside));
  return fillVariable(filling.environment, inside, report);
};

const fillVariable = (environment: Environment, inside: string, report: (words: Words) => string): string => {
  const [, name = '', kind, rest = ''] = /^env:(.*?)(?::([-?])(.*))?$/s.exec(inside) ?? [];
  if (!NAME.test(name)) {
    return report({
      code: 'placeholder',
      message: `"${name}" is no name of an environment variable`,
      fix: '${env:NAME}, ${env:NAME:-default} or ${env:NAME:?what to say when it is unset}',
    });
  }
  const value = environment[name];
  const isSet = value !== undefined && (value !== '' || kind === undefined);
  if (isSet) return value;
  if (kind === '-') return rest;
  const own = kind === '?' && rest.trim() !== '';
  return report({
    code: 'env',
    message: `the environment variable ${name} is ${value === '' ? 'empty' : 'not set'}${own ? `: ${rest.trim()}` : ''}`,
    suggestion: nearest(name, Object.keys(environment)),
    fix: own ? `export ${name}=…` : `export ${name}=…, or give a default: \${env:${name}:-default}`,
  });
};

/** An input inside a text; what is missing is reported once, at its declaration. */
const fillInput = (filling: Filling, placeholder: Placeholder, report: (words: Words) => string): string => {
  const name = placeholder.inside.slice('input:'.length);
  const { inputs } = filling;
  if (inputs === undefined)
    return report({
      code: 'input',
      message: 'an input cannot be made of other inputs',
      fix: 'use ${env:NAME} or a plain value',
    });
  const value = inputValue(filling, name);
  if (value !== undefined) {
    placeholder.used.push(value);
    return String(value.value);
  }
  const names = [...inputs.keys()];
  const declared = at(filling.root, 'inputs');
  // What is missing, or not a map at all, is said where the inputs are declared.
  if (inputs.has(name) || (declared !== undefined && declared.kind !== 'map')) {
    filling.unfilled.add(showPath(filling.root, placeholder.path));
    return placeholder.whole;
  }
  return report({
    code: 'input',
    message: `there is no input "${name}"`,
    expected: names.map((known) => `\${input:${known}}`),
    suggestion: nearest(name, names),
    ...(names.length === 0 ? { fix: `declare it: inputs: { ${name}: { type: text } }` } : {}),
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
    nearest(inside, laterPlaceholders) ??
    (inside.includes(':') ? nearest(prefix, ['env', 'input', 'secret']) : undefined);
  const literal = `for the characters themselves write $\${${inside}}`;
  const name = NAME.test(inside) ? `for an environment variable write \${env:${inside}}; ` : '';
  return {
    code: 'placeholder',
    message: `\${${inside}} is not known`,
    expected: [
      '${env:NAME}',
      '${env:NAME:-default}',
      '${input:NAME}',
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
