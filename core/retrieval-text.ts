/** How much of what was retrieved fits into a prompt. */

/**
 * Tokens of a text, estimated without a tokenizer: four characters of ASCII, two of other alphabets, or one ideograph make a token.
 * Within a quarter or so of real tokenizers for prose; code and accessibility trees take more tokens than it says.
 */
export function estimateTokens(text: string): number {
  let quarters = 0;
  for (const character of text) quarters += quartersOf(character);
  return Math.ceil(quarters / 4);
}

function quartersOf(character: string): number {
  const code = character.codePointAt(0) ?? 0;
  return code < 0x80 ? 1 : code < 0x2e80 ? 2 : 4;
}

/** What was found: the examples and the documents, each best first. */
export interface Found {
  examples: string[];
  documents: string[];
}

/**
 * What of it fits into `maxTokens` together. An example is whole or not there: one that does not fit is passed over for
 * shorter ones behind it. Of the documents the first that does not fit is cut to what is left, and nothing follows it.
 */
export function fitKnowledge({ examples, documents }: Found, maxTokens: number): Found {
  let left = maxTokens;
  const take = (text: string): boolean => {
    const tokens = estimateTokens(text);
    if (tokens > left) return false;
    left -= tokens;
    return true;
  };
  const taken = examples.filter(take);
  const whole = documents.findIndex((text) => !take(text));
  if (whole < 0) return { examples: taken, documents };
  const cut = left < leastTokens ? [] : [cutToTokens(documents[whole] ?? '', left)];
  return { examples: taken, documents: [...documents.slice(0, whole), ...cut] };
}

/** A document of fewer tokens than this is only its heading. */
const leastTokens = 50;
const cutMark = ' …';

/** The longest beginning of a text that has at most so many tokens, with a mark that it was cut. */
function cutToTokens(text: string, tokens: number): string {
  let quarters = 4 * (tokens - estimateTokens(cutMark));
  let end = 0;
  for (const character of text) {
    quarters -= quartersOf(character);
    if (quarters < 0) break;
    end += character.length;
  }
  return end === text.length ? text : `${text.slice(0, end)}${cutMark}`;
}
