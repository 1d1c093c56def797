/** Random and damaged pipeline files, the same for one seed: what the tests of the diagnostics are fed. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { Json } from '../../../schemas/common.ts';

export type Random = () => number;

const root = join(import.meta.dirname, '../../..');

/** Every pipeline and template that is shipped, and one that uses every part: good files by name. */
export const goodFiles = (): Record<string, string> => {
  const folders = ['pipelines', 'test/core/golden', 'test/spec/corpus'];
  const paths = folders.flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`));
  const texts = paths
    .filter((path) => path.endsWith('.yaml'))
    .map((path) => [path, readFileSync(join(root, path), 'utf8')] as const);
  return Object.fromEntries(texts.filter(([, text]) => /^version:/m.test(text)));
};

export const pick = <T>(random: Random, choices: readonly T[]): T => {
  const chosen = choices[Math.floor(random() * choices.length)];
  if (chosen === undefined) throw new Error('nothing to choose from');
  return chosen;
};

const upTo = (random: Random, most: number): number => Math.floor(random() * (most + 1));
const times = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make);

const tokens = [
  ...[
    'version: "1"',
    'name: x',
    'models:',
    'stages:',
    '  - uses: filter',
    'uses',
    'kind: shell',
    'extends:',
    'profiles:',
  ],
  ...[
    ': ',
    '- ',
    '? ',
    '\n',
    '\n  ',
    '\n    ',
    '\r\n',
    '\r',
    '\t',
    ' #',
    '{',
    '}',
    '[',
    ']',
    ',',
    '"',
    "'",
    '|',
    '>-',
    '>9',
  ],
  ...[
    '&a ',
    '*a',
    '<<: ',
    '<<: *a',
    '<<: [*a, *a]',
    '!!str ',
    '!!binary ',
    '!tag ',
    '!<x> ',
    '%YAML 1.1\n',
    '---',
    '...',
    '@',
    '`',
  ],
  ...[
    '${',
    '${env:X}',
    '${env:',
    '${secret:K}',
    '${port}',
    '$$',
    '{{ x }}',
    '\\',
    '\\x',
    '\\u12',
    '"\\ud800"',
    '~',
    'null',
    'true',
  ],
  ...[
    '1e999',
    '-1e999',
    '.inf',
    '.nan',
    '0x7fffffffffffffff',
    '18446744073709551616',
    '0o17',
    '1_000',
    '-0',
    '1.',
    'yes',
  ],
  ...[
    '__proto__: 1',
    'constructor: 1',
    'toString: {}',
    'hasOwnProperty: []',
    '"": 1',
    '? [a]\n: 1',
    '? {a: 1}',
    '\u0000',
    '\uFEFF',
  ],
  ...[
    '\ud800',
    '\udfff',
    '😀',
    '\u2028',
    '\u0085',
    '\u00a0',
    'ä',
    '\u200b',
    '\u001b[31m',
    'x'.repeat(300),
    ' '.repeat(40),
  ],
];

/** A text of about `size` characters: bytes, printable characters, or the tokens that YAML and pipelines are made of. */
export const randomText = (random: Random, size: number): string => {
  const sort = upTo(random, 2);
  if (sort === 0) return new TextDecoder().decode(Uint8Array.from(times(size, () => upTo(random, 255))));
  if (sort === 1)
    return times(size, () => (random() < 0.04 ? '\n' : String.fromCharCode(32 + upTo(random, 94)))).join('');
  let text = '';
  while (text.length < size) text += pick(random, tokens);
  return text;
};

/** A word with one slip of the fingers. */
export const misspell = (random: Random, word: string): string => {
  const at = upTo(random, Math.max(0, word.length - 1));
  const slips = [
    () => word.slice(0, at) + word.slice(at + 1),
    () => word.slice(0, at) + (word[at] ?? 'x') + word.slice(at),
    () => word.slice(0, at) + (word[at + 1] ?? '') + (word[at] ?? '') + word.slice(at + 2),
    () => word.toUpperCase(),
    () => `${word}s`,
    () => word.replaceAll('_', '-'),
  ];
  return pick(random, slips)();
};

type Change = (text: string, random: Random) => string;

const lines = (
  text: string,
  change: (rows: string[], at: number, random: Random) => string[],
  random: Random,
): string => {
  const rows = text.split('\n');
  return change(rows, upTo(random, rows.length - 1), random).join('\n');
};

const row = (rows: string[], at: number): string => rows[at] ?? '';
const word = /[A-Za-z][\w-]+/g;

/** One of the words of a text replaced. */
const swapWord = (text: string, random: Random, change: (found: string) => string): string => {
  const found = [...text.matchAll(word)];
  if (found.length === 0) return text;
  const { index, 0: old } = pick(random, found);
  return text.slice(0, index) + change(old) + text.slice(index + old.length);
};

