/** `lbi prompt show | list | copy`: the prompts of a pipeline as models get them, and a file of one's own to change. */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { Unanswered } from '../activities/ask.ts';
import { modelSpecOf, type PromptName, promptKinds } from '../activities/plans.ts';
import { parsePrompt, promptVariables } from '../core/prompt.ts';
import { nearest } from '../core/spec/suggest.ts';
import type { ModelRequest } from '../models/model.ts';
import type { Plan } from '../schemas/plan.ts';
import { putJson } from '../store/json.ts';
import { overlayStore } from '../store/overlay.ts';
import { openStore } from '../store/stores.ts';
import { alone } from './alone.ts';
import { program, storeUrl } from './home.ts';
import { packageFolder } from './packages.ts';
import { dryDeps } from './plan/dry.ts';
import { planFile } from './plans.ts';
import { paint } from './progress.ts';
import { type ItemOptions, itemFor } from './prompt/items.ts';
import { ownPrompts, promptNames, shippedPrompt } from './prompts.ts';
import { WrongCall } from './wrong-call.ts';

export interface PromptOptions extends ItemOptions {
  pipeline?: string;
  profile?: string;
  set?: string[];
  style?: string;
  to?: string;
  json?: boolean;
}

/** Other words for a prompt: the step that uses it, the file it lies in. */
const aliases: Record<string, PromptName> = {
  decide: 'interact',
  observation: 'instruct/observation',
  'instruct-observation': 'instruct/observation',
  query: 'interact/query',
  relabel: 'construct/new-task',
  construct: 'construct/new-task',
  'new-task': 'construct/new-task',
  replicate: 'construct/replicate',
  vote: 'filter',
  committee: 'filter',
};

/** The prompt that a person means. Throws WrongCall with what there is. */
export function promptNamed(stage: string, style?: string): PromptName {
  const plain = stage.replace(/\.md$/, '').replace(/^relabel-/, '');
  const asked = style !== undefined && ['construct', 'relabel'].includes(plain) ? `construct/${style}` : plain;
  const known = [...promptNames, ...Object.keys(aliases)];
  const found =
    promptNames.find((name) => name === asked) ?? (Object.hasOwn(aliases, asked) ? aliases[asked] : undefined);
  if (found !== undefined) return found;
  const near = nearest(asked, known);
  throw new WrongCall(
    `there is no prompt "${asked}"${near === undefined ? '' : `; did you mean ${near}?`} There are ${promptNames.join(', ')}`,
  );
}

const pipelineFile = ({ pipeline }: PromptOptions): string => pipeline ?? 'pipeline.yaml';

/** Where the text of a prompt lies. */
async function placeOf(plan: Plan, name: PromptName): Promise<{ path: string; own: boolean }> {
  const own = ownPrompts(plan.spec)[name];
  return own === undefined
    ? { path: (await shippedPrompt(name)).path, own: false }
    : { path: resolve(plan.folder, own), own: true };
}

/** The rule of thumb that budgets of text are kept by. */
const tokens = (text: string): number => Math.ceil(text.length / 4);

/** Exit codes: 0 shown, 2 wrong call, 3 wrong pipeline, run or document. */
export async function promptShowCommand(stage: string, options: PromptOptions): Promise<number> {
  const asked = promptNamed(stage, options.style);
  const plan = await planFile(pipelineFile(options), options);
  if (plan === undefined) return 3;
  const { unanswered, about, name } = await question(plan, asked, options);
  const place = await placeOf(plan, name);
  const { variables } = parsePrompt(plan.prompts[name] ?? '', promptVariables[promptKinds[name]], place.path);
  const { request, model } = unanswered;
  const user = textOf(request);
  if (options.json === true) {
    const { role, system, schema, yesNo, maxTokens, temperature, seed } = request;
    const data = { prompt: name, ...place, variables, about, model, role, system, user };
    const sent = { schema, yesNo, maxTokens, temperature, seed };
    process.stdout.write(`${JSON.stringify({ schema: 'lbi.prompt/1', data: { ...data, ...sent }, warnings: [] })}\n`);
    return 0;
  }
  const spec = modelSpecOf(plan, model);
  const images = request.messages.flatMap(({ content }) => content).filter(({ type }) => type === 'image').length;
  process.stdout.write(
    [
      `${paint('bold', name)}  asked of ${model} (${spec.provider} ${'model' in spec ? spec.model : 'script' in spec ? spec.script : model})`,
      `  file       ${near(place.path)}  ${place.own ? 'your own' : 'as shipped'}`,
      `  filled by  ${about}`,
      `  variables  ${variables.join(', ')}`,
      ...(images > 0 ? [`  images     ${images}`] : []),
      '',
      heading('system', request.system),
      request.system,
      '',
      heading('user', user),
      user,
      '',
      paint('cyan', '── reply ──'),
      `JSON of at most ${request.maxTokens} tokens, temperature ${request.temperature ?? 0}${request.yesNo === undefined ? '' : `; P(yes) is asked of ${request.yesNo.length} answers`}`,
      JSON.stringify(request.schema),
      '',
    ].join('\n'),
  );
  process.stderr.write(
    place.own ? '' : `\nto change it  ${program} prompt copy ${name} --pipeline ${pipelineFile(options)}\n`,
  );
  return 0;
}

