/** YAML text → tree. Anchors and merge keys are resolved here; nothing after this knows of them. */
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  type YAMLMap,
} from 'yaml';
import { type Place, type Problem, problemAt, type Source, type Words } from './problem.ts';
import { nearest } from './suggest.ts';
import { explainSyntax } from './syntax.ts';
import type { Entry, Mapping, Tree } from './tree.ts';

/** Values of a file after its aliases are expanded: more than any pipeline has, few enough to stay quick. */
const MOST_NODES = 20_000;
const MOST_CHARACTERS = 2_000_000;

interface Reading {
  source: Source;
  document: Document.Parsed;
  problems: Problem[];
  nodes: number;
  open: Set<Node>;
  via: Place | undefined;
}

const placeOf = (reading: Reading, node: { range?: [number, number, number] | null | undefined }): Place => {
  const [from, to] = node.range ?? [0, 0];
  return { source: reading.source, offset: from, length: to - from };
};

const report = (reading: Reading, place: Place, words: Words): void => {
  reading.problems.push(problemAt(place, words));
};

/** Text → tree, or every problem of its syntax. Duplicate keys are reported beside a tree, all else in place of one. */
export const parseTree = (source: Source): { tree: Tree | undefined; problems: Problem[] } => {
  const whole: Place = { source, offset: 0, length: 1 };
  if (source.text.length > MOST_CHARACTERS) {
    const message = `the file has ${source.text.length} characters; a pipeline has at most ${MOST_CHARACTERS}`;
    return { tree: undefined, problems: [problemAt(whole, { code: 'too-large', message })] };
  }
  const parsed = read(source);
  if (parsed === undefined) {
    return {
      tree: undefined,
      problems: [problemAt(whole, { code: 'too-large', message: 'the file is nested too deeply' })],
    };
  }
  const problems = syntaxProblems(source, parsed);
  if (problems.some((problem) => problem.code !== 'duplicate-key')) return { tree: undefined, problems };
  const reading: Reading = { source, document: parsed, problems, nodes: 0, open: new Set(), via: undefined };
  const root = parsed.contents as Node | null;
  if (root === null) {
    return { tree: undefined, problems: [problemAt(whole, emptyFile)] };
  }
  const tree = convert(reading, root);
  const stopped = problems.some((problem) => problem.code === 'too-large');
  return { tree: stopped ? undefined : tree, problems };
};

const emptyFile: Words = {
  code: 'empty',
  message: 'the file is empty',
  fix: 'lbi init writes a commented pipeline to begin with',
};

