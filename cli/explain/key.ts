/** A key of the pipeline file as `lbi explain` shows it. */
import { stringify } from 'yaml';
import { effectOf, namedBy, neighbours, takes } from '../../core/spec/key-words.ts';
import { type Key, promptsWith } from '../../core/spec/keys.ts';
import { program } from '../home.ts';
import { paint } from '../progress.ts';

/** More places than this are listed, not explained. */
const most = 4;

export const keyFacts = (key: Key) => ({
  ...{ path: key.path, meaning: key.schema.description ?? key.schema.title ?? '', required: key.required },
  takes: takes(key),
  unit: key.schema['x-unit'] ?? null,
  default: key.schema.default ?? null,
  examples: key.examples,
  effect: key.schema['x-effect'] ?? null,
  afterAChange: effectOf(key),
  variants: key.variants,
  ...neighbours(key),
  namedBy: namedBy(key),
  prompts: promptsWith(key),
});

export const keyLines = (keys: Key[]): string[] => {
  if (keys.length <= most) return keys.flatMap((key, index) => [...(index > 0 ? [''] : []), ...oneKey(key)]);
  return [
    `${keys.length} keys have this name:`,
    ...keys.map(({ path, schema }) => `  ${path.padEnd(44)} ${paint('dim', schema.description ?? '')}`),
    '',
    `one of them: ${program} explain ${keys[0]?.path}`,
  ];
};

const row = (name: string, text: string): string[] => (text === '' ? [] : [`  ${name.padEnd(16)}${text}`]);

/** `accept: { at_least: 2 }`, as it is written in the file. */
const written = (key: Key, value: unknown): string => {
  const name = key.path.split('.').at(-1) ?? '';
  const text = stringify(
    { [name]: value },
    { collectionStyle: 'flow', lineWidth: 0, flowCollectionPadding: true },
  ).trim();
  return text.replace(/^\{ (.*) \}$/s, '$1');
};

const shownDefault = ({ schema, required }: Key): string => {
  if (schema.default !== undefined && JSON.stringify(schema.default) !== '{}') return JSON.stringify(schema.default);
  return required ? 'none: it must be given' : schema.default === undefined ? 'none: it may be left out' : '';
};

function oneKey(key: Key): string[] {
  const { beside, inside } = neighbours(key);
  const prompts = promptsWith(key).map(({ prompt, variable }) => `{{ ${variable} }} in the prompt of ${prompt}`);
  const examples = key.examples.slice(0, 3).map((value) => written(key, value));
  const variants = key.variants.length === 0 ? '' : paint('dim', `   (${key.variants.join(', ')})`);
  return [
    `${paint('bold', key.path)}${variants}`,
    `  ${key.schema.description ?? key.schema.title ?? ''}`,
    '',
    ...row('takes', takes(key).join(' | ')),
    ...row('unit', key.schema['x-unit'] ?? ''),
    ...row('default', shownDefault(key)),
    ...examples.flatMap((example, index) => row(index === 0 ? 'for example' : '', example)),
    ...row('after a change', effectOf(key)),
    ...row('read by', prompts.join('; ')),
    ...row('named by', namedBy(key).join(', ')),
    ...row('keys in it', inside.join(', ')),
    ...row('beside it', beside.join(', ')),
  ];
}
