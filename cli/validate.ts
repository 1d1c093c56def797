/** `lbi validate`: checks pipeline files and prints every problem with its place and fix. */
import { styleText } from 'node:util';
import { distinct, type Problem } from '../core/spec/problem.ts';
import { inReadingOrder, renderProblems } from '../core/spec/render.ts';
import type { PipelineSpec } from '../schemas/pipeline/pipeline.ts';
import { program } from './home.ts';
import { hasPrice, type PipelineFileOptions, readPipelineFile, unreadable } from './pipeline-file.ts';

export interface ValidateOptions extends PipelineFileOptions {
  /** One JSON document on stdout instead of text. */
  json?: boolean;
  /** Warnings count as errors. */
  strict?: boolean;
}

interface Report {
  file: string;
  valid: boolean;
  problems: Problem[];
  /** Text of every file that was read, by the name that problems show. */
  sources: Record<string, string>;
  spec: PipelineSpec | undefined;
}

/** Exit codes: 0 all valid, 2 no such file, 3 a pipeline is invalid. Problems go to stderr, results to stdout. */
export const validateCommand = async (files: readonly string[], given: ValidateOptions = {}): Promise<number> => {
  const options: ValidateOptions = { knownPrice: hasPrice, ...given };
  if (files.length === 0) return usage(`${program} validate needs a file: ${program} validate pipeline.yaml`);
  const reports: Report[] = [];
  for (const file of files) {
    try {
      reports.push(await check(file, options));
    } catch (error) {
      return usage(unreadable(file, error));
    }
  }
  if (options.json === true) printJson(reports);
  else for (const report of reports) print(report);
  const valid = reports.every((report) => report.valid);
  if (valid && options.json !== true) process.stderr.write(`  next  ${program} run ${files[0]}\n`);
  return valid ? 0 : 3;
};

const usage = (message: string): number => {
  process.stderr.write(`error: ${message}\n`);
  return 2;
};

/** The file as it stands and, unless one was chosen, with each of its profiles; unset variables of a profile are no fault. */
const check = async (file: string, options: ValidateOptions): Promise<Report> => {
  const { loaded } = await readPipelineFile(file, options);
  const spec = 'spec' in loaded ? loaded.spec : undefined;
  let problems = 'spec' in loaded ? loaded.warnings : loaded.problems;
  const others = options.profile === undefined && spec !== undefined ? loaded.profiles : [];
  for (const profile of others) {
    const other = (await readPipelineFile(file, { ...options, profile })).loaded;
    const found = 'spec' in other ? other.warnings : other.problems.filter(({ code }) => code !== 'env');
    problems = distinct([...problems, ...found]);
  }
  const wrong = problems.some(({ severity }) => severity === 'error' || options.strict === true);
  return { file, valid: !wrong, problems, sources: loaded.sources, spec };
};

const print = ({ file, valid, problems, sources, spec }: Report): void => {
  const color = styleText('red', 'x', { stream: process.stderr }) !== 'x';
  if (problems.length > 0) process.stderr.write(`${renderProblems(problems, sources, { color })}`);
  if (valid && spec !== undefined)
    process.stdout.write(`${file}: valid (${spec.stages.map(({ uses }) => uses).join(' → ')})\n`);
};

const printJson = (reports: Report[]): void => {
  const data = reports.map(({ file, valid, problems, sources }) => ({
    ...{ file, valid, files: Object.keys(sources), problems: inReadingOrder(problems) },
  }));
  process.stdout.write(`${JSON.stringify({ schema: 'lbi.validate/1', data, warnings: [] })}\n`);
};
