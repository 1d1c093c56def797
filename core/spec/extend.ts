/** A pipeline file and the files that it extends, each read once, in the order in which they are laid on one another. */
import { parseTree } from './parse.ts';
import { folderOf, joinPath, nameOf, shortPath } from './paths.ts';
import { type Place, type Problem, position, problemAt, type Source, type Words } from './problem.ts';
import { nearest } from './suggest.ts';
import { type Mapping, type Tree, toJson } from './tree.ts';

/** What the caller reads files with; paths are those that problems show. */
export interface Files {
  /** The text of a file; undefined when there is none or it cannot be read. */
  read: (path: string) => string | undefined;
  /** Names of what lies in a folder; for suggestions. */
  list?: (folder: string) => string[];
}

/** The files of a pipeline: roots to be laid in their order, the main file's last. */
export interface Assembled {
  roots: Mapping[];
  /** Every file that was read, the main one first. */
  sources: Source[];
  problems: Problem[];
  /** False when a file is missing or cannot be read: much may then be lacking through no fault of the others. */
  complete: boolean;
}

/** More than any pipeline has, few enough to stay quick. */
const MOST_DEPTH = 10;
const MOST_FILES = 100;

interface Assembling extends Assembled {
  files: Files;
  /** Folder of the main file as problems show it. */
  home: string;
  done: Set<string>;
}

/** One `extends` on the way from the main file to the one being read. */
interface Link {
  place: Place;
  path: string;
}

/** Reads a file and all that it extends. */
export const assemble = (main: Source, files: Files = { read: () => undefined }): Assembled => {
  const assembling: Assembling = {
    ...{ roots: [], sources: [], problems: [], complete: true, files },
    ...{ home: folderOf(main.file), done: new Set([nameOf(main.file)]) },
  };
  add(assembling, main, []);
  const { roots, sources, problems, complete } = assembling;
  return { roots, sources, problems, complete };
};

const add = (assembling: Assembling, source: Source, chain: Link[]): void => {
  assembling.sources.push(source);
  const { tree, problems } = parseTree(source);
  // A shared file in which everything is commented out adds nothing; as the main one it is a mistake.
  if (tree === undefined && chain.length > 0 && problems.every(({ code }) => code === 'empty')) return;
  assembling.problems.push(...problems);
  if (tree === undefined) assembling.complete = false;
  else if (tree.kind !== 'map') report(assembling, tree.place, noMap);
  else {
    const named = tree.entries.get('extends');
    if (named !== undefined) follow(assembling, source, named.value, chain);
    const entries = new Map([...tree.entries].filter(([name]) => name !== 'extends'));
    assembling.roots.push({ ...tree, entries });
  }
};

/** Something that leaves the pipeline without one of its files. */
const report = (assembling: Assembling, place: Place, said: Words): void => {
  assembling.problems.push(problemAt(place, said));
  assembling.complete = false;
};

const noMap: Words = {
  code: 'type',
  message: 'the file holds no "key: value" pairs',
  expected: ['version, name, models, environments, sources, stages'],
};

const follow = (assembling: Assembling, source: Source, named: Tree, chain: Link[]): void => {
  const items = named.kind === 'list' ? named.items : [named];
  for (const item of items) {
    const path = item.kind === 'scalar' && typeof item.value === 'string' ? item.value : undefined;
    const isEmpty = item.kind === 'scalar' && item.value === null;
    const wrong = path === undefined ? (isEmpty ? noFile : notAPath(item)) : unusable(path);
    if (path === undefined || wrong !== undefined) report(assembling, item.place, wrong ?? noFile);
    else extendBy(assembling, { place: item.place, path: joinPath(source.folder ?? '', path) }, chain, path);
  }
  if (items.length === 0) report(assembling, named.place, noFile);
};

const words = {
  code: 'extends',
  fix: 'extends: base.yaml, or extends: [base.yaml, models.yaml]',
} as const;

const noFile: Words = { ...words, message: 'extends names no file' };

const notAPath = (item: Tree): Words => ({
  ...words,
  message: `extends takes the path of a file, or a list of them, not ${JSON.stringify(toJson(item)).slice(0, 60)}`,
});

const unusable = (path: string): Words | undefined => {
  if (path.trim() === '') return noFile;
  if (path.includes('${')) {
    const message = 'extends is read before placeholders are filled in';
    return { ...words, message, fix: 'write the path itself; for a choice between files use profiles' };
  }
  if (!/^[a-z]+:\/\//i.test(path)) return undefined;
  return {
    ...words,
    message: 'extends takes files, not web addresses',
    fix: 'save it beside this file and name it here',
  };
};

const extendBy = (assembling: Assembling, link: Link, chain: Link[], written: string): void => {
  const way = [...chain, link];
  const refuse = (message: string, rest: Partial<Words> = {}): void =>
    report(assembling, link.place, { code: 'extends', message, ...rest });
  if (isOpen(assembling, link.path, chain)) {
    refuse(`${shown(assembling, link.path)} extends itself: ${showWay(assembling, way)}`, {
      fix: 'take one of these out',
    });
  } else if (way.length > MOST_DEPTH) {
    refuse(`extends goes more than ${MOST_DEPTH} files deep: ${showWay(assembling, way)}`, {
      fix: 'name the files side by side: extends: [a.yaml, b.yaml]',
    });
  } else if (assembling.done.size >= MOST_FILES) {
    refuse(`a pipeline is made of at most ${MOST_FILES} files`);
  } else if (!assembling.done.has(link.path)) {
    assembling.done.add(link.path);
    const file = shown(assembling, link.path);
    const text = assembling.files.read(file);
    if (text === undefined) refuse(`there is no file ${file}`, near(assembling, link, written));
    else add(assembling, { file, text, folder: folderOf(link.path) }, way);
  }
};

/** Whether the file is among those that led here: laid on itself it would have no end. */
const isOpen = (assembling: Assembling, path: string, chain: Link[]): boolean =>
  [shortPath(assembling.sources[0]?.file ?? ''), ...chain.map((link) => shown(assembling, link.path))].includes(
    shown(assembling, path),
  );

/** The name under which a file is shown and read: seen from where the main file is seen. */
const shown = (assembling: Assembling, path: string): string => joinPath(assembling.home, path);

const showWay = (assembling: Assembling, way: Link[]): string => {
  const steps = way.map(({ place }) => {
    const { line, column } = position(place.source.text, place.offset);
    return `${place.source.file}:${line}:${column}`;
  });
  return [...steps, shown(assembling, way.at(-1)?.path ?? '')].join(' → ');
};

/** The YAML file of the same folder that was probably meant, written as the path was. */
const near = (assembling: Assembling, link: Link, written: string): Partial<Words> => {
  const names = assembling.files.list?.(shown(assembling, folderOf(link.path))) ?? [];
  const others = names.filter((name) => /\.ya?ml$/.test(name) && name !== nameOf(link.place.source.file)).toSorted();
  const better = nearest(nameOf(written), others) ?? others.find((name) => stem(name) === stem(nameOf(written)));
  const fix = 'the path is relative to the file in which it is written';
  const expected = others.map((name) => joinPath(folderOf(written), name)).slice(0, 12);
  if (better === undefined) return { fix, expected };
  return { fix, expected, suggestion: joinPath(folderOf(written), better) };
};

const stem = (name: string): string => name.replace(/\.ya?ml$/, '');
