/** What a command printed: kept by its two ends, cleaned for reading, and normalised for comparing. */
import { stripVTControlCharacters } from 'node:util';

/** Bytes kept of each end of the output. */
const KEPT = 64 * 1024;

interface Capture {
  add(bytes: Uint8Array): void;
  /** Bytes printed so far. */
  readonly total: number;
  /** What is kept: everything, or the two ends with a line between them that counts what is left out. */
  text(): string;
}

/** Keeps the first and the last 64 KiB of a stream and counts all of it. */
export const createCapture = (): Capture => {
  const head: Uint8Array[] = [];
  let headSize = 0;
  let tail: Buffer = Buffer.alloc(0);
  let total = 0;
  return {
    add: (bytes) => {
      total += bytes.length;
      const first = bytes.subarray(0, Math.max(0, KEPT - headSize));
      if (first.length > 0) head.push(first);
      headSize += first.length;
      const rest = bytes.subarray(first.length);
      if (rest.length > 0) tail = Buffer.concat([tail, rest]).subarray(-KEPT);
    },
    get total() {
      return total;
    },
    text: () => {
      const left = total - headSize - tail.length;
      if (left === 0) return readable(Buffer.concat([...head, tail]));
      return `${readable(Buffer.concat(head))}\n[... ${left} bytes left out ...]\n${readable(tail)}`;
    },
  };
};

/** Plain text of what a terminal would have shown: no escape sequences, no control characters, invalid bytes replaced. */
const readable = (bytes: Buffer): string =>
  stripVTControlCharacters(bytes.toString('utf8'))
    .replace(/\r+\n/g, '\n')
    .replace(/^.*\r(?=.)/gm, '') // a progress line that was written over
    .replace(/[^\P{Cc}\t\n]+|\ufffd+/gu, '\ufffd');

/** Cuts the middle out of `text` so that at most `limit` characters remain, and says how many went. */
export const shorten = (text: string, limit: number): string => {
  if (text.length <= limit) return text;
  const note = `\n[... ${text.length} characters, the middle is left out ...]\n`;
  const room = Math.max(0, limit - note.length);
  const head = wholeCharacters(text.slice(0, Math.ceil(room / 2)));
  const tail = room < 2 ? '' : wholeCharacters(text.slice(-Math.floor(room / 2)));
  return `${head}${note}${tail}`.slice(0, limit);
};

/** A cut may part the two halves of a character outside the basic plane. */
const wholeCharacters = (text: string): string => text.replace(/^[\udc00-\udfff]|[\ud800-\udbff]$/g, '');

const MONTH = '(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)';

/** In this order: what changes from one run of a command to the next though nothing has changed. */
const VOLATILE: [RegExp, string][] = [
  [/\b\d{4}-\d\d-\d\d(?:[T _]\d\d[:_-]\d\d(?:[:_-]\d\d)?(?:[._]\d+)?)?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?/g, '<date>'],
  [
    new RegExp(
      `\\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +)?${MONTH} +\\d{1,2} +(?:\\d\\d:\\d\\d(?::\\d\\d)?|\\d{4})`,
      'g',
    ),
    '<date>',
  ],
  [/\b\d{1,2}:\d\d:\d\d(?:\.\d+)?\b/g, '<time>'],
  [/\b1[6-9]\d{8}(?:\d{3})?(?:\.\d+)?\b/g, '<time>'],
  [/\b\d+m\d+(?:\.\d+)?s\b/g, '<duration>'],
  [/\b\d+(?:\.\d+)? ?(?:ns|[uµμ]s|ms|s|secs?|seconds?|minutes?)\b/g, '<duration>'],
  [/\/tmp\/[\w.-]+/g, '/tmp/<name>'],
  [/\b(pid|process(?: id)?)([ :=#]*)\d+/gi, '$1$2<pid>'],
  [/^\[(\d+)\] \d+$/gm, '[$1] <pid>'],
  [/^commit [0-9a-f]{40}/gm, 'commit <id>'],
  [/^\[(.+) [0-9a-f]{7,12}\]/gm, '[$1 <id>]'],
  [/^[0-9a-f]{7,12} /gm, '<id> '],
  [/\b0x[0-9a-f]{6,}\b/gi, '<address>'],
  // Blocks on the disk, as ls -l adds them up: a file just written has none until the system writes it out.
  [/^total \d+(?:\.\d+)?[KMGT]?$/gm, 'total <blocks>'],
];

/** `text` without durations, dates, process ids, temporary names and other things that no two runs share. */
export const normalise = (text: string): string =>
  VOLATILE.reduce((result, [pattern, name]) => result.replace(pattern, name), text);
