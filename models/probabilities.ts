/** P(yes) of yes/no properties of a JSON reply, read from the token probabilities that came with it. */
import { isScalar, parseDocument } from 'yaml';

export interface Token {
  token: string;
  logprob: number;
  /** UTF-8 bytes, where the server gives them: a token may be a piece of a character. */
  bytes?: number[] | null;
  top_logprobs?: { token: string; logprob: number }[];
}

/**
 * P(yes) by JSON Pointer, normalised over yes and no. A pointer is left out when its value or its token is not found, so the
 * result may be empty. The tokens may spell more than `text`: llama.cpp takes a Markdown fence off the text, not off the tokens.
 */
export const yesProbabilities = (text: string, tokens: Token[], pointers: string[]): Record<string, number> => {
  const spelled = Buffer.concat(tokens.map(bytesOf));
  const json = text.trim();
  const begin = spelled.indexOf(json);
  if (begin < 0) return {};
  // JSON is YAML, and this parser says where each value stands.
  const document = parseDocument(json, { schema: 'json' });
  const found: Record<string, number> = {};
  for (const pointer of pointers) {
    const node = document.getIn(pathOf(pointer), true);
    if (!isScalar(node) || !node.range || !/^(?:yes|no)$/i.test(String(node.value))) continue;
    const start = node.range[0] + 1; // the character after the quote
    const probability = yesAt(tokens, begin + Buffer.byteLength(json.slice(0, start)));
    if (probability !== undefined) found[pointer] = probability;
  }
  return found;
};

const bytesOf = (token: Token): Buffer => (token.bytes ? Buffer.from(token.bytes) : Buffer.from(token.token));

const pathOf = (pointer: string): (string | number)[] =>
  pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));

/** P(yes) of the token that covers the byte at `position`. */
const yesAt = (tokens: Token[], position: number): number | undefined => {
  let start = 0;
  for (const token of tokens) {
    const { length } = bytesOf(token);
    if (position < start + length) return yesOf(token, position - start);
    start += length;
  }
  return undefined;
};

const yesOf = (token: Token, skip: number): number | undefined => {
  // The token may begin before the value (`"yes`): only alternatives with the same beginning are answers to the same question.
  const before = token.token.slice(0, skip);
  let yes = 0;
  let no = 0;
  for (const candidate of token.top_logprobs?.length ? token.top_logprobs : [token]) {
    if (!candidate.token.startsWith(before)) continue;
    const word = candidate.token.slice(skip).toLowerCase();
    if (begins(word, 'yes')) yes += Math.exp(candidate.logprob);
    else if (begins(word, 'no')) no += Math.exp(candidate.logprob);
  }
  return yes + no > 0 ? yes / (yes + no) : undefined;
};

/** `y`, `ye`, `yes` and `yes"` begin `yes`; `yesterday` does not. */
const begins = (word: string, answer: string): boolean =>
  word !== '' && (answer.startsWith(word) || (word.startsWith(answer) && !/^[a-z]/.test(word.slice(answer.length))));
