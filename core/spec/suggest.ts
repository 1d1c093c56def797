/** Did-you-mean: the nearest of the names that would have been right. */

/** Rows of the table of `distance`, used again by every call: thousands of problems may each ask about hundreds of names. */
let rows = [new Uint32Array(64), new Uint32Array(64), new Uint32Array(64)] as const;

const rowsFor = (length: number): typeof rows => {
  if (rows[0].length <= length)
    rows = [new Uint32Array(2 * length), new Uint32Array(2 * length), new Uint32Array(2 * length)];
  return rows;
};

/** Edits (insert, delete, replace, swap neighbours) between two words; some number above `most` where there are more. */
export const distance = (left: string, right: string, most = Number.POSITIVE_INFINITY): number => {
  let [before, last, line] = rowsFor(right.length + 1);
  for (let column = 0; column <= right.length; column += 1) last[column] = column;
  for (let row = 1; row <= left.length; row += 1) {
    const letter = left.charCodeAt(row - 1);
    line[0] = row;
    let least = row;
    for (let column = 1; column <= right.length; column += 1) {
      const other = right.charCodeAt(column - 1);
      let edits = (last[column - 1] ?? 0) + (letter === other ? 0 : 1);
      edits = Math.min(edits, (last[column] ?? 0) + 1, (line[column - 1] ?? 0) + 1);
      const swapped =
        row > 1 && column > 1 && letter === right.charCodeAt(column - 2) && left.charCodeAt(row - 2) === other;
      if (swapped) edits = Math.min(edits, (before[column - 2] ?? 0) + 1);
      line[column] = edits;
      if (edits < least) least = edits;
    }
    // A swap reaches back over one row, so one more than `most` may still come down.
    if (least > most + 1) return least;
    [before, last, line] = [last, line, before];
  }
  return last[right.length] ?? 0;
};

const plain = (word: string): string => word.toLowerCase().replace(/[^a-z0-9]/g, '');

/** Choices that are looked at; nobody has more names than this in one place. */
const MOST_CHOICES = 200;

const plainChoices = new WeakMap<readonly string[], { choice: string; name: string }[]>();

/** The choices without case and separators: thousands of problems may ask about the same ones. */
const plainOf = (choices: readonly string[]): { choice: string; name: string }[] => {
  const known = plainChoices.get(choices);
  if (known !== undefined) return known;
  const made = choices.slice(0, MOST_CHOICES).map((choice) => ({ choice, name: plain(choice) }));
  plainChoices.set(choices, made);
  return made;
};

/** The choice that `word` was probably meant to be, or undefined when none is near. Case and separators count little. */
export const nearest = (word: string, choices: readonly string[]): string | undefined => {
  const written = plain(word);
  const limit = Math.max(1, Math.floor(word.length / 3));
  const names = plainOf(choices);
  const ranked = names
    .filter(({ name }) => Math.abs(name.length - written.length) <= limit)
    .map(({ choice, name }) => ({ choice, name, edits: distance(written, name, limit) }))
    .filter(({ name, edits }) => edits <= limit && edits < name.length)
    .sort((one, other) => one.edits - other.edits);
  if (ranked[0] !== undefined) return ranked[0].choice;
  if (written.length < 4) return undefined;
  const begins = names.filter(({ name }) => name.startsWith(written) || (name !== '' && written.startsWith(name)));
  return begins.length === 1 ? begins[0]?.choice : undefined;
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
