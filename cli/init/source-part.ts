/** The sources of a new pipeline: where the documents come from. */
import { stat } from 'node:fs/promises';
import { basename, relative, resolve, sep } from 'node:path';
import { WrongCall } from '../wrong-call.ts';
import type { Choices } from './choices.ts';
import { endingsIn } from './look.ts';
import { sizesOf } from './models-part.ts';
import { isSample, npm, tiddlywiki } from './place-part.ts';
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
    throw new WrongCall(`--docs ${path}: there is no Markdown, TiddlyWiki or plain text in this folder`);
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

const firstPage: Record<Choices['place'], string> = {
  shell: `# The folder

Text files lie here. They can be listed, read, searched, sorted, changed, copied and moved with the usual Unix commands.
`,
  browser: `# The site

Say here what a person can do on this site, one paragraph for each thing: what it is for, where it is found, what comes of it.
`,
  scripted: `# The board

There are four lamps, lamp-1 to lamp-4. Each can be switched on and off, and the board can be read.
`,
};

/** Without documentation a page is begun that the author goes on with. */
const ownPage = (choices: Choices): Source => ({
  description: said(
    `Learns to work ${choices.place === 'browser' ? 'on a site' : choices.place === 'shell' ? 'in a folder' : 'with lamps'}.`,
  ),
  lines: (limit) => [
    '# Tasks are invented from documents. This page is a beginning: say in it what can be done in the place, or name your own.',
    '- files: docs/*.md',
    `  limit: ${limit}`,
  ],
  files: { 'docs/place.md': firstPage[choices.place] },
});

/** What `sources:` says for the choice of documents. Throws WrongCall where they are not there. */
export const sourceOf = async (choices: Choices, folder: string): Promise<Source> => {
  const { docs, place } = choices;
  if (docs.kind === 'path') return filesAt(choices, folder, docs.path);
  if (docs.kind === 'sample' && isSample(choices))
    return place === 'browser' ? wikiManual(choices) : npmManual(choices);
  if (docs.kind === 'site' || docs.kind === 'git')
    throw new WrongCall(`--docs ${docs.url}: addresses are not read yet; download the documents and name the folder`);
  return ownPage(choices);
};