const nested = (depth: number): Record<string, () => string> => ({
  'lists in flow': () => '['.repeat(depth) + ']'.repeat(depth),
  'maps in flow': () => `${'{a: '.repeat(depth)}1${'}'.repeat(depth)}`,
  'open lists': () => '['.repeat(depth),
  'lists in one line': () => `${'- '.repeat(depth)}1`,
  'maps in block': () =>
    times(Math.min(depth, 800), () => 0)
      .map((_, at) => `${' '.repeat(at)}a:`)
      .join('\n'),
  'key of key': () => `${'? '.repeat(depth)}1`,
});

const bomb = (): string =>
  `x-a: &a [${'x,'.repeat(20)}]\n${[...'bcdefghijk'].map((name, at) => `x-${name}: &${name} [${`*${'abcdefghij'[at]},`.repeat(20)}]\n`).join('')}`;

/** Changes of the text: what editors, copying and people do to lines. */
const textChanges: Change[] = [
  (text, random) => lines(text, (rows, at) => rows.toSpliced(at, 1), random),
  (text, random) => lines(text, (rows, at) => rows.toSpliced(at, 0, row(rows, at)), random),
  (text, random) => lines(text, (rows, at) => rows.with(at, `  ${row(rows, at)}`), random),
  (text, random) => lines(text, (rows, at) => rows.with(at, row(rows, at).replace(/^ {2}/, '')), random),
  (text, random) => lines(text, (rows, at) => rows.with(at, row(rows, at).replace(/^ +/, '\t')), random),
  (text, random) => lines(text, (rows, at) => rows.with(at, row(rows, at).replace(':', '')), random),
  (text, random) => lines(text, (rows, at) => rows.with(at, row(rows, at).replace(': ', ':')), random),
  (text, random) => lines(text, (rows, at) => rows.with(at, row(rows, at).replace(/["'[\]{}]/, '')), random),
  (text, random) => lines(text, (rows, at) => rows.toSpliced(upTo(random, rows.length - 1), 0, row(rows, at)), random),
  (text, random) => lines(text, (rows, at) => rows.toSpliced(at, 0, '---'), random),
  (text, random) =>
    lines(text, (rows, at) => rows.with(at, row(rows, at).replace(/: .*/, `: ${pick(random, tokens)}`)), random),
  (text, random) => lines(text, (rows, at) => rows.with(at, row(rows, at) + 'y'.repeat(upTo(random, 20_000))), random),
  (text, random) => swapWord(text, random, (old) => misspell(random, old)),
  (text, random) => swapWord(text, random, () => pick(random, tokens)),
  (text, random) =>
    swapWord(text, random, () => pick(random, ['__proto__', 'constructor', 'toString', 'prototype', '<<', ''])),
  (text, random) =>
    text.replaceAll(/\b\d+\b/g, (old) =>
      random() < 0.1
        ? pick(random, ['1e999', '0xFFFFFFFFFFFFFFFFF', '9007199254740993', '-1', '0', '1.5', '1_0', '"3"'])
        : old,
    ),
  (text) => `\uFEFF${text}`,
  (text) => text.replaceAll('\n', '\r\n'),
  (text, random) => text.replaceAll('\n', () => (random() < 0.1 ? '\r' : '\n')),
  (text, random) => text.slice(0, upTo(random, text.length)),
  (text, random) => text.slice(upTo(random, text.length)),
  (text, random) => {
    const at = upTo(random, text.length);
    return text.slice(0, at) + pick(random, tokens) + text.slice(at);
  },
  (text, random) => `${text}\n---\n${random() < 0.5 ? text : ''}`,
  (text, random) =>
    `x-self: &self { a: *self }\n${random() < 0.5 ? text.replace('\nstages:', '\n<<: *self\nstages:') : text}`,
  (text, random) =>
    text
      .replace(/: (\S)/, (whole, first: string) => (random() < 0.5 ? `: &it ${first}` : whole))
      .replaceAll(/: \d+/g, ': *it'),
];

type Slot = { holder: Json[] | { [key: string]: Json }; name: string };

const slots = (value: Json): Slot[] => {
  if (typeof value !== 'object' || value === null) return [];
  const holder = value as Slot['holder'];
  return Object.entries(holder).flatMap(([name, below]) => [{ holder, name }, ...slots(below)]);
};

const read = ({ holder, name }: Slot): Json => (holder as { [key: string]: Json })[name] ?? null;
const write = ({ holder, name }: Slot, value: Json): void => {
  (holder as { [key: string]: Json })[name] = value;
};

const odd: Json[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  '',
  'x',
  [],
  {},
  [[]],
  [null],
  { '': null },
  { uses: 'filter' },
  'no',
  '1',
  '${env:NONE}',
  ['a', 'a'],
];

/** Changes of the structure: keys dropped, renamed, moved, and values of other types. */
const structureChanges: ((all: Slot[], random: Random) => void)[] = [
  (all, random) => {
    const { holder, name } = pick(random, all);
    if (Array.isArray(holder)) holder.splice(Number(name), 1);
    else delete holder[name];
  },
  (all, random) => {
    const { holder, name } = pick(random, all);
    if (Array.isArray(holder)) return;
    const value = holder[name] ?? null;
    delete holder[name];
    holder[misspell(random, name)] = value;
  },
  (all, random) => write(pick(random, all), structuredClone(pick(random, odd))),
  (all, random) => write(pick(random, all), structuredClone(read(pick(random, all)))),
  (all, random) => {
    const { holder } = pick(random, all);
    if (!Array.isArray(holder)) holder[pick(random, all).name] = structuredClone(read(pick(random, all)));
    else holder.push(structuredClone(read(pick(random, all))));
  },
  (all, random) => {
    const slot = pick(random, all);
    const value = read(slot);
    if (typeof value === 'string') write(slot, misspell(random, value));
  },
];

const structures = new Map<string, Json>();

const structureOf = (text: string): Json => {
  const known = structures.get(text) ?? (parse(text, { merge: true }) as Json);
  structures.set(text, known);
  return known;
};

/** The structure of a good file with some changes, written as block or flow YAML. */
export const changeStructure = (text: string, random: Random): string => {
  const value = structuredClone(structureOf(text));
  for (let count = 1 + upTo(random, 2); count > 0; count -= 1) {
    const all = slots(value);
    if (all.length > 0) pick(random, structureChanges)(all, random);
  }
  const flow = random() < 0.2 ? ({ collectionStyle: 'flow' } as const) : {};
  return stringify(value, { ...flow, aliasDuplicateObjects: random() < 0.5 });
};

/** The text of a good file with some changes. */
export const changeText = (text: string, random: Random): string =>
  times(1 + upTo(random, 2), () => pick(random, textChanges)).reduce(
    (changed, change) => change(changed, random),
    text,
  );

/** Files that are too much of something: nesting, aliases, length, numbers of entries. */
export const monsters = (text: string): Record<string, string> => {
  const depths = [50, 101, 1000, 2000, 4000, 10_000, 100_000].flatMap((depth) =>
    Object.entries(nested(depth)).flatMap(([name, make]): [string, string][] => [
      [`${depth} ${name}`, `${make()}\n`],
      [`${depth} ${name} in a note`, `${text}x-deep:\n  ${make().replaceAll('\n', '\n  ')}\n`],
      [`${depth} ${name} in a stage`, text.replace(/^stages:/m, `stages:\n  - ${make().replaceAll('\n', '\n    ')}`)],
    ]),
  );
  return {
    ...Object.fromEntries(depths),
    'alias bomb': bomb() + text,
    'alias bomb in models': text.replace(/^models:/m, `${bomb()}models:\n  deep: *k`),
    'merged bomb': `x-a: &a { ${times(900, () => 0)
      .map((_, at) => `k${at}: 1`)
      .join(', ')} }\nmodels:\n${times(900, () => 0)
      .map((_, at) => `  m${at}: { <<: *a }`)
      .join('\n')}\n`,
    'long line': text.replace('description: ', `description: ${'word '.repeat(200_000)}`),
    'long key': `${'k'.repeat(900_000)}: 1\n${text}`,
    'many keys':
      text +
      times(15_000, () => 0)
        .map((_, at) => `key${at}: 1\n`)
        .join(''),
    'many models': text.replace(
      /^models:/m,
      `models:\n${times(9000, () => 0)
        .map((_, at) => `  m${at}: {}`)
        .join('\n')}`,
    ),
    'many members': text.replace(
      /members: .*/,
      `members: [${times(15_000, () => 0)
        .map((_, at) => `m${at}`)
        .join()}]`,
    ),
    'many styles': text.replace(/styles: \[[^\]]*\]/, `styles: [${'new-task, '.repeat(15_000)}]`),
    'many wrong styles': text.replace(
      /styles: \[[^\]]*\]/,
      `styles: [${times(15_000, () => 0)
        .map((_, at) => `s${at}`)
        .join()}]`,
    ),
    'many stages': text + times(6000, () => '  - { uses: filter }\n').join(''),
    'many documents': `${text}---\n`.repeat(200),
    'many anchors': `${times(9000, () => 0)
      .map((_, at) => `x-${at}: &a${at} {}\n`)
      .join('')}x-last: [${times(9000, () => 0)
      .map((_, at) => `*b${at}`)
      .join()}]\n${text}`,
    'many placeholders': text.replace('description: ', `description: ${'${env:NONE} '.repeat(20_000)}`),
    'many quotes': `a: ${'"'.repeat(100_001)}\n${text}`,
    'many tabs': `${'\t'.repeat(100_000)}a: 1\n`,
    'many blank lines': `${'\n'.repeat(1_000_000)}${text}`,
    'many comments': `${'# c\n'.repeat(300_000)}${text}`,
    'many tags': `a: [${'!x a, '.repeat(9000)}]\n${text}`,
    'many duplicates': text + 'seed: 1\n'.repeat(9000),
    'too long': 'a: 1\n'.repeat(500_000),
    'two bytes too many': '\u0000\u0000',
    colons: ': '.repeat(200_000),
    questions: '? '.repeat(200_000),
    'braces in braces': '{{ '.repeat(50_000),
    dollars: `a: "${'${'.repeat(100_000)}"\n`,
  };
};
