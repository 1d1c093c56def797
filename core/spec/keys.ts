/** Every key of the pipeline file by its path, and finding one by what a person types. */
import { promptVariables } from '../prompt.ts';
import { pipelineSchema, type SchemaNode, tagValues } from './schema.ts';
import { nearest } from './suggest.ts';

/** A key. `*` in a path stands for a name that the author chooses, or for a place in a list. */
export interface Key {
  /** e.g. `stages.filter.committee.accept`, `models.*.limits.rpm` */
  path: string;
  schema: SchemaNode;
  required: boolean;
  /** The providers, kinds or stages that have it; empty where there is but one form. */
  variants: string[];
  /** Values shown by the schemas of all its variants. */
  examples: unknown[];
}

interface Level {
  path: string;
  variants: string[];
}

const join = (path: string, step: string): string => (path === '' ? step : `${path}.${step}`);

/** The keys that a schema has below a path, outside before inside. */
const walk = (schema: SchemaNode, level: Level): Key[] => {
  const own = Object.entries(schema.properties ?? {}).flatMap(([name, below]): Key[] => {
    const path = join(level.path, name);
    const key: Key = {
      ...{ path, schema: below, variants: level.variants, examples: below.examples ?? [] },
      required: schema.required?.includes(name) === true,
    };
    return [key, ...inside(below, { ...level, path })];
  });
  return own;
};

/** The keys inside a value: of a map, of each form it may have, of the entries of a record or list. */
const inside = (schema: SchemaNode, level: Level): Key[] => [
  ...walk(schema, level),
  ...(schema.anyOf ?? []).flatMap((branch) => inside(branch, inShape(schema, branch, level))),
  ...entries(schema.patternProperties?.['^.*$'], level),
  ...entries(schema.items, level),
];

/** One of several shapes is called by the key that tells it from the others: `site`, `files`. */
const inShape = (schema: SchemaNode, branch: SchemaNode, level: Level): Level => {
  const tag = schema['x-told-by']?.find((name) => branch.required?.includes(name));
  return tag === undefined ? level : { ...level, variants: [tag] };
};

const entries = (schema: SchemaNode | undefined, level: Level): Key[] => {
  if (schema === undefined) return [];
  if (schema.oneOf === undefined) return inside(schema, { ...level, path: join(level.path, '*') });
  const tags = tagValues(schema);
  return schema.oneOf.flatMap((variant, index) => {
    const tag = tags[index] ?? '';
    // Stages stand in a list and are called by name; models and environments have names of the author's own.
    const step = level.path === 'stages' ? tag : '*';
    return walk(variant, { path: join(level.path, step), variants: level.path === 'stages' ? [] : [tag] });
  });
};

const meaning = ({ path, schema, required }: Key): string =>
  JSON.stringify([path, { ...schema, examples: null }, required]);

/** Keys that mean the same in several variants are one. */
const merged = (keys: Key[]): Key[] => {
  const known = new Map<string, Key>();
  for (const key of keys) {
    const same = known.get(meaning(key));
    known.set(
      meaning(key),
      same === undefined
        ? key
        : {
            ...same,
            variants: [...new Set([...same.variants, ...key.variants])],
            examples: [...new Set([...same.examples, ...key.examples].map((value) => JSON.stringify(value)))].map(
              (text) => JSON.parse(text) as unknown,
            ),
          },
    );
  }
  return [...known.values()];
};

let all: Key[] | undefined;

/** All keys of the pipeline file. */
export const allKeys = (): Key[] => {
  all ??= merged(walk(pipelineSchema, { path: '', variants: [] }));
  return all;
};

const stepsOf = (text: string): string[] =>
  text
    .trim()
    .replaceAll(/\[([^\]]*)\]/g, '.$1')
    .split(/[./]/)
    .filter((step) => step !== '');

/** True when the steps that were typed end the key's path; `*` takes any name. */
const ends = (key: Key, typed: string[]): boolean => {
  const steps = key.path.split('.');
  const from = steps.length - typed.length;
  return from >= 0 && typed.every((step, index) => steps[from + index] === step || steps[from + index] === '*');
};

/** Lists may be named without a place in them: `sources.limit`. */
const withoutPlaces = (key: Key): Key => ({ ...key, path: key.path.replaceAll(/\.\*(?=\.|$)/g, '') });

