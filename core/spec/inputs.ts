/** `inputs:` → the value of each: what a flag gives, else the default; checked against its declaration. */
import type { InputType, InputValue } from '../../schemas/pipeline/input.ts';
import { type Place, type Problem, problemAt, type Source, type Words } from './problem.ts';
import { pipelineSchema } from './schema.ts';
import { nearest } from './suggest.ts';
import { at, type Entry, entriesAt, itemsAt, type Mapping, type Scalar, type Tree, textAt, toJson } from './tree.ts';

/** A declared input. Without a value it was not given, or what was given is wrong and has been reported. */
export interface Input {
  name: string;
  key: Place;
  type: InputType | undefined;
  about: string | undefined;
  value: Scalar | undefined;
  /** True when no value may be asked for: it is missing, and nothing has been said of it yet. */
  missing: boolean;
  used: boolean;
}

export type Inputs = Map<string, Input>;

/** `name=value` as typed: of `--input`, or of `--set` where the name is an input's. */
export interface GivenInput {
  name: string;
  value: string;
  source: Source;
  /** Where the value begins in the flag. */
  offset: number;
}

/** The flags that set inputs, and the ones of `--set` that set a path; a name that could be both is a problem. */
export const sortFlags = (
  root: Tree,
  set: readonly string[],
  input: readonly string[],
): { given: GivenInput[]; paths: string[]; problems: Problem[] } => {
  const names = entriesAt(root, 'inputs').map(([name]) => name);
  const keys = Object.keys(pipelineSchema.properties ?? {});
  const problems: Problem[] = [];
  const given: GivenInput[] = [];
  const paths: string[] = [];
  for (const flag of set) {
    const name = flag.slice(0, Math.max(0, flag.indexOf('=')));
    const source: Source = { file: `--set ${flag}`, text: flag };
    if (names.includes(name) && keys.includes(name)) problems.push(bothMeant(source, name));
    else if (names.includes(name)) given.push(split(source, name));
    else if (isMisspelt(name, names, keys)) problems.push(unknown(source, name, names));
    else paths.push(flag);
  }
  for (const flag of input) {
    const name = flag.slice(0, Math.max(0, flag.indexOf('=')));
    const source: Source = { file: `--input ${flag}`, text: flag };
    if (name === '')
      problems.push(
        problemAt(whole(source), {
          code: 'input',
          message: 'the flag is no name=value',
          fix: `--input ${names[0] ?? 'name'}=…`,
        }),
      );
    else if (names.includes(name)) given.push(split(source, name));
    else problems.push(unknown(source, name, names));
  }
  return { given, paths, problems };
};

const whole = (source: Source, length = source.text.length): Place => ({
  source,
  offset: 0,
  length: Math.max(1, length),
});

const split = (source: Source, name: string): GivenInput => ({
  ...{ name, source, offset: name.length + 1 },
  value: source.text.slice(name.length + 1),
});

const bothMeant = (source: Source, name: string): Problem =>
  problemAt(whole(source, name.length), {
    code: 'input',
    message: `"${name}" is an input of this pipeline and also a key of the file`,
    fix: `for the input write --input ${source.text}; to set the key, give the input another name`,
  });

/** A bare name that is no key, but nearly an input; what is like a key is left to the schema. */
const isMisspelt = (name: string, names: string[], keys: string[]): boolean =>
  name !== '' && !name.includes('.') && !keys.includes(name) && nearest(name, names) !== undefined;

const unknown = (source: Source, name: string, names: string[]): Problem =>
  problemAt(whole(source, name.length), {
    code: 'input',
    message:
      names.length === 0 ? `this pipeline has no inputs, so none is called "${name}"` : `there is no input "${name}"`,
    expected: names,
    suggestion: nearest(name, names),
    ...(names.length === 0 ? { fix: 'to set a key of the file: --set path=value' } : {}),
  });

/**
 * The inputs that a tree declares. In the tree that comes back, what a flag gave stands in place of the default, so that
 * both are filled in and checked alike.
 */
export const giveInputs = (root: Tree, given: GivenInput[]): Tree => {
  if (root.kind !== 'map' || given.length === 0) return root;
  const declared = root.entries.get('inputs');
  if (declared?.value.kind !== 'map') return root;
  const entries = new Map(declared.value.entries);
  for (const one of given) {
    const entry = entries.get(one.name);
    if (entry?.value.kind !== 'map') continue;
    const place: Place = { source: one.source, offset: one.offset, length: Math.max(1, one.value.length) };
    const value: Scalar = {
      kind: 'scalar',
      value: typed(one.value, textAt(entry.value, 'type')),
      place,
      literal: true,
    };
    const filled: Mapping = {
      ...entry.value,
      entries: new Map(entry.value.entries).set('default', { key: place, value }),
    };
    entries.set(one.name, { ...entry, value: filled });
  }
  const value: Mapping = { ...declared.value, entries };
  return { ...root, entries: new Map(root.entries).set('inputs', { ...declared, value }) };
};

/** A flag's text as the declared type; left a text where it does not read as one. */
const typed = (text: string, type: string | undefined): InputValue => {
  const trimmed = text.trim();
  if (type === 'boolean' && (trimmed === 'true' || trimmed === 'false')) return trimmed === 'true';
  const isNumber = (type === 'integer' || type === 'number') && trimmed !== '' && Number.isFinite(Number(trimmed));
  return isNumber ? Number(trimmed) : text;
};

