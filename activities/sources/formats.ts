/** A file as texts, by its ending: one per file, or one per line of a JSONL file. */
import { readFile, stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { languageOf, readCode } from '../../core/document/code.ts';
import { type DocumentText, readDocumentText } from '../../core/document/text.ts';
import { LbiError } from '../../core/errors.ts';
import { readHtmlAside, readPdfAside } from './aside.ts';
import type { Note } from './context.ts';
import { decodeHtml, decodeText } from './decode.ts';
import { type Fields, readJsonLines } from './json-lines.ts';

/** Largest file that is read in one piece. */
const largest = 100 * 1024 * 1024;

interface Reading {
  /** Keys of a JSONL line. */
  fields: Fields;
  note(note: Note): void;
}

interface FileText {
  id: string;
  text: DocumentText;
}

/** @param file its absolute path, and its path as documents say it */
export async function* readFileTexts(
  file: { path: string; id: string },
  { fields, note }: Reading,
): AsyncGenerator<FileText> {
  const ending = extname(file.path).toLowerCase();
  if (ending === '.jsonl' || ending === '.ndjson') {
    for await (const { key, text } of readJsonLines(file.path, fields)) yield { id: `${file.id}:${key}`, text };
    return;
  }
  const { size } = await stat(file.path);
  if (size > largest)
    throw new LbiError('spec', `sources: ${file.path} has ${size} bytes; files of up to ${largest} are read`);
  const name = basename(file.path, extname(file.path));
  if (ending === '.pdf') {
    const text = await readPdfAside(await readFile(file.path), { name, path: file.path });
    if (text.blank.length > 0) note({ what: `${file.id}, ${pagesInWords(text.blank)}`, why: 'no text: scanned?' });
    yield { id: file.id, text: text.text };
    return;
  }
  yield { id: file.id, text: await readWhole(file, ending, name) };
}

const readWhole = async (file: { path: string; id: string }, ending: string, name: string): Promise<DocumentText> => {
  const bytes = await readFile(file.path);
  if (ending === '.html' || ending === '.htm' || ending === '.xhtml')
    return (await readHtmlAside(decodeHtml(bytes), { name, path: file.path })).text;
  const language = languageOf(ending);
  if (language !== undefined) return readCode(decodeText(file.path, bytes), file.id, language);
  const read = readDocumentText(decodeText(file.path, bytes), ending, name);
  if (read !== undefined) return read;
  throw new LbiError(
    'spec',
    `sources: ${file.path} is ${ending}, which is not read; documents are Markdown (.md, .markdown, .mdx), TiddlyWiki (.tid), HTML, PDF, JSONL, plain text (.txt, .text, .rst, .adoc) and source code (.py, .ts, .go …). Convert it (pandoc -t gfm), or narrow \`files\``,
  );
};

const pagesInWords = (pages: number[]): string => {
  const shown = pages.slice(0, 10).join(', ');
  return `${pages.length === 1 ? 'page' : 'pages'} ${shown}${pages.length > 10 ? ' …' : ''}`;
};
