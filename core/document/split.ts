/** The division of a document into parts of a bounded size, at its headings where it has some. */
import type { DocumentText, Heading } from './text.ts';

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
  const { whole, from, headings } = document;
  const spans = spansOf(endsOf(document, limit), from);
  return spans
    .map((span) => ({
      ...span,
      text: whole.slice(span.from, span.to),
      heading: lastHeading(headings, span.from)?.title,
    }))
    .filter(({ text }) => text.trim() !== '');
};

/** Where each part ends. */
const endsOf = ({ whole, from, headings }: DocumentText, limit: number): number[] => {
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
  return ends;
};

const spansOf = (ends: number[], from: number): { from: number; to: number }[] =>
  ends.map((to, index) => ({ from: index === 0 ? from : (ends[index - 1] ?? from), to }));

/** The last heading at or before an offset, found by halving: a long file has thousands of both. */
const lastHeading = (headings: Heading[], offset: number): Heading | undefined => {
  let [low, high] = [0, headings.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((headings[middle]?.offset ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  return headings[low - 1];
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

/** The pages of a PDF, from 1, that a stretch of its text lies on. */
export const pagesOf = (starts: number[], span: { from: number; to: number }): { from: number; to: number } => {
  const page = (offset: number): number => Math.max(1, starts.findLastIndex((start) => start <= offset) + 1);
  return { from: page(span.from), to: page(Math.max(span.from, span.to - 1)) };
};