const byPath = (keys: Key[], typed: string[]): Key[] => {
  const whole = keys.filter((key) => key.path.split('.').length === typed.length && ends(key, typed));
  if (whole.length > 0) return whole;
  const short = keys.filter((key) => withoutPlaces(key).path === typed.join('.'));
  return short.length > 0
    ? short
    : keys.filter((key) => ends(key, typed) && !/^\*/.test(key.path.split('.').at(-1) ?? ''));
};

/** What was found under a name: keys (several where it stands in several places), or the nearest path. */
export type Search = { found: Key[] } | { meant: string | undefined };

/** Looks a key up by its path, the end of its path, or its name: `stages.filter.committee.accept`, `filter.committee`, `rpm`. */
export const findKeys = (text: string, keys = allKeys()): Search => {
  const typed = stepsOf(text);
  if (typed.length === 0) return { meant: undefined };
  const found = byPath(keys, typed);
  if (found.length > 0) {
    // `models.anthropic.api_key` names a variant where a name of the author's own would stand.
    const named = found.filter(({ variants }) => variants.some((variant) => typed.includes(variant)));
    return { found: named.length > 0 ? named : found };
  }
  return { meant: nearestPath(typed, keys) };
};

/** The path with its misspelt steps mended one after the other, else the key whose last name is nearest. */
const nearestPath = (typed: string[], keys: Key[]): string | undefined => {
  const starts =
    typed[0] !== undefined && keys.some(({ path }) => path === `stages.${typed[0]}.uses`) ? ['stages'] : [];
  let mended: string[] = [];
  for (const step of [...starts, ...typed]) {
    const next = childrenOf(mended, keys);
    const right = next.includes(step) || next.includes('*') ? step : nearest(step, next);
    if (right === undefined) {
      mended = [];
      break;
    }
    mended.push(right);
  }
  if (mended.length > 0) return mended.join('.');
  const names = [...new Set(keys.map(({ path }) => path.split('.').at(-1) ?? ''))];
  const last = nearest(typed.at(-1) ?? '', names);
  return keys.find(({ path }) => path.split('.').at(-1) === last)?.path;
};

/** The names that may follow the steps of a path. */
export const childrenOf = (steps: string[], keys = allKeys()): string[] => [
  ...new Set(
    keys.flatMap(({ path }) => {
      const own = path.split('.');
      const fits = own.length > steps.length && steps.every((step, index) => own[index] === step || own[index] === '*');
      return fits ? [own[steps.length] ?? ''] : [];
    }),
  ),
];

/** Prompts and the variables in them that a key changes. */
const inPrompts: Record<string, { prompt: string; kind: keyof typeof promptVariables; variable: string }[]> = {
  'stages.instruct.per_document': [{ prompt: 'instruct', kind: 'instruct', variable: 'count' }],
  'stages.instruct.hints': [{ prompt: 'instruct', kind: 'instruct', variable: 'hints' }],
  'sources.*.max_chars': [{ prompt: 'instruct', kind: 'instruct', variable: 'document' }],
  'environments.*.about': [
    { prompt: 'instruct', kind: 'instruct', variable: 'place' },
    { prompt: 'interact', kind: 'decide', variable: 'place' },
  ],
  'environments.*.observation.max_chars': [{ prompt: 'interact', kind: 'decide', variable: 'observation' }],
  'stages.interact.history_chars': [{ prompt: 'interact', kind: 'decide', variable: 'history' }],
  'stages.interact.knowledge': [{ prompt: 'interact', kind: 'decide', variable: 'knowledge' }],
  'stages.interact.knowledge.max_tokens': [{ prompt: 'interact', kind: 'decide', variable: 'knowledge' }],
  'stages.construct.observation_chars': [
    { prompt: 'construct/new-task', kind: 'relabel', variable: 'trajectory' },
    { prompt: 'construct/replicate', kind: 'relabel', variable: 'trajectory' },
    { prompt: 'filter', kind: 'vote', variable: 'trajectory' },
  ],
  'stages.filter.committee.criteria': [{ prompt: 'filter', kind: 'vote', variable: 'criteria' }],
};

/** Where a value of the key is read by a model: the prompt and the variable in it. */
export const promptsWith = ({ path }: Key): { prompt: string; variable: string }[] =>
  (inPrompts[path] ?? []).map(({ prompt, variable }) => ({ prompt, variable }));

/** For tests: every variable that the table names is one of its prompt. */
export const promptTable = (): { path: string; variable: string; known: string[] }[] =>
  Object.entries(inPrompts).flatMap(([path, uses]) =>
    uses.map(({ kind, variable }) => ({ path, variable, known: promptVariables[kind] })),
  );