/** Reads the declarations, whose placeholders are filled in already. `unfilled` are the paths that could not be; wrong values join them. */
export const readInputs = (
  root: Tree,
  given: GivenInput[],
  unfilled: Set<string>,
): { inputs: Inputs; problems: Problem[] } => {
  const problems: Problem[] = [];
  const inputs: Inputs = new Map();
  for (const [name, entry] of entriesAt(root, 'inputs')) {
    const path = `inputs.${name}.default`;
    const isGiven = given.some((one) => one.name === name);
    const input = readOne(name, entry, isGiven);
    const isFilled = !unfilled.has(path);
    const wrong =
      input.value === undefined || !isFilled
        ? undefined
        : mismatch(entry.value, input, isGiven ? `the input ${name}` : `the default of the input ${name}`);
    if (wrong !== undefined && input.value !== undefined) problems.push(problemAt(input.value.place, wrong));
    if (wrong !== undefined) unfilled.add(path);
    const usable = wrong === undefined && isFilled;
    inputs.set(name, usable ? input : { ...input, value: undefined, missing: false });
  }
  return { inputs, problems };
};

const readOne = (name: string, { key, value: spec }: Entry, isGiven: boolean): Input => {
  const fallback = at(spec, 'default');
  const required = at(spec, 'required');
  const demanded = !isGiven && required?.kind === 'scalar' && required.value === true;
  const value = fallback?.kind === 'scalar' && fallback.value !== null && !demanded ? fallback : undefined;
  const misspelt = entriesAt(spec).some(([other]) => other !== 'default' && nearest(other, ['default']) !== undefined);
  return {
    ...{ name, key, value, used: demanded },
    type: textAt(spec, 'type') as InputType | undefined,
    about: textAt(spec, 'about'),
    missing: (spec.kind === 'map' && fallback === undefined && !misspelt) || demanded,
  };
};

const placeholderOf = (type: InputType | undefined): string => (type ?? 'value').toUpperCase();

const kinds: Record<string, string> = { integer: 'a whole number', number: 'a number', boolean: 'true or false' };

/** What is wrong with a value, by its declaration. A declaration of an unknown type is left to the schema. */
const mismatch = (spec: Tree, { name, type, value }: Input, subject: string): Words | undefined => {
  const found = value?.value;
  const says = textAt(spec, 'about');
  const hidden = value?.sensitive === true;
  const is = `${subject} is ${hidden ? 'a value of the environment that does not fit' : JSON.stringify(found)}`;
  const about = says === undefined ? {} : { fix: `--input ${name}=${placeholderOf(type)} (${says})` };
  if (type === 'choice') {
    const choices = itemsAt(spec, 'choices').map((item) => String(toJson(item)));
    if (choices.length === 0 || (typeof found === 'string' && choices.includes(found))) return undefined;
    const suggestion = typeof found === 'string' ? nearest(found, choices) : undefined;
    return { code: 'input', message: `${is}, which is none of its choices`, expected: choices, suggestion, ...about };
  }
  if (type === 'text') {
    if (typeof found === 'string') return undefined;
    return { code: 'input', message: `${is}, not a text`, fix: `write it in quotes: ${JSON.stringify(String(found))}` };
  }
  const kind = kinds[type ?? ''];
  if (kind === undefined) return undefined;
  const range = rangeOf(spec);
  const fits =
    type === 'boolean'
      ? typeof found === 'boolean'
      : typeof found === 'number' && (type === 'number' || Number.isInteger(found)) && range.holds(found);
  return fits ? undefined : { code: 'input', message: `${is}, not ${kind}${range.words}`, ...about };
};

const rangeOf = (spec: Tree): { words: string; holds: (value: number) => boolean } => {
  const [min, max] = ['min', 'max'].map((name) => {
    const bound = toJson(at(spec, name) ?? spec);
    return typeof bound === 'number' ? bound : undefined;
  });
  const words =
    min !== undefined && max !== undefined
      ? ` from ${min} to ${max}`
      : min !== undefined
        ? ` of ${min} or more`
        : max === undefined
          ? ''
          : ` of ${max} or less`;
  return { words, holds: (value) => value >= (min ?? value) && value <= (max ?? value) };
};

/**
 * Inputs that are needed and were not given, once each; and, as warnings, those that no file names in `written`. What a
 * misspelt flag was meant to give is not missed.
 */
export const checkInputs = (inputs: Inputs, written: ReadonlySet<string>, flags: Problem[]): Problem[] =>
  [...inputs.values()].flatMap((input): Problem[] => {
    const { name, key, about, type } = input;
    const path = `inputs.${name}`;
    if (input.used && input.missing && flags.some(({ suggestion }) => suggestion === name)) return [];
    if (input.used && input.missing) {
      const fix = `--input ${name}=${placeholderOf(type)}${about === undefined ? '' : ` (${about})`}, or give it a default`;
      return [problemAt(key, { code: 'input', path, message: `the input ${name} is needed and was not given`, fix })];
    }
    if (input.used || written.has(name)) return [];
    const message = `inputs.${name} is not used: nothing says \${input:${name}}`;
    return [problemAt(key, { code: 'unused', severity: 'warning', path, message })];
  });

/** Names of inputs that are written anywhere in a tree: also where a profile or a later file puts something else. */
export const inputsWritten = (tree: Tree): string[] => {
  if (tree.kind === 'list') return tree.items.flatMap(inputsWritten);
  if (tree.kind === 'map') return [...tree.entries.values()].flatMap(({ value }) => inputsWritten(value));
  const text = typeof tree.value === 'string' ? tree.value : '';
  return [...text.matchAll(/\$\{input:([^{}]*)\}/g)].map(([, name = '']) => name);
};

/** What the inputs are, for the plan. */
export const inputValues = (inputs: Inputs): Record<string, InputValue> =>
  Object.fromEntries(
    [...inputs].flatMap(([name, { value }]) =>
      value === undefined || value.value === null ? [] : [[name, value.value]],
    ),
  );
