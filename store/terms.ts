/** Words of a text for BM25: the same rule for what is indexed and what is asked, so that no character of a query has a meaning. */

const WORD = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|[\p{L}\p{M}\p{N}_]+/gu;
const TERM_CHARACTERS = 40;

/** Lower-case runs of letters and digits in their order, cut to 40 characters; ideographs one by one. */
export function terms(text: string): string[] {
  const words = text.normalize('NFKC').toLowerCase().match(WORD) ?? [];
  return words.map((word) => word.slice(0, TERM_CHARACTERS).toWellFormed());
}

/** The first `max` distinct terms: a whole accessibility tree can be asked without the query growing with it. */
export function boundedTerms(text: string, max: number): string[] {
  return [...new Set(terms(text))].slice(0, max);
}
