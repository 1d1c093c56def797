/** Did-you-mean: every key and every name of a pipeline, with every slip of the fingers, and the suggestion is the right one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { interpolate } from '../../core/spec/interpolate.ts';
import { loadSpec } from '../../core/spec/load.ts';
import { parseTree } from '../../core/spec/parse.ts';
import type { Problem } from '../../core/spec/problem.ts';
import { childSchema, pipelineSchema, resolveSchema, type SchemaNode, tagValues } from '../../core/spec/schema.ts';
import { type Mapping, outline, type Path, type Tree } from '../../core/spec/tree.ts';
import { validateTree } from '../../core/spec/validate.ts';
import { goodFiles } from './corpus/mutate.ts';

const everything = goodFiles()['test/spec/corpus/everything.yaml'] ?? '';
/** The forms of a rule that one file cannot hold at once. */
const texts = [
  everything,
  everything.replace(/accept: .*/, 'accept: { at_least: 2 }'),
  everything.replace(/accept: .*/, 'accept: unanimous'),
];

/** The neighbours of each letter on the keyboard. */
const rows = ['qwertyuiop', 'asdfghjkl', 'zxcvbnm'];
const besides = (letter: string): string[] => {
  const row = rows.find((one) => one.includes(letter)) ?? '';
  const at = row.indexOf(letter);
  return [row[at - 1], row[at + 1]].filter((one) => one !== undefined);
};

const spots = (word: string): number[] => [...word].map((_, at) => at);
const camel = (word: string): string => word.replace(/[-_](\w)/g, (_, letter: string) => letter.toUpperCase());

/** Every way to misspell a word, by kind. */
const slips: Record<string, (word: string) => string[]> = {
  'a letter is missing': (word) => spots(word).map((at) => word.slice(0, at) + word.slice(at + 1)),
  'a letter is doubled': (word) => spots(word).map((at) => word.slice(0, at + 1) + word.slice(at)),
  'neighbours are swapped': (word) =>
    spots(word)
      .slice(1)
      .map((at) => word.slice(0, at - 1) + word[at] + word[at - 1] + word.slice(at + 1)),
  'the key beside': (word) =>
    spots(word).flatMap((at) =>
      besides(word[at] ?? '').map((letter) => word.slice(0, at) + letter + word.slice(at + 1)),
    ),
  'an s too many or too few': (word) => [word.endsWith('s') ? word.slice(0, -1) : `${word}s`],
  'other separators': (word) => [
    word.replaceAll('_', '-'),
    word.replaceAll('-', '_'),
    camel(word),
    word.replaceAll(/[-_]/g, ''),
  ],
  'other case': (word) => [word.toUpperCase(), `${(word[0] ?? '').toUpperCase()}${word.slice(1)}`],
};

const kinds = Object.keys(slips);
const misspellings = (word: string, possible: readonly string[]): { kind: string; written: string }[] =>
  kinds.flatMap((kind) => {
    const written = new Set(slips[kind]?.(word));
    return [...written]
      .filter((one) => one !== '' && one !== word && !possible.includes(one) && !one.startsWith('x-'))
      .map((one) => ({ kind, written: one }));
  });

interface Missed {
  kind: string;
  where: string;
  written: string;
  meant: string;
  suggested: string | undefined;
}

/** Counts what is suggested for every misspelling; prints the share of each kind and what was not right. */
const counted = () => {
  const all = new Map<string, number>();
  const missed: Missed[] = [];
  const see = (kind: string, found: Missed): void => {
    all.set(kind, (all.get(kind) ?? 0) + 1);
    if (found.suggested !== found.meant) missed.push(found);
  };
  const share = (): number => {
    const total = [...all.values()].reduce((sum, one) => sum + one, 0);
    for (const [kind, count] of all) {
      const wrong = missed.filter((one) => one.kind === kind).length;
      console.log(`  ${kind.padEnd(26)} ${(100 * (1 - wrong / count)).toFixed(1)} % of ${count}`);
    }
    const list = missed.map(
      ({ where, written, meant, suggested }) => `${where}: ${written} (${meant}) → ${suggested ?? 'nothing'}`,
    );
    if (list.length > 0) console.log(`  not right: ${list.slice(0, 40).join('; ')}`);
    console.log(`  ${total - missed.length} of ${total} right: ${(100 * (1 - missed.length / total)).toFixed(2)} %`);
    return 1 - missed.length / total;
  };
  return { see, share };
};

interface Visited {
  path: Path;
  node: Tree;
  schema: SchemaNode;
}

/** Every value of a tree with the part of the schema that governs it. */
const visit = (node: Tree, schema: SchemaNode, path: Path = []): Visited[] => {
  const governing = resolveSchema(schema, outline(node));
  const children: [string | number, Tree][] =
    node.kind === 'list'
      ? [...node.items.entries()]
      : node.kind === 'map'
        ? [...node.entries].map(([name, entry]) => [name, entry.value])
        : [];
  const below = children.flatMap(([step, one]) => {
    const inner = childSchema(governing, step);
    return inner === undefined ? [] : visit(one, inner, [...path, step]);
  });
  return [{ path, node, schema: node.kind === 'scalar' ? schema : governing }, ...below];
};

const treeOf = (text: string): Mapping => {
  const { tree } = parseTree({ file: 'p.yaml', text });
  assert.ok(tree !== undefined);
  const filled = interpolate(tree, pipelineSchema, {}).tree;
  assert.ok(filled.kind === 'map');
  return filled;
};

