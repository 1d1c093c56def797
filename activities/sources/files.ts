/** Documents from files: of the pipeline's folder, of an npm package, or of a commit of a git repository. */
import { glob, readFile, realpath, stat } from 'node:fs/promises';
import { basename, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { classifyRepository } from '../../core/document/repository.ts';
import { LbiError } from '../../core/errors.ts';
import { keepAnswer, lastAnswer } from './answers.ts';
import { NotReadYet, type SourceContext, type SourceWith } from './context.ts';
import { readFileTexts } from './formats.ts';
import type { Original } from './original.ts';

type FilesSource = SourceWith<'files'>;

/** One original per file, per line of a JSONL file; sorted by path within each glob, no file twice. */
export async function* readFiles(source: FilesSource, context: SourceContext): AsyncGenerator<Original> {
  const origin = await locate(source, context);
  const seen = new Set<string>();
  for (const pattern of [source.files].flat()) {
    for await (const path of matching(pattern, origin)) {
      if (seen.has(path)) continue;
      seen.add(path);
      context.signal.throwIfAborted();
      const id = relative(origin.folder, path).split(sep).join('/');
      const options = { fields: source.fields, note: context.note };
      for await (const { id: below, text } of readFileTexts({ path, id }, options))
        yield { id: below, source: origin.label ?? id, text };
    }
  }
}

/** Where the globs of a source begin, and what its documents are said to come from. */
interface Origin {
  folder: string;
  /** Left out, each file is its own origin. */
  label?: string;
  /** What carries the files and must not be left: "package npm@11.6.2". */
  carrier?: string;
}

const locate = async (source: FilesSource, context: SourceContext): Promise<Origin> => {
  if (source.git !== undefined) return locateRepository(source.git, source.ref, context);
  if (source.package === undefined) return { folder: context.file('.') };
  const folder = await context.packageFolder(source.package);
  const versioned = /.@/.test(source.package);
  const label = versioned ? source.package : `${source.package}@${await installedVersion(folder)}`;
  return { folder, label, carrier: `package ${label}` };
};

const installedVersion = async (folder: string): Promise<string> => {
  const manifest: unknown = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const version =
    typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : undefined;
  return typeof version === 'string' ? version : 'unknown';
};

const locateRepository = async (named: string, ref: string | undefined, context: SourceContext): Promise<Origin> => {
  const { kind, problem } = classifyRepository(named);
  if (problem !== undefined) throw new LbiError('spec', `sources: ${problem}`);
  const folder = kind === 'folder' ? context.file(named) : kind === 'file' ? fileURLToPath(named) : undefined;
  const repository = folder ?? named;
  const commit = await commitOf(repository, ref, context);
  const there = await context.repositories.fetched(repository, commit);
  if (there === undefined && context.run === null) throw new NotReadYet(`${repository} at ${commit}`);
  return {
    folder: there ?? (await context.repositories.checkout(repository, commit, context.signal)),
    label: `${named}@${commit}`,
    carrier: `repository ${named}`,
  };
};

/** A branch moves: one run reads one commit, however often its reading is begun anew. */
const commitOf = async (repository: string, ref: string | undefined, context: SourceContext): Promise<string> => {
  if (ref !== undefined && /^[0-9a-f]{40}$/.test(ref)) return ref;
  const question = `${repository} ${ref ?? 'HEAD'}`;
  const known = await lastAnswer<string>(context, 'commits', question);
  if (known !== undefined && (context.run === null || known.run === context.run)) return known.value;
  if (context.run === null) throw new NotReadYet(question);
  const value = await context.repositories.commitOf(repository, ref, context.signal);
  await keepAnswer(context, 'commits', { run: context.run, question, value });
  return value;
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
async function* matching(pattern: string, origin: Origin): AsyncGenerator<string> {
  const start = resolve(origin.folder, fixedPart(pattern));
  const root = await realpath(start).catch(() => start);
  // A carrier is somebody else's: links within it may lead anywhere inside it, and nowhere else.
  const border = origin.carrier === undefined ? root : await realpath(origin.folder);
  if (!inside(border, root))
    throw new LbiError('spec', `sources: "${pattern}" leaves the folder of the ${origin.carrier}`);
  let given = false;
  let outside: string | undefined;
  for (const path of await found(pattern, origin)) {
    if (!(await stat(path).catch(() => undefined))?.isFile()) continue;
    if (!inside(border, await realpath(path))) {
      outside ??= path;
      continue;
    }
    given = true;
    yield path;
  }
  if (given) return;
  if (outside !== undefined) {
    const way = origin.carrier === undefined ? '; name its target in `files`' : '';
    throw new LbiError('spec', `sources: ${outside} is a link that leads out of ${border}${way}`);
  }
  const hint = /[*?]/.test(pattern) ? '' : ' (to take a whole folder, write folder/**/*.md)';
  throw new LbiError('spec', `sources: no file matches "${pattern}" in ${origin.folder}${hint}`);
}

const found = async (pattern: string, { folder }: Origin): Promise<string[]> => {
  const exclude = (path: string): boolean => basename(path) === 'node_modules' && !pattern.includes('node_modules');
  const paths: string[] = [];
  for await (const path of glob(pattern, { cwd: folder, exclude })) paths.push(resolve(folder, path));
  return paths.sort();
};
