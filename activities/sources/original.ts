/** An original: one file, page or record before it is divided into documents. */
import { type Part, pagesOf, splitAtHeadings } from '../../core/document/split.ts';
import type { DocumentText } from '../../core/document/text.ts';
import type { Document } from '../../schemas/document.ts';

export interface Original {
  /** Stable within its source. */
  id: string;
  /** Where it came from, exactly: package@version, repository@commit, path or URL. */
  source: string;
  text: DocumentText;
  kind?: 'observation' | 'goal';
  start?: Document['start'];
}

/** How an original is divided: the keys that all sources have. */
interface Division {
  max_chars: number;
  parts?: number;
  license?: string;
}

/** Longest title: a page of titles must fit into a workflow's history. */
const longestTitle = 200;

/** The parts of an original as documents; none of a blank text. */
export const divide = (
  { id, source, text, kind, start }: Original,
  { max_chars, parts, license }: Division,
): Document[] => {
  const all = splitAtHeadings(text, max_chars);
  return all.slice(0, parts).map((part, index) => ({
    id: all.length === 1 ? id : `${id}#${index + 1}`,
    source,
    title: titleOf(text, part, index),
    text: part.text.toWellFormed(),
    span: { from: part.from, to: part.to },
    ...(text.pages === undefined ? {} : { pages: pagesOf(text.pages, part) }),
    ...(text.language === undefined ? {} : { language: text.language }),
    ...(kind === undefined ? {} : { kind }),
    ...(start === undefined ? {} : { start }),
    ...(license === undefined ? {} : { license }),
  }));
};

/** The first part is the page itself; later ones say where in it they begin. */
const titleOf = (text: DocumentText, part: Part, index: number): string => {
  const below = index === 0 || part.heading === text.title ? undefined : part.heading;
  return oneLine(below === undefined ? text.title : `${text.title} › ${below}`);
};

/** Titles are printed in terminals and listed in histories: one line, no control characters, not endless. */
const oneLine = (title: string): string => {
  const line = title
    .slice(0, 4 * longestTitle)
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]+/gu, ' ')
    .trim();
  return line.length <= longestTitle ? line : `${line.slice(0, longestTitle - 1).toWellFormed()}…`;
};
