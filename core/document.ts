/** The text of a documentation file: its title, its body, and its division at headings. */
import { parse } from 'yaml';

/** A file's text with the part that is its body: `from` counts characters of `whole`. */
export interface DocumentText {
  title: string;
  whole: string;
  from: number;
  syntax: 'markdown' | 'tiddlywiki' | 'text';
}

const syntaxes: Record<string, DocumentText['syntax']> = {
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
  return { title: name, whole, from: start, syntax };
};

/** Front matter (`---` … `---`) gives the title; else the first heading; else the file's name. */
const readMarkdown = (whole: string, start: number, name: string): DocumentText => {
  const front = /^---[ \t]*\r?\n([\s\S]*?)\r?\n---[ \t]*(?:\r?\n|$)/.exec(whole.slice(start));
  const from = start + (front?.[0].length ?? 0);
  const heading = headingsOf(whole, from, 'markdown')[0]?.title;
  return { title: frontTitle(front?.[1]) ?? heading ?? name, whole, from, syntax: 'markdown' };
};

/** Front matter that is no YAML is no reason to refuse a page: it then has no title. */
const frontTitle = (text: string | undefined): string | undefined => {
  if (text === undefined) return undefined;
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
  const title = /^title:[ \t]*(.+?)[ \t]*$/m.exec(header.replaceAll('\r', ''))?.[1];
  return { title: title ?? name, whole, from: start + header.length, syntax: 'tiddlywiki' };
};

interface Heading {
  offset: number;
  title: string;
}

/** Headings outside fenced code, with the offset of their line. */
const headingsOf = (whole: string, from: number, syntax: DocumentText['syntax']): Heading[] => {
  const mark = { markdown: /^#{1,6}[ \t]+(.*?)[ \t#]*$/, tiddlywiki: /^!{1,6}[ \t]*(.*?)[ \t]*$/, text: undefined }[
    syntax
  ];
  if (mark === undefined) return [];
  const found: Heading[] = [];
  let fence: string | undefined;
  let offset = from;
  for (const line of whole.slice(from).split('\n')) {
    const bare = line.replace(/\r$/, '');
    const opened: string | undefined = /^ {0,3}(`{3,}|~{3,})/.exec(bare)?.[1];
    if (opened !== undefined && (fence === undefined || opened.startsWith(fence)))
      fence = fence === undefined ? opened : undefined;
    const title = fence === undefined && opened === undefined ? mark.exec(bare)?.[1] : undefined;
    if (title !== undefined) found.push({ offset, title });
    offset += line.length + 1;
  }
  return found;
};

/** A stretch of a document's text: characters `from` … `to` of the whole, and the heading it begins with. */
export interface Part {
  from: number;
  to: number;
  text: string;
  heading: string | undefined;
}

/**
 * The body in parts of at most `limit` characters: whole sections together while they fit; a longer section is cut at
 * paragraphs, then lines, then anywhere but inside a character. Parts join up to the body; blank ones are left out.
 */
export const splitAtHeadings = (document: DocumentText, limit: number): Part[] => {
  const { whole, from, syntax } = document;
  const headings = headingsOf(whole, from, syntax);
  const cuts = [from, ...headings.map(({ offset }) => offset).filter((offset) => offset > from), whole.length];
  const ends: number[] = [];
  let start = from;
  cuts.slice(1).forEach((end, index) => {
    const sectionStart = cuts[index] ?? from;
    if (end - start > limit && sectionStart > start) {
      ends.push(sectionStart);
      start = sectionStart;
    }
    while (end - start > limit) {
      start = cutBefore(whole, start, start + limit);
      ends.push(start);
    }
  });
  if (start < whole.length) ends.push(whole.length);
  return ends
    .map((to, index) => ({ from: index === 0 ? from : (ends[index - 1] ?? from), to }))
    .map((span) => ({
      ...span,
      text: whole.slice(span.from, span.to),
      heading: headings.findLast(({ offset }) => offset <= span.from)?.title,
    }))
    .filter(({ text }) => text.trim() !== '');
};

/** The last good place to cut in (start, end]: after a blank line, a line, a space; never between the halves of a character. */
const cutBefore = (whole: string, start: number, end: number): number => {
  const stretch = whole.slice(start, end);
  const least = Math.floor(stretch.length / 3);
  for (const mark of ['\n\n', '\n', ' ']) {
    const found = stretch.lastIndexOf(mark);
    if (found >= least) return start + found + mark.length;
  }
  const half = whole.charCodeAt(end - 1);
  return half >= 0xd800 && half <= 0xdbff ? end - 1 : end;
};
