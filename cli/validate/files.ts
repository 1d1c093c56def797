/** What `lbi validate` was given → the pipeline files in it, and what a check of each finds. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { distinct, type Problem } from '../../core/spec/problem.ts';
import type { PipelineSpec } from '../../schemas/pipeline/pipeline.ts';
import { type PipelineFileOptions, readPipelineFile } from '../pipeline-file.ts';
import { WrongCall } from '../wrong-call.ts';

export interface CheckOptions extends PipelineFileOptions {
  /** Warnings count as errors. */
  strict?: boolean;
}

export interface Report {
  file: string;
  valid: boolean;
  problems: Problem[];
  /** The text of each file that problems may point into, by the name that they show. */
  sources: Record<string, string>;
  spec: PipelineSpec | undefined;
  /** Absolute paths of all that was looked at: a change of one of them may change the verdict. */
  looked: string[];
}

/** Folders become the pipelines in them, at any depth. Throws when a folder has none. */
export const pipelineFiles = async (paths: readonly string[]): Promise<string[]> => {
  const found: string[] = [];
  for (const path of paths) {
    const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() === true;
    const files = isFolder ? await pipelinesIn(path) : [path];
    if (files.length === 0)
      throw new WrongCall(`${path} holds no pipeline: no YAML file in it has version: and stages:`);
    found.push(...files);
  }
  return [...new Set(found)];
};

const pipelinesIn = async (folder: string): Promise<string[]> => {
  const entries = (await readdir(folder, { withFileTypes: true })).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const found: string[] = [];
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'node_modules')
      found.push(...(await pipelinesIn(path)));
    if (entry.isFile() && /\.ya?ml$/.test(entry.name) && (await isPipeline(path))) found.push(path);
  }
  return found;
};

const isPipeline = async (path: string): Promise<boolean> => {
  const text = await readFile(path, 'utf8').catch(() => '');
  return /^version\s*:/m.test(text) && /^stages\s*:/m.test(text);
};

/** The file as it stands and, unless one was chosen, with each of its profiles; unset variables of a profile are no fault. */
export const checkFile = async (file: string, options: CheckOptions): Promise<Report> => {
  const { loaded, files } = await readPipelineFile(file, options);
  const spec = 'spec' in loaded ? loaded.spec : undefined;
  let problems = 'spec' in loaded ? loaded.warnings : loaded.problems;
  const others = options.profile === undefined && spec !== undefined ? loaded.profiles : [];
  const looked = new Set(files);
  for (const profile of others) {
    const other = await readPipelineFile(file, { ...options, profile });
    const found =
      'spec' in other.loaded ? other.loaded.warnings : other.loaded.problems.filter(({ code }) => code !== 'env');
    problems = distinct([...problems, ...found]);
    for (const path of other.files) looked.add(path);
  }
  const wrong = problems.some(({ severity }) => severity === 'error' || options.strict === true);
  return { file, valid: !wrong, problems, sources: loaded.sources, spec, looked: [...looked] };
};
