/** Documents from files: globs → texts → parts of a bounded size, always in the same order. */
import { glob, readFile, realpath, stat } from 'node:fs/promises';
import { basename, extname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { type DocumentText, readDocumentText, splitAtHeadings } from '../core/document.ts';
import { LbiError } from '../core/errors.ts';
import type { Document } from '../schemas/document.ts';
import type { FullSpec } from '../schemas/pipeline/pipeline.ts';

type SourceSpec = FullSpec['sources'][number];

export interface SourceContext {
  /** Absolute path of a file named in the pipeline, relative to the pipeline's folder. */
  file(path: string): string;
  /** Folder of an installed npm package, e.g. `npm@11.6.0`. */
  packageFolder(name: string): Promise<string>;
}

/**
 * The documents of all sources, in the order of the pipeline; within a glob by path. Throws LbiError `spec` for globs that
 * match nothing, binary or unreadable formats, and paths that leave their folder.
 */
export async function* readSources(sources: readonly SourceSpec[], context: SourceContext): AsyncGenerator<Document> {
  for (const source of sources) yield* readSource(source, context);
}

async function* readSource(source: SourceSpec, context: SourceContext): AsyncGenerator<Document> {
  const origin = await locate(source, context);
  const seen = new Set<string>();
  let given = 0;
  for (const pattern of [source.files].flat()) {
    const paths = await matching(pattern, origin);
    for (const path of paths) {
      if (seen.has(path)) continue;
      seen.add(path);
      for (const document of await readFileParts(path, source, origin)) {
        if (source.limit !== undefined && given >= source.limit) return;
        given += 1;
        yield document;
      }
    }
  }
  if (given === 0) {
    const globs = [source.files].flat().join(', ');
    throw new LbiError('spec', `sources: every file that "${globs}" matches in ${origin.folder} is empty`);
  }
}

/** Where the globs of a source begin, and what its documents are said to come from. */
interface Origin {
  folder: string;
  label: string | undefined;
}

const locate = async (source: SourceSpec, context: SourceContext): Promise<Origin> => {
  if (source.package === undefined) return { folder: context.file('.'), label: undefined };
  const folder = await context.packageFolder(source.package);
  return {
    folder,
    label: /.@/.test(source.package) ? source.package : `${source.package}@${await installedVersion(folder)}`,
  };
};

const installedVersion = async (folder: string): Promise<string> => {
  const manifest: unknown = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const version =
    typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : undefined;
  return typeof version === 'string' ? version : 'unknown';
};

/** The folder that a glob names before its first wildcard, as written. */
const fixedPart = (pattern: string): string => {
  const steps = pattern.split('/');
  const wild = steps.findIndex((step) => /[*?[\]{}!()]/.test(step));
  return (wild < 0 ? steps.slice(0, -1) : steps.slice(0, wild)).join('/') || (isAbsolute(pattern) ? sep : '.');
};

const inside = (folder: string, path: string): boolean => {
  const step = relative(folder, path);
  return step === '' || !(step === '..' || step.startsWith(`..${sep}`) || isAbsolute(step));
};

/** Files that a glob matches, sorted by path. Links that lead out of the folder are not followed; alone they are an error. */
const matching = async (pattern: string, origin: Origin): Promise<string[]> => {
  const start = resolve(origin.folder, fixedPart(pattern));
  const root = await realpath(start).catch(() => start);
  if (origin.label !== undefined && !inside(await realpath(origin.folder), root)) {
    throw new LbiError('spec', `sources: "${pattern}" leaves the folder of the package ${origin.label}`);
  }
  const found: string[] = [];
  const exclude = (path: string): boolean => basename(path) === 'node_modules' && !pattern.includes('node_modules');
  for await (const path of glob(pattern, { cwd: origin.folder, exclude })) found.push(resolve(origin.folder, path));
  const files: string[] = [];
  const outside: string[] = [];
  for (const path of found.toSorted()) {
    if (!(await stat(path).catch(() => undefined))?.isFile()) continue;
    (inside(root, await realpath(path)) ? files : outside).push(path);
  }
  if (files.length > 0) return files;
  if (outside[0] !== undefined) {
    throw new LbiError(
      'spec',
      `sources: ${outside[0]} is a link that leads out of ${start}; name its target in \`files\``,
    );
  }
  const hint = /[*?]/.test(pattern) ? '' : ' (to take a whole folder, write folder/**/*.md)';
  throw new LbiError('spec', `sources: no file matches "${pattern}" in ${origin.folder}${hint}`);
};

const readFileParts = async (path: string, source: SourceSpec, origin: Origin): Promise<Document[]> => {
  const id = relative(origin.folder, path).split(sep).join('/');
  const read = readDocumentText(decode(path, await readFile(path)), extname(path), basename(path, extname(path)));
  if (read === undefined) {
    throw new LbiError(
      'spec',
      `sources: ${path} is ${extname(path)}, which is not read; documents are Markdown (.md, .markdown, .mdx), TiddlyWiki (.tid) or plain text (.txt, .text, .rst, .adoc). Convert it (pandoc -t gfm reads HTML), or narrow \`files\``,
    );
  }
  const all = splitAtHeadings(read, source.max_chars);
  return all.slice(0, source.parts).map((part, index) => ({
    id: all.length === 1 ? id : `${id}#${index + 1}`,
    source: origin.label ?? id,
    // The first part is the page itself; later ones say where in it they begin.
    title: titleOf(read, index === 0 ? undefined : part.heading),
    text: part.text,
    span: { from: part.from, to: part.to },
    ...(source.license === undefined ? {} : { license: source.license }),
  }));
};

const titleOf = (read: DocumentText, heading: string | undefined): string =>
  heading === undefined || heading === read.title ? read.title : `${read.title} › ${heading}`;

const decode = (path: string, bytes: Uint8Array): string => {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    if (!text.includes('\0')) return text;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
  throw new LbiError('spec', `sources: ${path} is no UTF-8 text; narrow the glob to text files, e.g. "**/*.md"`);
};
