/** Flags that give inputs: told apart from those that set a path, and laid in place of the defaults. */
import type { InputValue } from '../../schemas/pipeline/input.ts';
import { type Place, type Problem, problemAt, type Source } from './problem.ts';
import { pipelineSchema } from './schema.ts';
import { nearest } from './suggest.ts';
import { entriesAt, type Mapping, type Scalar, type Tree, textAt } from './tree.ts';

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
