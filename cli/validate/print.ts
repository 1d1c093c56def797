/** Reports of `lbi validate` for people, for programs, and for the annotations of a GitHub workflow. */
import { styleText } from 'node:util';
import type { Problem } from '../../core/spec/problem.ts';
import { inReadingOrder, renderProblems } from '../../core/spec/render.ts';
import type { Report } from './files.ts';

/** Problems on stderr, what is valid on stdout, and a line over all when there are several files. */
export const printPretty = (reports: readonly Report[]): void => {
  const color = styleText('red', 'x', { stream: process.stderr }) !== 'x';
  for (const { file, valid, problems, sources, spec } of reports) {
    if (problems.length > 0) process.stderr.write(`${renderProblems(problems, sources, { color })}`);
    if (valid && spec !== undefined)
      process.stdout.write(`${file}: valid (${spec.stages.map(({ uses }) => uses).join(' → ')})\n`);
  }
  if (reports.length > 1) process.stderr.write(`\n${summary(reports)}\n`);
};

const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;

const summary = (reports: readonly Report[]): string => {
  const wrong = reports.filter(({ valid }) => !valid).length;
  const problems = reports.flatMap((report) => report.problems);
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  const verdict = wrong === 0 ? 'all valid' : `${wrong} not valid`;
  return `${count(reports.length, 'file')}: ${verdict}; ${count(errors, 'error')}, ${count(problems.length - errors, 'warning')}`;
};

/** One JSON document on stdout. */
export const printJson = (reports: readonly Report[]): void => {
  const data = reports.map(({ file, valid, problems, sources }) => ({
    ...{ file, valid, files: Object.keys(sources), problems: inReadingOrder(problems) },
  }));
  process.stdout.write(`${JSON.stringify({ schema: 'lbi.validate/1', data, warnings: [] })}\n`);
};

/** The stretch of a problem within its line, from 1; the end is the first column after it. Flags have no file: they count for the pipeline. */
export const regionOf = (
  problem: Problem,
  report: Report,
): { file: string; line: number; column: number; endColumn: number } => {
  if (problem.file.startsWith('--')) return { file: report.file, line: 1, column: 1, endColumn: 2 };
  const text = (report.sources[problem.file] ?? '').split('\n')[problem.line - 1] ?? '';
  const width = text.replace(/\r$/, '').length;
  const end = Math.min(problem.column + problem.length, width + 1);
  return {
    file: problem.file,
    line: problem.line,
    column: problem.column,
    endColumn: Math.max(problem.column + 1, end),
  };
};

/** What is said besides the place, in one text. */
export const wordsOf = ({ file, message, suggestion, expected, fix }: Problem): string => {
  const parts = [
    file.startsWith('--') ? `${message} (${file})` : message,
    ...(suggestion === undefined ? [] : [`Did you mean "${suggestion}"?`]),
    ...(expected === undefined
      ? []
      : [`Expected: ${expected.slice(0, 12).join(', ')}${expected.length > 12 ? ', …' : ''}`]),
    ...(fix === undefined ? [] : [`Fix: ${fix}`]),
  ];
  return parts.join('\n');
};

const inMessage = (text: string): string => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
const inProperty = (text: string): string => inMessage(text).replaceAll(':', '%3A').replaceAll(',', '%2C');

/** Workflow commands: GitHub shows each beside its line of the pull request. */
export const printGithub = (reports: readonly Report[]): void => {
  for (const report of reports) {
    for (const problem of inReadingOrder(report.problems)) {
      const { file, line, column, endColumn } = regionOf(problem, report);
      const place = { file, line, endLine: line, col: column, endColumn, title: `lbi: ${problem.code}` };
      const properties = Object.entries(place).map(([name, value]) => `${name}=${inProperty(String(value))}`);
      process.stdout.write(`::${problem.severity} ${properties.join(',')}::${inMessage(wordsOf(problem))}\n`);
    }
  }
};