const read = (source: Source): Document.Parsed | undefined => {
  try {
    return parseDocument(source.text, {
      merge: true,
      uniqueKeys: true,
      strict: true,
      prettyErrors: false,
      logLevel: 'silent',
    });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
};

/** One syntax error hides the others, which are mostly its echo; tags and duplicate keys are each their own. */
const syntaxProblems = (source: Source, document: Document.Parsed): Problem[] => {
  const first = document.errors.find((error) => error.code !== 'DUPLICATE_KEY');
  const shown = [
    ...document.errors.filter((error) => error.code === 'DUPLICATE_KEY'),
    ...(first === undefined ? [] : [first]),
  ];
  const problems = shown.map((error) => {
    const { offset, length, words } = explainSyntax(source, error);
    return problemAt({ source, offset, length }, words);
  });
  for (const warning of document.warnings.filter(({ code }) => code === 'TAG_RESOLVE_FAILED')) {
    const tag = source.text.slice(warning.pos[0], warning.pos[1]);
    const place: Place = { source, offset: warning.pos[0], length: tag.length };
    const fix = /env/i.test(tag)
      ? 'write "${env:NAME}" for an environment variable'
      : `remove ${tag}, or quote the value`;
    problems.push(problemAt(place, { code: 'tag', message: `tags (${tag}) have no meaning in a pipeline`, fix }));
  }
  return problems;
};

const convert = (reading: Reading, node: Node | null | undefined, fallback?: Place): Tree => {
  const empty = (): Tree => ({
    kind: 'scalar',
    value: null,
    place: fallback ?? { source: reading.source, offset: 0, length: 1 },
  });
  reading.nodes += 1;
  if (reading.nodes > MOST_NODES) {
    if (!reading.problems.some((problem) => problem.code === 'too-large')) {
      const message = `the file grows to more than ${MOST_NODES} values once its aliases (*name) are expanded`;
      report(reading, node ? placeOf(reading, node) : (fallback ?? { source: reading.source, offset: 0, length: 1 }), {
        code: 'too-large',
        message,
      });
    }
    return empty();
  }
  if (!node) return empty();
  if (isAlias(node)) return convertAlias(reading, node);
  const here = { place: placeOf(reading, node), ...(reading.via === undefined ? {} : { via: reading.via }) };
  if (isScalar(node)) return { kind: 'scalar', value: scalarValue(node.value), ...here };
  reading.open.add(node);
  try {
    if (isSeq(node))
      return { kind: 'list', items: node.items.map((item) => convert(reading, item as Node, here.place)), ...here };
    if (isMap(node)) return convertMap(reading, node, here);
  } finally {
    reading.open.delete(node);
  }
  return empty();
};

const scalarValue = (value: unknown): string | number | boolean | null =>
  value === null || typeof value === 'number' || typeof value === 'boolean' ? value : String(value);

const convertAlias = (reading: Reading, alias: Alias): Tree => {
  const place = placeOf(reading, alias);
  const target = alias.resolve(reading.document);
  if (target === undefined || reading.open.has(target)) {
    report(reading, place, aliasWords(reading, alias, target !== undefined));
    return { kind: 'scalar', value: `*${alias.source}`, place };
  }
  const outer = reading.via;
  reading.via = outer ?? place;
  const tree = convert(reading, target);
  reading.via = outer;
  return tree;
};

const aliasWords = (reading: Reading, alias: Alias, circular: boolean): Words => {
  if (circular)
    return { code: 'anchor', message: `*${alias.source} stands inside the value that &${alias.source} names` };
  const anchors = [...reading.source.text.matchAll(/(?<=[\s:-])&([^\s,[\]{}]+)/g)].map((match) => match[1] ?? '');
  const glob = /[./*]/.test(alias.source);
  return {
    code: glob ? 'quote' : 'anchor',
    message: glob
      ? `a value that starts with * is read as the use of an anchor`
      : `no anchor &${alias.source} is written above this line`,
    expected: glob ? undefined : anchors.map((anchor) => `*${anchor}`),
    suggestion: glob ? undefined : nearest(alias.source, anchors),
    fix: glob ? `put it in quotes: "*${alias.source}"` : extendsOthers(reading) ? noAnchorsAcross : undefined,
  };
};

const noAnchorsAcross =
  'anchors do not reach from one file into another: the maps of this file and of those that it extends are merged key by key, so write only what differs';

const extendsOthers = ({ document }: Reading): boolean => isMap(document.contents) && document.contents.has('extends');

const isMergeKey = (key: unknown): boolean =>
  isScalar(key) &&
  (key.value === '<<' || (typeof key.value === 'symbol' && key.value.description === '<<')) &&
  key.type === 'PLAIN';

const convertMap = (reading: Reading, map: YAMLMap, here: { place: Place; via?: Place }): Tree => {
  const merges = map.items.filter((pair) => isMergeKey(pair.key));
  const entries = new Map<string, Entry>();
  for (const pair of map.items) {
    const key = pair.key as Node;
    if (isMergeKey(key)) continue;
    if (!isScalar(key)) return mapAsKey(reading, here.place);
    addEntry(reading, entries, placeOf(reading, key), { name: String(key.value), value: pair.value as Node | null });
  }
  const whole = merges.map((pair) => mergeInto(reading, entries, pair)).every((found) => found);
  return { kind: 'map', entries, ...here, ...(whole ? {} : { partial: true }) };
};

/** `{{ name }}` without quotes; the text stands in for the map so that nothing else is said of it. */
const mapAsKey = (reading: Reading, place: Place): Tree => {
  const written = reading.source.text.slice(place.offset, place.offset + place.length).trimEnd();
  const words: Words = {
    code: 'quote',
    message: `${written} outside quotes is read as a map whose key is a map`,
    fix: `put the whole value in quotes: "${written}"; but {{ }} is filled in only in prompt files`,
  };
  report(reading, { ...place, length: written.length }, words);
  return { kind: 'scalar', value: written, place };
};

const addEntry = (
  reading: Reading,
  entries: Map<string, Entry>,
  key: Place,
  { name, value }: { name: string; value: Node | null },
): void => {
  if (name === '__proto__') report(reading, key, { code: 'unknown-key', message: '"__proto__" cannot be a key' });
  else if (!entries.has(name)) entries.set(name, { key, value: convert(reading, value, key) });
};

/** Adds the keys that the map does not have itself; among several merged maps, the first wins. False when one is missing. */
const mergeInto = (reading: Reading, entries: Map<string, Entry>, pair: Pair): boolean => {
  const before = reading.problems.length;
  const outer = reading.via;
  reading.via = outer ?? placeOf(reading, pair.key as Node);
  const merged = convert(reading, pair.value as Node);
  reading.via = outer;
  const maps = merged.kind === 'list' ? merged.items : [merged];
  for (const map of maps) if (map.kind === 'map') addMissing(entries, map);
  if (maps.every(({ kind }) => kind === 'map')) return true;
  if (reading.problems.length === before) {
    const message = '<<: takes a map, such as *name of an anchored map';
    report(reading, placeOf(reading, pair.key as Node), { code: 'anchor', message });
  }
  return false;
};

const addMissing = (entries: Map<string, Entry>, map: Mapping): void => {
  for (const [name, entry] of map.entries) if (!entries.has(name)) entries.set(name, entry);
};
