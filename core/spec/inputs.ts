/** `inputs:` → the value of each: what a flag gives, else the default; checked against its declaration. */
import type { InputType, InputValue } from '../../schemas/pipeline/input.ts';
import type { GivenInput } from './input-flags.ts';
import { type Place, type Problem, problemAt, type Words } from './problem.ts';
import { nearest } from './suggest.ts';
import { at, type Entry, entriesAt, itemsAt, type Scalar, type Tree, textAt, toJson } from './tree.ts';

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
