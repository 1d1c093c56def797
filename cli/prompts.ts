/** Prompt files: those that come with the program, and a pipeline's own in their place. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type PromptName, promptKinds } from '../activities/plans.ts';
import { ownPromptName, seatsOf } from '../core/committee.ts';
import { LbiError } from '../core/errors.ts';
import { parsePrompt, promptVariables } from '../core/prompt.ts';
import type { FullSpec } from '../schemas/pipeline/pipeline.ts';

/** Beside the sources in a checkout, beside dist in the package. */
const shippedPrompts = [join('..', 'pipelines', 'prompts'), join('..', '..', 'pipelines', 'prompts')]
  .map((path) => resolve(dirname(fileURLToPath(import.meta.url)), path))
  .find((path) => existsSync(path));

const shippedFiles: Record<PromptName, string> = {
  instruct: 'instruct.md',
  'instruct/observation': 'instruct-observation.md',
  interact: 'decide.md',
  'interact/query': 'query.md',
  'construct/new-task': 'relabel-new-task.md',
  'construct/replicate': 'relabel-replicate.md',
  filter: 'vote.md',
};

export const promptNames = Object.keys(shippedFiles) as PromptName[];

/** The prompt that comes with the program under that name. */
export async function shippedPrompt(name: PromptName): Promise<{ path: string; text: string }> {
  const path = join(shippedPrompts ?? '', shippedFiles[name]);
  return { path, text: await readFile(path, 'utf8') };
}

/** Every prompt that the pipeline uses, checked for its variables. */
export async function readPrompts(spec: FullSpec, folder: string): Promise<Record<string, string>> {
  const own = ownPrompts(spec);
  const prompts: Record<string, string> = {};
  for (const name of promptNames) {
    if (name === 'instruct/observation' && (own.instruct !== undefined || !observes(spec))) continue;
    const chosen = own[name];
    const path = chosen === undefined ? join(shippedPrompts ?? '', shippedFiles[name]) : resolve(folder, chosen);
    const text = await readPrompt(path);
    parsePrompt(text, promptVariables[promptKinds[name]], path);
    prompts[name] = text;
  }
  return { ...prompts, ...(await memberPrompts(spec, folder)) };
}

/** Prompts that single members of the committee are asked with. */
async function memberPrompts(spec: FullSpec, folder: string): Promise<Record<string, string>> {
  const prompts: Record<string, string> = {};
  for (const stage of spec.stages) {
    if (stage.uses !== 'filter') continue;
    for (const { name, prompt } of seatsOf(stage)) {
      if (prompt === undefined) continue;
      const path = resolve(folder, prompt);
      const text = await readPrompt(path);
      parsePrompt(text, promptVariables.vote, path);
      prompts[ownPromptName(name)] = text;
    }
  }
  return prompts;
}

const readPrompt = (path: string): Promise<string> =>
  readFile(path, 'utf8').catch(() => {
    throw new LbiError('spec', `the prompt file ${path} cannot be read`);
  });

/** Some tasks are invented from what is seen of a place. */
export const observes = (spec: FullSpec): boolean =>
  spec.sources.some((source) => 'environment' in source && source.take === 'observation');

/** The files that the pipeline names, as written in it. */
export function ownPrompts(spec: FullSpec): Partial<Record<PromptName, string | undefined>> {
  const own: Partial<Record<PromptName, string | undefined>> = {};
  for (const stage of spec.stages) {
    if (stage.uses === 'instruct') own.instruct = stage.prompt;
    if (stage.uses === 'interact') {
      own.interact = stage.prompt;
      own['interact/query'] = stage.knowledge?.model?.prompt;
    }
    if (stage.uses === 'construct') {
      own['construct/new-task'] = stage.prompts?.['new-task'];
      own['construct/replicate'] = stage.prompts?.replicate;
    }
    if (stage.uses === 'filter') own.filter = stage.committee.prompt;
  }
  return own;
}
