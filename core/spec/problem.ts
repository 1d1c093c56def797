/** A problem of a pipeline file: what is wrong, at which character, and what to write instead. */
import { concealKeys } from './secrets.ts';

/** A text that problems point into: a file, or the text of a flag (whose `file` starts with `--set ` or `--input `). */
export interface Source {
  file: string;
  text: string;
  /** Folder of an extended file as seen from the main file's folder: its paths are relative to it. */
  folder?: string;
}

/** A stretch of a source: characters from `offset`, `length` of them. */
export interface Place {
  source: Source;
  offset: number;
  length: number;
}

export type ProblemCode =
  | 'syntax'
  | 'tab'
  | 'indent'
  | 'quote'
  | 'duplicate-key'
  | 'tag'
  | 'anchor'
  | 'too-large'
  | 'empty'
  | 'env'
  | 'placeholder'
  | 'secret'
  | 'profile'
  | 'extends'
  | 'input'
  | 'set'
  | 'unknown-key'
  | 'missing-key'
  | 'type'
  | 'value'
  | 'unknown-name'
  | 'stage-order'
  | 'filter'
  | 'committee'
  | 'budget'
  | 'place'
  | 'source'
  | 'timing'
  | 'combination'
  | 'prompt'
  | 'file'
  | 'module'
  | 'unused';

/** `line` and `column` count from 1; `length` is in characters; `path` reads like `stages.filter.committee.members[0]`. */
export interface Problem {
  code: ProblemCode;
  severity: 'error' | 'warning';
  message: string;
  file: string;
  line: number;
  column: number;
  length: number;
  path: string;
  /** What would be right here, one entry a choice. */
  expected?: string[];
  /** The name that was probably meant. */
  suggestion?: string;
  /** What to do, as text or as the line to write. */
  fix?: string;
  /** True when the stretch must not be shown: a secret written in clear. */
  hidden?: boolean;
}

/** What a problem says besides its place. */
export type Words = Pick<Problem, 'code' | 'message'> &
  Partial<Pick<Problem, 'severity' | 'path' | 'hidden'>> & {
    expected?: readonly string[] | undefined;
    suggestion?: string | undefined;
    fix?: string | undefined;
  };

/** Where each line of a source begins: looked up for every problem, counted once. */
const lineStarts = new WeakMap<Source, number[]>();

const startsOf = (source: Source): number[] => {
  const known = lineStarts.get(source);
  if (known !== undefined) return known;
  const starts = [0];
  for (let end = source.text.indexOf('\n'); end >= 0; end = source.text.indexOf('\n', end + 1)) starts.push(end + 1);
  lineStarts.set(source, starts);
  return starts;
};

/** Line and column, from 1, of an offset. */
export const position = (source: Source, offset: number): { line: number; column: number } => {
  const starts = startsOf(source);
  const inside = Math.min(Math.max(0, offset), source.text.length);
  let [low, high] = [0, starts.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((starts[middle] ?? 0) <= inside) low = middle;
    else high = middle - 1;
  }
  return { line: low + 1, column: inside - (starts[low] ?? 0) + 1 };
};

/** A flag is shown by its text: one that holds a secret loses the value. */
export const shownFile = (file: string, hidden: boolean): string => {
  if (!/^--(set|input) /.test(file)) return file;
  return hidden ? file.replace(/=.*$/s, '=…') : concealKeys(file);
};

/** Choices that a problem lists: thousands of problems may each have thousands. */
export const MOST_EXPECTED = 100;

/** A problem at a place. */
export const problemAt = (place: Place, words: Words): Problem => {
  const { expected, suggestion, fix, hidden, ...rest } = words;
  return {
    severity: 'error',
    path: '',
    ...rest,
    message: concealKeys(rest.message),
    file: shownFile(place.source.file, hidden === true),
    ...position(place.source, place.offset),
    length: Math.max(1, place.length),
    ...(expected === undefined || expected.length === 0 ? {} : { expected: expected.slice(0, MOST_EXPECTED) }),
    ...(suggestion === undefined ? {} : { suggestion }),
    ...(fix === undefined ? {} : { fix }),
    ...(hidden === true ? { hidden } : {}),
  };
};

/** One of two problems that say the same of the same characters (an anchor used twice) is dropped; the order is kept. */
export const distinct = (problems: Problem[]): Problem[] => {
  const seen = new Set<string>();
  return problems.filter((problem) => {
    const same = [problem.code, problem.file, problem.line, problem.column, problem.suggestion ?? '', problem.message];
    const identity = JSON.stringify(same.slice(0, problem.code === 'unknown-key' ? 5 : 6));
    if (seen.has(identity)) return false;
    seen.add(identity);
    return true;
  });
};