/** Relative to here, unless that leads out of the folder. */
const near = (path: string): string => {
  const way = relative('.', path);
  return way.startsWith('..') ? path : way;
};

const heading = (title: string, text: string): string =>
  paint('cyan', `── ${title}: ${text.length} characters, about ${tokens(text)} tokens ──`);

const textOf = ({ messages }: ModelRequest): string =>
  messages
    .flatMap(({ content }) => content.map((part) => (part.type === 'text' ? part.text : '(a screenshot)')))
    .join('\n\n');

/** The question as it would be sent. Nobody is asked: the first question without a stored reply is caught, and no reply is seen. */
async function question(plan: Plan, name: PromptName, options: PromptOptions) {
  const store = await openStore(storeUrl(), { readOnly: true });
  const forgetful = overlayStore({ ...store, memo: async () => undefined });
  const { deps, close } = await alone(forgetful, new AbortController().signal);
  // A place may be opened for its first observation; models are facts alone.
  const { sessions, embedder } = deps;
  const unheard = { ...dryDeps(forgetful, packageFolder, () => {}), sessions, embedder };
  try {
    const item = await itemFor(name, { deps: unheard, plan, ref: await putJson(forgetful, plan), options });
    const caught: unknown = await item.ask().then(
      () => undefined,
      (error: unknown) => error,
    );
    if (caught instanceof Unanswered) return { unanswered: caught, about: item.about, name: item.name ?? name };
    throw caught ?? new Error(`the prompt ${name} asked nothing`);
  } finally {
    await close();
  }
}

export async function promptListCommand(options: PromptOptions): Promise<number> {
  const plan = await planFile(pipelineFile(options), options);
  if (plan === undefined) return 3;
  const all = await Promise.all(
    promptNames.map(async (name) => ({
      prompt: name,
      ...(await placeOf(plan, name)),
      used: isUsed(plan, name),
      characters: plan.prompts[name]?.length ?? 0,
      variables: promptVariables[promptKinds[name]],
    })),
  );
  if (options.json === true)
    process.stdout.write(`${JSON.stringify({ schema: 'lbi.prompts/1', data: all, warnings: [] })}\n`);
  else
    for (const { prompt, path, own, used, characters, variables } of all)
      process.stdout.write(
        `${prompt.padEnd(20)} ${String(characters).padStart(5)} characters  ${own ? relative('.', path) : 'as shipped'}${used ? '' : paint('dim', '  (not used by this pipeline)')}\n${paint('dim', `${''.padEnd(20)} ${variables.map((variable) => `{{ ${variable} }}`).join(' ')}`)}\n`,
      );
  process.stderr.write(
    `\none of them, filled in  ${program} prompt show instruct --pipeline ${pipelineFile(options)}\n`,
  );
  return 0;
}

/** True when a stage of the pipeline asks with it. */
export function isUsed(plan: Plan, name: PromptName): boolean {
  return plan.spec.stages.some((stage) => {
    if (stage.uses === 'construct') return stage.styles.some((style) => name === `construct/${style}`);
    if (stage.uses === 'interact')
      return name === 'interact' || (name === 'interact/query' && stage.knowledge?.model !== undefined);
    if (stage.uses === 'instruct')
      return name === 'instruct' || (name === 'instruct/observation' && plan.prompts[name] !== undefined);
    return stage.uses === name;
  });
}

/** The line that puts a file in the place of a shipped prompt, and where it belongs. */
const lineFor = (name: PromptName, path: string): string => {
  if (name === 'interact/query') return `under knowledge.model of the stage interact:  prompt: ${path}`;
  if (name === 'instruct/observation')
    return `in the stage instruct, for what is seen and for documents alike:  prompt: ${path}`;
  if (name === 'filter') return `under committee of the stage filter:  prompt: ${path}`;
  const style = name.split('/')[1];
  if (style !== undefined) return `in the stage construct:  prompts: { ${style}: ${path} }`;
  return `in the stage ${name}:  prompt: ${path}`;
};

/** Writes the shipped prompt beside the pipeline. Exit codes: 0 written, 2 it is there already. */
export async function promptCopyCommand(stage: string, options: PromptOptions): Promise<number> {
  const name = promptNamed(stage, options.style);
  const shipped = await shippedPrompt(name);
  const folder = dirname(resolve(pipelineFile(options)));
  const path = resolve(folder, options.to ?? join('prompts', basename(shipped.path)));
  if (existsSync(path)) throw new WrongCall(`${relative('.', path)} is already there; name another file with --to`);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, shipped.text);
  const line = lineFor(name, relative(folder, path).split('\\').join('/'));
  if (options.json === true)
    process.stdout.write(
      `${JSON.stringify({ schema: 'lbi.prompt-copy/1', data: { prompt: name, path, line }, warnings: [] })}\n`,
    );
  else process.stdout.write(`wrote ${relative('.', path)}\n`);
  process.stderr.write(`\nadd  ${line}\nsee  ${program} prompt show ${name} --pipeline ${pipelineFile(options)}\n`);
  return 0;
}
