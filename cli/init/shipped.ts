/** Pipelines that come with the program, and copying one with every file that it names. */
import { existsSync } from 'node:fs';
import { glob, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { isMap, isScalar, isSeq, parseDocument } from 'yaml';
import { nearest } from '../../core/spec/suggest.ts';
import { WrongCall } from '../wrong-call.ts';

export interface Shipped {
  name: string;
  says: string;
  path: string;
}

/** `pipelines` of the package: above this file in the sources and in the build alike. */
export const shippedFolder = (): string => {
  for (let folder = import.meta.dirname; dirname(folder) !== folder; folder = dirname(folder)) {
    const pipelines = join(folder, 'pipelines');
    if (existsSync(join(pipelines, 'prompts'))) return pipelines;
  }
  throw new Error('the shipped pipelines are missing from this installation; install it again');
};

/** All of them, by name. */
export const shippedPipelines = async (): Promise<Shipped[]> => {
  const folder = shippedFolder();
  const files = (await readdir(folder)).filter((file) => /\.ya?ml$/.test(file)).toSorted();
  return Promise.all(
    files.map(async (file): Promise<Shipped> => {
      const path = join(folder, file);
      const { description }: { description?: unknown } = Object(parseDocument(await readFile(path, 'utf8')).toJS());
      return { name: file.replace(/\.ya?ml$/, ''), says: typeof description === 'string' ? description : '', path };
    }),
  );
};

const listed = (all: Shipped[]): string => all.map(({ name, says }) => `  ${name.padEnd(14)} ${says}`).join('\n');

/** The shipped pipeline of that name. Throws WrongCall with the list where there is none. */
export const findShipped = async (name: string | true): Promise<Shipped> => {
  const all = await shippedPipelines();
  const found = all.find((each) => each.name === name);
  if (found !== undefined) return found;
  if (name === true || name === '') throw new WrongCall(`--from needs the name of a pipeline:\n${listed(all)}`);
  const near = nearest(
    name,
    all.map((each) => each.name),
  );
  throw new WrongCall(
    `--from ${name}: there is no such pipeline${near === undefined ? '' : `; did you mean ${near}?`} There are:\n${listed(all)}`,
  );
};

/** Every text in a YAML document. */
const texts = (node: unknown): string[] => {
  if (isScalar(node)) return typeof node.value === 'string' ? [node.value] : [];
  if (isSeq(node)) return node.items.flatMap(texts);
  if (isMap(node)) return node.items.flatMap(({ value }) => texts(value));
  return [];
};

/** Files and folders beside the pipeline that a text of it names, relative to its folder. */
const namedFiles = async (text: string, folder: string): Promise<string[]> => {
  if (text.length > 300 || text.includes('\n') || text.includes('$') || /^[./]*$/.test(text)) return [];
  const found: string[] = [];
  if (/[*?]/.test(text)) for await (const path of glob(text, { cwd: folder })) found.push(path);
  else if (existsSync(join(folder, text))) found.push(text);
  const inside = found.filter((path) => {
    const way = relative(folder, resolve(folder, path));
    return way !== '' && way !== '..' && !way.startsWith(`..${sep}`);
  });
  const files = await Promise.all(inside.map(async (path) => filesBelow(folder, path)));
  return files.flat();
};

const filesBelow = async (folder: string, path: string): Promise<string[]> => {
  const is = await stat(join(folder, path));
  if (is.isFile()) return [path];
  const below = await readdir(join(folder, path), { recursive: true, withFileTypes: true });
  return below.filter((entry) => entry.isFile()).map((entry) => relative(folder, join(entry.parentPath, entry.name)));
};

/** What a copy consists of: the pipeline's text with its own schema beside it, and the files it names. */
export const copyOf = async ({ path, name }: Shipped): Promise<{ text: string; files: Record<string, Uint8Array> }> => {
  const folder = dirname(path);
  const text = await readFile(path, 'utf8');
  const names = new Set<string>();
  for (const value of texts(parseDocument(text).contents))
    for (const file of await namedFiles(value, folder)) names.add(file);
  const files: Record<string, Uint8Array> = {};
  for (const file of [...names].toSorted()) files[file] = await readFile(join(folder, file));
  return {
    text: text
      .replace(/\$schema=\S+pipeline\.schema\.json/, '$schema=./pipeline.schema.json')
      .replace(/^# \$schema: .*$/m, '# $schema: ./pipeline.schema.json')
      .replaceAll(`pipelines/${name}.yaml`, 'pipeline.yaml'),
    files,
  };
};
