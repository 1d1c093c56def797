/** The text of a document in whatever syntax: its title, its body, and where a part of it may begin. */
import { parse } from 'yaml';

/** A text with the part that is its body: `from` counts characters of `whole`. */
export interface DocumentText {
  title: string;
  whole: string;
  from: number;
  /** Where a part may begin, in order; those before `from` do not count. */
  headings: Heading[];
  /** Of source code, as Markdown names it. */
  language?: string;
  /** Where each page of a PDF begins, the first at 0. */
  pages?: number[];
}

export interface Heading {
  offset: number;
  /** What the title of a part says that begins here. */
  title?: string;
}

type Syntax = 'markdown' | 'tiddlywiki' | 'text';

const syntaxes: Record<string, Syntax> = {
  '.md': 'markdown',
  '.markdown': 'markdown',
  '.mdx': 'markdown',
  '.tid': 'tiddlywiki',
  '.txt': 'text',
  '.text': 'text',
  '.rst': 'text',
  '.adoc': 'text',
  '': 'text',
};

/** Title and body of a text by the ending of its file; undefined for endings that are no documentation text. */
export const readDocumentText = (whole: string, ending: string, name: string): DocumentText | undefined => {
  const syntax = syntaxes[ending.toLowerCase()];
  if (syntax === undefined) return undefined;
  const start = whole.startsWith('\uFEFF') ? 1 : 0;
  if (syntax === 'markdown') return readMarkdown(whole, start, name);
  if (syntax === 'tiddlywiki') return readTiddler(whole, start, name);
  return readPlain(whole, name, start);
};

/** How a heading begins, and which characters at its end are no part of its title. */
interface Mark {
  begins: RegExp;
  ends: string;
}

const markdownMark: Mark = { begins: /^#{1,6}[ \t](.*)$/, ends: ' \t#' };
const tiddlerMark: Mark = { begins: /^!{1,6}(.*)$/, ends: ' \t' };

/** A text without any marks. */
export const readPlain = (whole: string, title: string, from = 0): DocumentText => ({
  title,
  whole,
  from,
  headings: [],
});

/** Front matter (`---` … `---`) gives the title; else the first heading; else the file's name. */
const readMarkdown = (whole: string, start: number, name: string): DocumentText => {
  const front = /^---[ \t]*\r?\n([\s\S]*?)\r?\n---[ \t]*(?:\r?\n|$)/.exec(whole.slice(start));
  const from = start + (front?.[0].length ?? 0);
  const headings = headingsOf(whole, from, markdownMark);
  return { title: frontTitle(front?.[1]) ?? headings[0]?.title ?? name, whole, from, headings };
};

/** Markdown without front matter; `title` comes first where it is given. */
export const readMarkdownBody = (whole: string, name: string, title?: string): DocumentText => {
  const headings = headingsOf(whole, 0, markdownMark);
  return { title: title ?? headings[0]?.title ?? name, whole, from: 0, headings };
};

/** Longest front matter that is looked into, in characters. */
const longestFront = 64 * 1024;

/** Front matter that is no YAML is no reason to refuse a page: it then has no title. */
const frontTitle = (text: string | undefined): string | undefined => {
  if (text === undefined || text.length > longestFront) return undefined;
  try {
    const values: unknown = parse(text);
    const title = typeof values === 'object' && values !== null && 'title' in values ? values.title : undefined;
    return typeof title === 'string' && title.trim() !== '' ? title.trim() : undefined;
  } catch {
    return undefined;
  }
};

/** A tiddler begins with `field: value` lines up to the first empty line; `caption` and `title` name it. */
const readTiddler = (whole: string, start: number, name: string): DocumentText => {
  const header = /^(?:[^\r\n:]+:[^\r\n]*\r?\n)+(?:\r?\n|$)/.exec(whole.slice(start))?.[0] ?? '';
  const title = /^title:(.*)$/m.exec(header.replaceAll('\r', ''))?.[1]?.trim();
  const from = start + header.length;
  return { title: title || name, whole, from, headings: headingsOf(whole, from, tiddlerMark) };
};

/** Headings outside fenced code, with the offset of their line. */
const headingsOf = (whole: string, from: number, mark: Mark): Heading[] => {
  const found: Heading[] = [];
  let fence: string | undefined;
  for (const { offset, line } of linesOf(whole, from)) {
    const opened: string | undefined = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (opened !== undefined && (fence === undefined || opened.startsWith(fence)))
      fence = fence === undefined ? opened : undefined;
    const title = fence === undefined && opened === undefined ? mark.begins.exec(line)?.[1] : undefined;
    if (title !== undefined) found.push({ offset, title: withoutTail(title, mark.ends) });
  }
  return found;
};

/** The words of a heading. Step by step: a pattern would take the square of a hostile line's length. */
const withoutTail = (title: string, tail: string): string => {
  let end = title.length;
  while (end > 0 && tail.includes(title.charAt(end - 1))) end -= 1;
  return title.slice(0, Math.min(end, longestTitle)).trimStart();
};

/** Longest title of a heading, in characters. */
const longestTitle = 400;

/** Lines from an offset on, without their ends. */
export function* linesOf(whole: string, from: number): Generator<{ offset: number; line: string }> {
  let offset = from;
  while (offset <= whole.length) {
    const end = whole.indexOf('\n', offset);
    const line = whole.slice(offset, end < 0 ? whole.length : end);
    yield { offset, line: line.endsWith('\r') ? line.slice(0, -1) : line };
    if (end < 0) return;
    offset = end + 1;
  }
}
