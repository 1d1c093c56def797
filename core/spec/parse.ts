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
import { type Anchors, deepOffset, findAnchors } from './anchors.ts';
import { MOST_EXPECTED, type Place, type Problem, problemAt, type Source, type Words } from './problem.ts';
import { type ClearKey, clearKeys } from './secrets.ts';
import { nearest } from './suggest.ts';
import { explainSyntax } from './syntax.ts';
import type { Entry, Mapping, Tree } from './tree.ts';

/** More than any pipeline has, few enough to stay quick: characters and lines of the text, values and levels once aliases are expanded. */
const MOST_CHARACTERS = 400_000;
const MOST_LINES = 20_000;
const MOST_NODES = 20_000;
const MOST_LEVELS = 100;

interface Reading {
  source: Source;
  anchors: Anchors;
  problems: Problem[];
  /** How each anchor would be used: `*name`. */
  uses: string[];
  extendsOthers: boolean;
  nodes: number;
  open: Set<Node>;
  via: Place | undefined;
}

const placeOf = (source: Source, node: { range?: [number, number, number] | null | undefined }): Place => {
  const [from, to] = node.range ?? [0, 0];
  return { source, offset: from, length: to - from };
};

const report = (reading: Reading, place: Place, words: Words): void => {
  reading.problems.push(problemAt(place, words));
};

interface Parsed {
  tree: Tree | undefined;
  problems: Problem[];
}

/** The sources read last: a file is read once for itself and once for each of its profiles. */
const lately = new Map<string, Parsed>();
const MOST_LATELY = 8;

/** Text → tree, or every problem of its syntax. Duplicate keys are reported beside a tree, all else in place of one. */
export const parseTree = (source: Source): Parsed => {
  const name = JSON.stringify([source.file, source.folder]) + source.text;
  const known = lately.get(name);
  if (known !== undefined) return { ...known, problems: [...known.problems] };
  const parsed = parse(source);
  if (lately.size >= MOST_LATELY) lately.clear();
  lately.set(name, parsed);
  return { ...parsed, problems: [...parsed.problems] };
};

const parse = (source: Source): Parsed => {
  const size = sizeProblem(source);
  if (size !== undefined) return { tree: undefined, problems: [size] };
  const parsed = read(source);
  if (parsed === undefined) {
    const offset = deepOffset(source.text, MOST_LEVELS);
    return { tree: undefined, problems: [problemAt({ source, offset, length: 1 }, tooDeep)] };
  }
  const anchors = findAnchors(parsed, MOST_LEVELS);
  const problems = syntaxProblems(source, parsed);
  if (problems.length > 0) return { tree: undefined, problems };
  if (anchors.tooDeep !== undefined) {
    const place = { ...placeOf(source, anchors.tooDeep), length: 1 };
    return { tree: undefined, problems: [problemAt(place, tooDeep)] };
  }
  const root = parsed.contents as Node | null;
  if (root === null) return { tree: undefined, problems: [problemAt({ source, offset: 0, length: 1 }, emptyFile)] };
  const uses = anchors.names.slice(0, MOST_EXPECTED).map((name) => `*${name}`);
  problems.push(...clearKeys(source.text).map((key) => clearKey(source, key)));
  const extendsOthers = isMap(root) && root.has('extends');
  const count = { nodes: 0, open: new Set<Node>(), via: undefined };
  const reading: Reading = { source, anchors, uses, problems, extendsOthers, ...count };
  const tree = convert(reading, root);
  const stopped = problems.some((problem) => problem.code === 'too-large');
  return { tree: stopped ? undefined : tree, problems };
};

const emptyFile: Words = {
  code: 'empty',
  message: 'the file is empty',
  fix: 'lbi init writes a commented pipeline to begin with',
};

const sizeProblem = (source: Source): Problem | undefined => {
  const { length } = source.text;
  const lines = length > MOST_CHARACTERS ? 0 : source.text.split('\n').length;
  if (length <= MOST_CHARACTERS && lines <= MOST_LINES) return undefined;
  const [has, most] =
    length > MOST_CHARACTERS ? [`${length} characters`, MOST_CHARACTERS] : [`${lines} lines`, MOST_LINES];
  return problemAt(
    { source, offset: 0, length: 1 },
    {
      code: 'too-large',
      message: `the file has ${has}; a pipeline has at most ${most}`,
      fix: 'keep long texts in files of their own',
    },
  );
};

const tooDeep: Words = {
  code: 'too-large',
  message: `the file is nested more than ${MOST_LEVELS} levels deep here`,
};

const clearKey = (source: Source, { what, name, offset, length }: ClearKey): Problem => {
  const instead = name === undefined ? 'take it out of the file' : `write \${secret:${name}} where a model needs it`;
  return problemAt(
    { source, offset, length },
    {
      code: 'secret',
      message: `${what} is written here in clear: a key in a file ends up with other people`,
      fix: `${instead}; if this file was shared, replace the key`,
      hidden: true,
    },
  );
};

