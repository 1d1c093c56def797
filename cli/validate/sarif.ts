/** Reports of `lbi validate` as SARIF 2.1.0: what code scanning uploads, with one rule for each code. */
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Location, Log, ReportingDescriptor, Result } from 'sarif';
import { codes } from '../../core/spec/codes.ts';
import type { Problem } from '../../core/spec/problem.ts';
import { inReadingOrder } from '../../core/spec/render.ts';
import type { Report } from './files.ts';
import { regionOf, wordsOf } from './print.ts';

const names = Object.keys(codes);

const rules = (): ReportingDescriptor[] =>
  Object.entries(codes).map(([id, { title, means, wrong, right }]) => ({
    id,
    name: id,
    shortDescription: { text: title },
    fullDescription: { text: means },
    help: {
      text: `${means}\n\nWrong:\n${wrong}\n\nRight:\n${right}`,
      markdown: `${means}\n\nWrong:\n\n\`\`\`yaml\n${wrong}\n\`\`\`\n\nRight:\n\n\`\`\`yaml\n${right}\n\`\`\``,
    },
    defaultConfiguration: { level: 'error' },
  }));

/** Relative to the folder where lbi runs, as code scanning wants it; a file outside of it by its whole address. */
const artifact = (file: string): { uri: string; uriBaseId?: string } => {
  const path = relative(process.cwd(), resolve(file));
  if (path.startsWith('..') || isAbsolute(path)) return { uri: pathToFileURL(file).href };
  return { uri: path.split(sep).map(encodeURIComponent).join('/'), uriBaseId: '%SRCROOT%' };
};

const result = (problem: Problem, report: Report): Result => {
  const { file, line, column, endColumn } = regionOf(problem, report);
  const region = { startLine: line, startColumn: column, endLine: line, endColumn };
  const location: Location = { physicalLocation: { artifactLocation: artifact(file), region } };
  if (problem.path !== '') location.logicalLocations = [{ fullyQualifiedName: problem.path }];
  return {
    ruleId: problem.code,
    ruleIndex: names.indexOf(problem.code),
    level: problem.severity,
    message: { text: wordsOf(problem) },
    locations: [location],
  };
};

/** One run with the results of all files, valid ones included as artifacts. */
export const sarifLog = (reports: readonly Report[], version: string): Log => ({
  $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json',
  version: '2.1.0',
  runs: [
    {
      tool: { driver: { name: 'lbi', semanticVersion: version, rules: rules() } },
      columnKind: 'utf16CodeUnits',
      artifacts: reports.map(({ file }) => ({ location: artifact(file) })),
      results: reports.flatMap((report) => inReadingOrder(report.problems).map((problem) => result(problem, report))),
    },
  ],
});
