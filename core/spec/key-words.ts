/** A key of the pipeline file in words: what it takes, what a change of it does to finished work, and who reads it. */
import type { Key } from './keys.ts';
import { allKeys } from './keys.ts';
import { accepts } from './schema.ts';

/** Stages in the order of the method; what comes later takes what the earlier one gives. */
const order = ['instruct', 'interact', 'construct', 'filter', 'index', 'export'];

const listed = (names: string[]): string =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;

const stageOf = ({ path }: Key): string | undefined => (path.startsWith('stages.') ? path.split('.')[1] : undefined);

/** What of finished work is done again after a change. */
export const effectOf = (key: Key): string => {
  const { schema, path } = key;
  const effect = schema['x-effect'] ?? 'output';
  if (effect === 'nothing') return 'nothing is done again';
  if (effect === 'cost') return 'nothing is done again; what a run costs or how long it takes changes';
  if (schema['x-selects'] === true) return 'only what is new is done; what was made before is found again';
  const stage = stageOf(key);
  if (stage === 'index' || stage === 'export') return `${stage} is done again; no model is asked`;
  if (stage !== undefined) {
    const later = order.slice(order.indexOf(stage) + 1).filter((name) => !['index', 'export'].includes(name));
    return later.length === 0
      ? `${stage} is done again; what comes before it is kept`
      : `${stage} is done again, and what follows from it in ${listed(later)}`;
  }
  if (path.startsWith('models'))
    return 'every stage that names this model asks it again, and what follows is done again';
  if (path.startsWith('environments')) return 'interact is done again in this place, and what follows from it';
  if (path.startsWith('sources')) return 'documents that are new or read otherwise are worked on; the others are kept';
  return 'what depends on it is done again';
};

/** What the key takes, one choice an entry. */
export const takes = ({ schema }: Key): string[] => accepts(schema);

/** Keys that name what this one belongs to: where a model or an environment is used. */
export const namedBy = ({ path }: Key): string[] => {
  const names =
    path.startsWith('models.') || path === 'models' ? 'model' : path.startsWith('environments') ? 'environment' : '';
  return names === '' || path.split('.').length > 3
    ? []
    : allKeys()
        .filter(({ schema }) => schema['x-names'] === names || schema.items?.['x-names'] === names)
        .map((each) => each.path);
};

const parentOf = (path: string): string => path.split('.').slice(0, -1).join('.');

/** Keys that stand beside it, and those inside it, by name. */
export const neighbours = (key: Key): { beside: string[]; inside: string[] } => {
  const shared = (other: Key): boolean =>
    key.variants.length === 0 || other.variants.some((variant) => key.variants.includes(variant));
  const at = (parent: string): string[] => [
    ...new Set(
      allKeys()
        .filter((other) => parentOf(other.path) === parent && other.path !== key.path && shared(other))
        .map(({ path }) => path.split('.').at(-1) ?? ''),
    ),
  ];
  return { beside: at(parentOf(key.path)), inside: [...new Set([...at(key.path), ...at(`${key.path}.*`)])] };
};
