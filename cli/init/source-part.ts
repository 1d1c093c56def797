/** The sources of a new pipeline: where the documents come from. */
import { stat } from 'node:fs/promises';
import { basename, relative, resolve, sep } from 'node:path';
import { WrongCall } from '../wrong-call.ts';
import type { Choices } from './choices.ts';
import { endingsIn } from './look.ts';
import { sizesOf } from './models-part.ts';
import { environmentOf, isSample, npm, tiddlywiki } from './place-part.ts';
import { quoted } from './yaml-words.ts';

export interface Source {
  /** One sentence for `description`, as YAML. */
  description: string;
  /** The list under `sources:`, with at most so many documents. */
  lines(limit: number): string[];
  /** Files that have to be written beside the pipeline: path → text. */
  files: Record<string, string>;
}

/** From the pipeline's folder to a path, with `/` between the steps. */
const from = (folder: string, path: string): string => {
  const steps = relative(resolve(folder), resolve(path)).split(sep).join('/');
  return steps === '' ? '.' : steps;
};

const said = (text: string): string => JSON.stringify(text.replaceAll('$', '$$$$'));

const length = (choices: Choices): string[] => (sizesOf(choices).small ? ['  max_chars: 3000'] : []);

/** Characters that a glob gives a meaning, one of them each. */
const literally = (path: string): string => path.replaceAll(/[*?[\]{}()!]/g, '?');

const filesAt = async (choices: Choices, folder: string, path: string): Promise<Source> => {
  const is = await stat(path).catch(() => undefined);
  if (is === undefined)
    throw new WrongCall(
      `--docs ${path}: there is no such file or folder; expected a path, a web address, a git address, or none`,
    );
  const place = literally(from(folder, path));
  const endings = is.isDirectory() ? await endingsIn(path) : [];
  if (is.isDirectory() && endings.length === 0)
    throw new WrongCall(`--docs ${path}: there is no Markdown, TiddlyWiki, HTML, PDF or plain text in this folder`);
  const globs = is.isDirectory() ? endings.map((ending) => quoted(`${place}/**/*.${ending}`)) : [quoted(place)];
  return {
    description: said(`Learns from the documents in ${basename(resolve(path))}.`),
    lines: (limit) => [
      '# A long document is split at its headings; limit is for a first look, take it away for all of them.',
      `- files: ${globs.length === 1 ? globs[0] : `[${globs.join(', ')}]`}`,
      ...length(choices),
      `  limit: ${limit}`,
    ],
    files: {},
  };
};

const npmManual = (choices: Choices): Source => ({
  description: "Teaches a model the npm command line from npm's own manual.",
  lines: (limit) => [
    '# The manual that npm carries in its package. Your own: { files: "docs/**/*.md" }',
    `- package: ${npm}`,
    '  files: [docs/content/commands/npm-pkg.md, docs/content/commands/npm-version.md]',
    ...length(choices),
    `  limit: ${limit}`,
    '  license: Artistic-2.0',
  ],
  files: {},
});

const wikiManual = (choices: Choices): Source => ({
  description: 'Teaches a model to use a TiddlyWiki from its own documentation.',
  lines: (limit) => [
    `- package: ${tiddlywiki}`,
    '  files: editions/tw5.com/tiddlers/**/*.tid',
    ...length(choices),
    `  limit: ${limit}`,
    '  license: BSD-3-Clause',
  ],
  files: {},
});

/** Pages of a site, by its links. */
const siteAt = (choices: Choices, url: string): Source => ({
  description: said(`Learns from the pages of ${new URL(url).host}.`),
  lines: (limit) => [
    '# Links are followed within the folder of this page, robots.txt is honoured. Narrow it with include: and exclude:; where the site',
    '# lists its pages, name the list instead:  sitemap: https://…/sitemap.xml',
    `- site: ${said(url)}`,
    ...length(choices),
    `  limit: ${limit} # for a first look; left out, 200`,
  ],
  files: {},
});

const repositoryAt = (choices: Choices, { url, ref, folder }: Extract<Choices['docs'], { kind: 'git' }>): Source => ({
  description: said(
    `Learns from the documents of ${url
      .split(/[/:]/)
      .slice(-2)
      .join('/')
      .replace(/\.git$/, '')}.`,
  ),
  lines: (limit) => [
    '# Nothing of the repository is run. HTML, PDF and source code are read as well.',
    `- git: ${said(url)}`,
    ...(ref === undefined || ref === '' ? [] : [`  ref: ${said(ref)}`]),
    `  files: ${said(`${folder === undefined || folder === '' ? '' : `${literally(folder)}/`}**/*.md`)}`,
    ...length(choices),
    `  limit: ${limit} # for a first look; left out, all`,
  ],
  files: {},
});

/** Without documentation tasks are invented from what is seen of the place (paper, Appendix G). */
const placeItself = (choices: Choices): Source => ({
  description: said(
    `Learns to work ${choices.place === 'browser' ? 'on a site' : choices.place === 'shell' ? 'in a folder' : 'with lamps'} by looking at it.`,
  ),
  lines: () => [
    '# No documentation: tasks are invented from what is seen of the place at the start. Your own: { files: "docs/**/*.md" }',
    `- environment: ${environmentOf(choices).name}`,
    '  take: observation',
  ],
  files: {},
});

/** What `sources:` says for the choice of documents. Throws WrongCall where they are not there. */
export const sourceOf = async (choices: Choices, folder: string): Promise<Source> => {
  const { docs, place } = choices;
  if (docs.kind === 'path') return filesAt(choices, folder, docs.path);
  if (docs.kind === 'sample' && isSample(choices))
    return place === 'browser' ? wikiManual(choices) : npmManual(choices);
  if (docs.kind === 'site') return siteAt(choices, docs.url);
  if (docs.kind === 'git') return repositoryAt(choices, docs);
  return placeItself(choices);
};
