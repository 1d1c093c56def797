/** A problem of a pipeline file: what is wrong, at which character, and what to write instead. */

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
    expected?: string[] | undefined;
    suggestion?: string | undefined;
    fix?: string | undefined;
  };

/** Line and column, from 1, of an offset. */
export const position = (text: string, offset: number): { line: number; column: number } => {
  const before = text.slice(0, Math.max(0, offset));
  const lineStart = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: before.length - lineStart + 1 };
};

/** What looks like a key written in clear, dotted out character by character so that columns stay where they are. */
export const concealKeys = (text: string): string =>
  text.replace(
    /(api_?key["']?\s*[:=]\s*["']?)((?!["']?\$\{)[^\s,}"']+)|\b(?:sk-|AIza|ghp_|xox[bp]-)[\w-]{8,}/gi,
    (whole, label: string | undefined, value: string | undefined) =>
      label === undefined ? '•'.repeat(whole.length) : label + '•'.repeat(value?.length ?? 0),
  );

/** A flag is shown by its text: one that holds a secret loses the value. */
export const shownFile = (file: string, hidden: boolean): string => {
  if (!/^--(set|input) /.test(file)) return file;
  return hidden ? file.replace(/=.*$/s, '=…') : concealKeys(file);
};

/** A problem at a place. */
export const problemAt = (place: Place, words: Words): Problem => {
  const { expected, suggestion, fix, hidden, ...rest } = words;
  return {
    severity: 'error',
    path: '',
    ...rest,
    message: concealKeys(rest.message),
    file: shownFile(place.source.file, hidden === true),

    ...position(place.source.text, place.offset),
    length: Math.max(1, place.length),
    ...(expected === undefined || expected.length === 0 ? {} : { expected }),
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