/** The tree with another node at a path. */
const replaced = (tree: Tree, [step, ...rest]: Path, node: Tree): Tree => {
  if (step === undefined) return node;
  if (tree.kind === 'list')
    return { ...tree, items: tree.items.map((item, at) => (at === step ? replaced(item, rest, node) : item)) };
  if (tree.kind !== 'map') return tree;
  return {
    ...tree,
    entries: new Map(
      [...tree.entries].map(([name, entry]) => [
        name,
        name === step ? { ...entry, value: replaced(entry.value, rest, node) } : entry,
      ]),
    ),
  };
};

/** A map in which a key is written in another way, with its value or with a value that any key may have. */
const renamed = (map: Mapping, name: string, written: string): Mapping => {
  const entries = new Map(map.entries);
  const entry = entries.get(name) ?? { key: map.place, value: { kind: 'scalar', value: 1, place: map.place } as const };
  entries.delete(name);
  return { ...map, entries: entries.set(written, entry) };
};

test('every key of the schema, misspelt in every way, is suggested where it stands', () => {
  const { see, share } = counted();
  const done = new Set<string>();
  for (const text of texts) {
    const tree = treeOf(text);
    for (const { path, node, schema } of visit(tree, pipelineSchema)) {
      const possible = Object.keys(schema.properties ?? {});
      const where = `${path.filter((step) => typeof step === 'string' && !['writer', 'judge', 'third', 'small'].includes(step)).join('.')} ${possible.join()}`;
      if (node.kind !== 'map' || done.has(where)) continue;
      done.add(where);
      for (const meant of possible) {
        for (const { kind, written } of misspellings(meant, possible)) {
          const problems = validateTree(replaced(tree, path, renamed(node, meant, written)));
          const found = problems.find(
            ({ code, message }) => code === 'unknown-key' && message.includes(`"${written}"`),
          );
          see(kind, { kind, where: path.join('.'), written, meant, suggested: found?.suggestion });
        }
      }
    }
  }
  assert.ok(done.size > 30, `only ${done.size} maps were looked at`);
  assert.ok(share() >= 0.98);
});

/** What a text may name where it stands; none where it may be anything. */
const possibleAt = (tree: Mapping, { schema, path }: Visited): string[] => {
  const names = (home: string): string[] => {
    const node = tree.entries.get(home)?.value;
    return node?.kind === 'map' ? [...node.entries.keys()] : [];
  };
  if (schema['x-names'] === 'model') return names('models');
  if (schema['x-names'] === 'environment') return names('environments');
  const choices = (schema.anyOf ?? []).flatMap((branch) => (typeof branch.const === 'string' ? [branch.const] : []));
  if (choices.length > 0) return choices;
  const home = { provider: 'models', kind: 'environments', uses: 'stages' }[String(path.at(-1))];
  const variants = pipelineSchema.properties?.[home ?? ''];
  return tagValues(variants?.items ?? variants?.patternProperties?.['^.*$'] ?? {});
};

const suggestionFor = (problems: readonly Problem[], written: string): string | undefined =>
  problems.find(({ suggestion, message }) => suggestion !== undefined && message.includes(written))?.suggestion;

const problemsOf = (set: string[], profile?: string): Problem[] => {
  const loaded = loadSpec({ text: texts[0] ?? '', file: 'p.yaml', environment: {}, set, profile });
  return 'problems' in loaded ? loaded.problems : loaded.warnings;
};

test('every name that a pipeline holds, misspelt in every way, is suggested where it is used', () => {
  const { see, share } = counted();
  const tree = treeOf(texts[2] ?? '');
  const named = visit(tree, pipelineSchema).flatMap((spot) => {
    const possible = possibleAt(tree, spot);
    return spot.node.kind === 'scalar' && possible.includes(String(spot.node.value)) ? [{ ...spot, possible }] : [];
  });
  assert.ok(named.length > 25, `only ${named.length} names were looked at`);
  const kinds = new Map(
    named.map((spot) => [`${spot.path.findLast((step) => typeof step === 'string')} ${spot.possible.join()}`, spot]),
  );
  for (const { path, possible } of kinds.values()) {
    for (const meant of possible) {
      for (const { kind, written } of misspellings(meant, possible)) {
        const found = suggestionFor(problemsOf([`${path.join('.')}=${written}`]), written);
        see(kind, { kind, where: path.join('.'), written, meant, suggested: found });
      }
    }
  }
  assert.ok(share() >= 0.98);
});

test('profiles, and stages in a flag, are suggested too', () => {
  const { see, share } = counted();
  const stages = ['instruct', 'interact', 'construct', 'filter', 'index', 'export'];
  const profiles = ['tiny', 'cheap'];
  for (const meant of stages)
    for (const { kind, written } of misspellings(meant, stages))
      see(kind, {
        kind,
        where: '--set',
        written,
        meant,
        suggested: suggestionFor(problemsOf([`stages.${written}.model=writer`]), written),
      });
  for (const meant of profiles)
    for (const { kind, written } of misspellings(meant, profiles))
      see(kind, {
        kind,
        where: '--profile',
        written,
        meant,
        suggested: suggestionFor(problemsOf([], written), written),
      });
  assert.ok(share() >= 0.98);
});
