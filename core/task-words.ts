/** The words of a task that matter: example values masked, endings and filler words gone. */

/**
 * What counts as an example value, in the order in which it is masked. A placeholder in angle brackets is never masked again.
 * Plain capitalised words stay: "Control Panel" is a part of an application far oftener than a value.
 */
const masks: [RegExp, string][] = [
  [/\b(?:https?|ftp|file|git|ssh):\/\/[^\s"'<>)\]]*[^\s"'<>)\].,;:!?]/gi, '<url>'],
  [/\bwww\.[^\s"'<>)\]]*[^\s"'<>)\].,;:!?]/gi, '<url>'],
  [/(?<![\w@/])@[\w.-]+\/[\w.-]+(?:@[\w.^~-]*\w)?/g, '<text>'],
  [/[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g, '<email>'],
  [/(?<![\w/.<])(?:~|\.{1,2})?\/(?:[\w@.-]+\/)*[\w@.-]*\w\/?/g, '<path>'],
  [/\b[A-Za-z]:\\[\w\\.-]+/g, '<path>'],
  [/(?<![\w/<])(?:[\w@.-]+\/){2,}[\w@.-]*\w\/?|(?<![\w/<])(?:[\w@.-]+\/)+[\w-]+\.[a-z]\w{0,4}\b/gi, '<path>'],
  [/\b\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?Z?)?\b|\b\d{1,2}[/.]\d{1,2}[/.]\d{2,4}\b/g, '<number>'],
  [/(?<![\w.])(?:[v^~=]|[<>]=?)?\d+\.(?:\d+|x)(?:\.(?:\d+|x))*(?:[-+][\w.-]*\w)?(?!\w)/gi, '<number>'],
  [/(?<![\w.])\.[a-z][\w-]+\b/gi, '<file>'],
  [/\b[\w-]{2,}(?:\.[\w-]+)*\.[a-z][a-z0-9]{0,4}\b(?!\()/gi, '<file>'],
  [/\b(named|called|titled|entitled|labell?ed)\s+(?!<)[\w-]+(?:\s+[A-Z][\w-]*)*/g, '$1 <text>'],
  [/\b(?:my|foo|bar|test|demo|sample|example)[-_][\w-]+\b|\b(?:foo|bar|baz|qux|acme|lorem|ipsum)\b/gi, '<text>'],
  [/\b(?:alice|bob|carol|charlie|dave|eve|john|jane)(?:\s+(?:doe|smith))?\b/gi, '<text>'],
  [/(?<![\w<])[#$€£]?\d+(?:[.,:]\d+)*\s?%?(?![\w>])/g, '<number>'],
  [/\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|hundred|thousand)\b/gi, '<number>'],
];

/** Words that say nothing of what a task does. */
const filler = new Set([
  'a',
  'an',
  'the',
  'please',
  'this',
  'that',
  'of',
  'its',
  'your',
  'my',
  'and',
  'then',
  'so',
  'it',
]);

/**
 * The instruction with its example values masked (numbers, versions, dates, quoted strings, paths, file names, URLs, e-mail addresses,
 * names after "called", usual sample names), in lower case, without punctuation: tasks that differ only in such values share it.
 */
export function taskShape(instruction: string): string {
  const masked = mask(
    instruction.normalize('NFKC').replace(quoted, (text) => {
      const inner = mask(text.slice(1, -1));
      return /^<[a-z]+>$/.test(inner) ? inner : '<text>';
    }),
  );
  return (masked.toLowerCase().match(wordOrMask) ?? []).join(' ');
}

function mask(text: string): string {
  return masks.reduce((masked, [pattern, placeholder]) => masked.replace(pattern, placeholder), text);
}

/** The distinct stemmed words of a task's shape, without fillers. */
export function taskWords(instruction: string): Set<string> {
  const words = taskShape(instruction)
    .split(' ')
    .filter((word) => word !== '' && !filler.has(word));
  return new Set(words.map(stem));
}

/** Text in quotes; an apostrophe inside or behind a word does not open one. */
const quoted = /"[^"\n]+"|“[^”\n]+”|„[^“”\n]+[“”]|«[^»\n]+»|(?<![\w>])'[^'\n]+'(?!\w)|(?<!\w)‘[^’\n]+’(?!\w)/g;
const wordOrMask = /<[a-z]+>|[\p{L}\p{N}]+(?:[-_'’][\p{L}\p{N}]+)*/gu;

/** Light: plural and verb endings only, so that "versions" meets "version" and "listing" meets "list", and no more. */
function stem(word: string): string {
  if (word.startsWith('<') || word.length < 4) return word;
  const singular = word
    .replace(/['’]s$/, '')
    .replace(/ies$/, 'y')
    .replace(/(ss|sh|ch|x)es$/, '$1')
    .replace(/([^su])s$/, '$1');
  const bare = singular.replace(/(?<=\w{3})(?:ing|ed)$/, '');
  return bare.replace(/([bdgmnprt])\1$/, '$1').replace(/(?<=\w{3})e$/, '');
}
