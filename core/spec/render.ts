/** Problems as people read them: the place, the line, a caret, what was expected and the fix. */

import { concealKeys, type Problem } from './problem.ts';
import { nearest } from './suggest.ts';

/** Problems shown at once; the rest are counted. */
const MOST_SHOWN = 20;

const codes = { red: 31, yellow: 33, cyan: 36, bold: 1, dim: 2 } as const;
type Paint = (style: keyof typeof codes, text: string) => string;

const paintWith = (color: boolean): Paint =>
  color ? (style, text) => `\u001b[${codes[style]}m${text}\u001b[0m` : (_style, text) => text;

/** Errors first; each group by file, in the order of its lines, and what flags did last. */
export const inReadingOrder = (problems: readonly Problem[]): Problem[] =>
  problems.toSorted(
    (one, other) =>
      Number(one.severity === 'warning') - Number(other.severity === 'warning') ||
      Number(one.file.startsWith('--')) - Number(other.file.startsWith('--')) ||
      byFile(one.file, other.file) ||
      one.line - other.line ||
      one.column - other.column,
  );

const byFile = (one: string, other: string): number => (one < other ? -1 : Number(one > other));

/**
 * All problems as one text that ends in a summary. `sources` holds the text of each file by its name; the text of a flag
 * is taken from its name. With `color`, ANSI colours; meaning never depends on them.
 */
export const renderProblems = (
  problems: readonly Problem[],
  sources: Record<string, string>,
  { color }: { color: boolean },
): string => {
  const paint = paintWith(color);
  const ordered = inReadingOrder(problems);
  const shown = ordered.slice(0, MOST_SHOWN).map((problem) => renderOne(problem, sources, paint));
  const rest = ordered.length - shown.length;
  if (rest > 0) shown.push(`… and ${rest} more`);
  return `${shown.join('\n\n')}\n\n${summary(problems)}\n`;
};

const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;

const summary = (problems: readonly Problem[]): string => {
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  const warnings = problems.length - errors;
  const parts = [
    ...(errors > 0 ? [count(errors, 'error')] : []),
    ...(warnings > 0 ? [count(warnings, 'warning')] : []),
  ];
  const files = [...new Set(problems.map(({ file }) => file))].filter((file) => !file.startsWith('--'));
  return files.length === 0 ? parts.join(', ') : `${parts.join(', ')} in ${files.join(', ')}`;
};

const renderOne = (problem: Problem, sources: Record<string, string>, paint: Paint): string => {
  const flag = problem.file.startsWith('--');
  const where = flag ? problem.file : `${problem.file}:${problem.line}:${problem.column}`;
  const label = paint(problem.severity === 'error' ? 'red' : 'yellow', `${problem.severity}[${problem.code}]`);
  const parent = problem.path.slice(0, Math.max(0, problem.path.lastIndexOf('.')));
  const said = problem.message.includes(problem.path) || (parent !== '' && problem.message.includes(parent));
  const path = said ? '' : ` (${problem.path})`;
  const head = `${paint('bold', where)}: ${label} ${problem.message}${path}`;
  const text = flag ? problem.file.slice(problem.file.indexOf(' ') + 1) : (sources[problem.file] ?? '');
  const notes = [
    ...(problem.expected === undefined ? [] : [`expected: ${shorten(problem)}`]),
    ...(problem.fix === undefined ? [] : [`fix: ${problem.fix}`]),
  ];
  const margin = ' '.repeat(String(problem.line).length + 4);
  return [head, ...excerpt(problem, text, paint), ...notes.map((note) => paint('dim', `${margin}= `) + note)].join(
    '\n',
  );
};

const excerpt = (problem: Problem, text: string, paint: Paint): string[] => {
  const line = (text.split('\n')[problem.line - 1] ?? '').replace(/\r$/, '').replaceAll('\t', '→');
  const from = problem.column - 1;
  if (line.trim() === '')
    return problem.suggestion === undefined ? [] : [`      did you mean "${problem.suggestion}"?`];
  const length = Math.max(1, Math.min(problem.length, line.length - from));
  const safe = problem.hidden === true ? line.slice(0, from) + '•'.repeat(8) : concealKeys(line);
  const { before, cut } = clip(safe, from);
  const carets = '^'.repeat(problem.hidden === true ? 8 : Math.min(length, Math.max(1, cut.length - before)));
  const hint = problem.suggestion === undefined ? '' : ` did you mean "${problem.suggestion}"?`;
  const margin = ' '.repeat(String(problem.line).length);
  return [
    `${paint('dim', `    ${problem.line} | `)}${cut}`,
    `${paint('dim', `    ${margin} | `)}${' '.repeat(before)}${paint('red', carets)}${paint('cyan', hint)}`,
  ];
};

/** Of a very long line, the stretch around the place. */
const clip = (line: string, from: number): { before: number; cut: string } => {
  if (line.length <= 140) return { before: from, cut: line };
  const start = Math.max(0, from - 60);
  const head = start > 0 ? '…' : '';
  return { before: from - start + head.length, cut: `${head}${line.slice(start, start + 130)}…` };
};

/** At most a dozen choices, the nearest to what was meant among them. */
const shorten = (problem: Problem): string => {
  const choices = problem.expected ?? [];
  if (choices.length <= 12) return choices.join(', ');
  const near = problem.suggestion === undefined ? undefined : nearest(problem.suggestion, choices);
  const first = choices.slice(0, 12);
  const all = near === undefined || first.includes(near) ? first : [near, ...first.slice(0, 11)];
  return `${all.join(', ')}, … (${choices.length} in all)`;
};
