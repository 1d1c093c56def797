/** Did-you-mean: the nearest of the names that would have been right. */

/** Edits (insert, delete, replace, swap neighbours) between two words. */
export const distance = (left: string, right: string): number => {
  let before: number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row += 1) {
    const line = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const same = left[row - 1] === right[column - 1] ? 0 : 1;
      const swapped = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      line[column] = Math.min(
        (last[column] ?? 0) + 1,
        (line[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + same,
        swapped ? (before[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    before = last;
    last = line;
  }
  return last[right.length] ?? 0;
};

const plain = (word: string): string => word.toLowerCase().replace(/[^a-z0-9]/g, '');

/** The choice that `word` was probably meant to be, or undefined when none is near. Case and separators count little. */
export const nearest = (word: string, choices: readonly string[]): string | undefined => {
  const limit = Math.max(1, Math.floor(word.length / 3));
  const ranked = choices
    .map((choice) => ({ choice, edits: distance(plain(word), plain(choice)) }))
    .filter(({ choice, edits }) => edits <= limit && edits < plain(choice).length)
    .sort((one, other) => one.edits - other.edits);
  const begins = choices.filter(
    (choice) =>
      plain(word).length >= 4 && (plain(choice).startsWith(plain(word)) || plain(word).startsWith(plain(choice))),
  );
  return ranked[0]?.choice ?? (begins.length === 1 ? begins[0] : undefined);
};

/** What other tools call the same thing → what it is called here. */
const otherWords: Record<string, string> = {
  claude: 'anthropic',
  gemini: 'google',
  gpt: 'openai',
  ollama: 'openai',
  vllm: 'openai',
  llamacpp: 'openai',
  lmstudio: 'openai',
  openrouter: 'openai',
  openaicompatible: 'openai',
  gguf: 'local',
  huggingface: 'local',
  mock: 'scripted',
  fake: 'scripted',
  bash: 'shell',
  terminal: 'shell',
  web: 'browser',
  webapp: 'browser',
  chromium: 'browser',
  generate: 'instruct',
  explore: 'interact',
  relabel: 'construct',
  judge: 'filter',
  committee: 'filter',
  int: 'integer',
  float: 'number',
  string: 'text',
  bool: 'boolean',
  enum: 'choice',
};

/** The nearest choice, or what another tool's word for it is called here. */
export const meant = (word: string, choices: readonly string[]): string | undefined => {
  const near = nearest(word, choices);
  const other = otherWords[plain(word)];
  return near ?? (other !== undefined && choices.includes(other) ? other : undefined);
};