const read = (source: Source): Document.Parsed | undefined => {
  try {
    return parseDocument(source.text, {
      merge: true,
      uniqueKeys: false,
      strict: true,
      prettyErrors: false,
    });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
};

/** One syntax error hides the others, which are mostly its echo; tags are each their own. */
const syntaxProblems = (source: Source, document: Document.Parsed): Problem[] => {
  const [first] = document.errors;
  const problems: Problem[] = [];
  if (first !== undefined) {
    const { offset, length, words } = explainSyntax(source, first);
    problems.push(problemAt({ source, offset, length }, words));
  }
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

/** The outermost stretch that is too much, reported once. */
const overflow = (reading: Reading, place: Place): void => {
  if (reading.problems.some((problem) => problem.code === 'too-large')) return;
  const what = reading.nodes > MOST_NODES ? `more than ${MOST_NODES} values` : `more than ${MOST_LEVELS} levels`;
  report(reading, place, {
    code: 'too-large',
    message: `the file grows to ${what} once its aliases (*name) are expanded`,
  });
};

const convert = (reading: Reading, node: Node | null | undefined, fallback?: Place): Tree => {
  const start: Place = fallback ?? { source: reading.source, offset: 0, length: 1 };
  const empty = (): Tree => ({ kind: 'scalar', value: null, place: start });
  reading.nodes += 1;
  if (reading.nodes > MOST_NODES || reading.open.size > MOST_LEVELS) {
    overflow(reading, node ? placeOf(reading.source, node) : start);
    return empty();
  }
  if (!node) return empty();
  if (isAlias(node)) return convertAlias(reading, node);
  const here = { place: placeOf(reading.source, node), ...(reading.via === undefined ? {} : { via: reading.via }) };
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
  const place = placeOf(reading.source, alias);
  const target = reading.anchors.targets.get(alias);
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
  const { names } = reading.anchors;
  const glob = /[./*]/.test(alias.source);
  return {
    code: glob ? 'quote' : 'anchor',
    message: glob
      ? `a value that starts with * is read as the use of an anchor`
      : `no anchor &${alias.source} is written above this line`,
    expected: glob ? undefined : reading.uses,
    suggestion: glob ? undefined : nearest(alias.source, names),
    fix: glob ? `put it in quotes: "*${alias.source}"` : reading.extendsOthers ? noAnchorsAcross : undefined,
  };
};

const noAnchorsAcross =
  'anchors do not reach from one file into another: the maps of this file and of those that it extends are merged key by key, so write only what differs';

const isMergeKey = (key: unknown): boolean =>
  isScalar(key) &&
  (key.value === '<<' || (typeof key.value === 'symbol' && key.value.description === '<<')) &&
  key.type === 'PLAIN';

const convertMap = (reading: Reading, map: YAMLMap, here: { place: Place; via?: Place }): Tree => {
  const merges = map.items.filter((pair) => isMergeKey(pair.key));
  for (const { key } of merges.slice(1)) report(reading, placeOf(reading.source, key as Node), twice('<<'));
  const entries = new Map<string, Entry>();
  for (const pair of map.items) {
    const key = pair.key as Node;
    if (isMergeKey(key)) continue;
    if (!isScalar(key)) return mapAsKey(reading, here.place);
    addEntry(reading, entries, placeOf(reading.source, key), {
      name: String(key.value),
      value: pair.value as Node | null,
    });
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
  else if (entries.has(name)) report(reading, key, twice(name));
  else entries.set(name, { key, value: convert(reading, value, key) });
};

const twice = (name: string): Words => ({
  code: 'duplicate-key',
  message: `"${name}" is written twice in the same map`,
  fix: 'keep one of the two, or rename this one',
});

/** Adds the keys that the map does not have itself; among several merged maps, the first wins. False when one is missing. */
const mergeInto = (reading: Reading, entries: Map<string, Entry>, pair: Pair): boolean => {
  const before = reading.problems.length;
  const outer = reading.via;
  reading.via = outer ?? placeOf(reading.source, pair.key as Node);
  const merged = convert(reading, pair.value as Node);
  reading.via = outer;
  const maps = merged.kind === 'list' ? merged.items : [merged];
  for (const map of maps) if (map.kind === 'map') addMissing(entries, map);
  if (maps.every(({ kind }) => kind === 'map')) return true;
  if (reading.problems.length === before) {
    const message = '<<: takes a map, such as *name of an anchored map';
    report(reading, placeOf(reading.source, pair.key as Node), { code: 'anchor', message });
  }
  return false;
};

const addMissing = (entries: Map<string, Entry>, map: Mapping): void => {
  for (const [name, entry] of map.entries) if (!entries.has(name)) entries.set(name, entry);
};
