/** `lbi validate`: checks pipeline files and prints every problem with its place and fix. */
import { program } from './home.ts';
import { hasPrice, unreadable } from './pipeline-file.ts';
import { type CheckOptions, checkFile, pipelineFiles, type Report } from './validate/files.ts';
import { printGithub, printJson, printPretty } from './validate/print.ts';
import { version } from './version.ts';
import { WrongCall } from './wrong-call.ts';

export interface ValidateOptions extends CheckOptions {
  format?: 'pretty' | 'json' | 'github' | 'sarif';
  /** The same as the format json. */
  json?: boolean;
  /** Check again whenever a file changes. */
  watch?: boolean;
}

/** Exit codes: 0 all valid, 2 no such file, 3 a pipeline is invalid. Problems go to stderr, results to stdout. */
export const validateCommand = async (paths: readonly string[], given: ValidateOptions = {}): Promise<number> => {
  const options: ValidateOptions = { knownPrice: hasPrice, ...given };
  const format = options.format ?? (options.json === true ? 'json' : 'pretty');
  try {
    if (paths.length === 0) throw new WrongCall(`${program} validate needs a file: ${program} validate pipeline.yaml`);
    const reports = await checkAll(paths, options);
    if (options.watch === true) return await watchAll(paths, options, format);
    await print(reports, format);
    const valid = reports.every((report) => report.valid);
    if (valid && format === 'pretty') process.stderr.write(`  next  ${program} run ${reports[0]?.file}\n`);
    return valid ? 0 : 3;
  } catch (error) {
    if (!(error instanceof WrongCall)) throw error;
    process.stderr.write(`error: ${error.message}\n`);
    return 2;
  }
};

const checkAll = async (paths: readonly string[], options: CheckOptions): Promise<Report[]> => {
  const reports: Report[] = [];
  for (const file of await pipelineFiles(paths)) {
    const report = await checkFile(file, options).catch((error: unknown) => {
      throw new WrongCall(unreadable(file, error));
    });
    reports.push(report);
  }
  return reports;
};

const print = async (reports: Report[], format: ValidateOptions['format']): Promise<void> => {
  if (format === 'json') printJson(reports);
  else if (format === 'github') printGithub(reports);
  else if (format === 'sarif') {
    const { sarifLog } = await import('./validate/sarif.ts');
    process.stdout.write(`${JSON.stringify(sarifLog(reports, version()), null, 2)}\n`);
  } else printPretty(reports);
};

/** The screen is cleared for people alone; a file that is gone for a moment is waited for. */
const watchAll = async (
  paths: readonly string[],
  options: CheckOptions,
  format: ValidateOptions['format'],
): Promise<number> => {
  const { repeatOnChange } = await import('./validate/watch.ts');
  let looked: string[] = [];
  const waits = (): void => {
    if (format === 'pretty') process.stderr.write('  watching for changes, Ctrl-C ends\n');
  };
  const round = async (): Promise<{ files: string[]; result: number }> => {
    if (format === 'pretty' && process.stdout.isTTY) process.stdout.write('\u001b[2J\u001b[3J\u001b[H');
    try {
      const reports = await checkAll(paths, options);
      looked = reports.flatMap((report) => report.looked);
      await print(reports, format);
      return { files: looked, result: reports.every((report) => report.valid) ? 0 : 3 };
    } catch (error) {
      if (!(error instanceof WrongCall)) throw error;
      process.stderr.write(`error: ${error.message}\n`);
      return { files: looked, result: 3 };
    }
  };
  return repeatOnChange(round, waits);
};
