/** How many retrieved examples fit into a prompt. */

/**
 * Tokens of a text, estimated without a tokenizer: four characters of ASCII, two of other alphabets, or one ideograph make a token.
 * Within a quarter or so of real tokenizers for prose; code and accessibility trees take more tokens than it says.
 */
export function estimateTokens(text: string): number {
  let quarters = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    quarters += code < 0x80 ? 1 : code < 0x2e80 ? 2 : 4;
  }
  return Math.ceil(quarters / 4);
}

/** The texts that fit into `maxTokens` together, best first as given; one that does not fit is passed over for shorter ones behind it. */
export function fitExamples(examples: { text: string }[], maxTokens: number): string[] {
  let left = maxTokens;
  return examples
    .map(({ text }) => text)
    .filter((text) => {
      const tokens = estimateTokens(text);
      if (tokens > left) return false;
      left -= tokens;
      return true;
    });
}
