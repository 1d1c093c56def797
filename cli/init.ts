/** `lbi init`: a folder with a commented pipeline, its schema for the editor, and what git should leave out. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { program } from './home.ts';
import { schemaText } from './schema.ts';

const templates = {
  shell: "a shell and npm's manual, with a small model on this machine: no key needed",
  browser: 'a TiddlyWiki in a browser, with models of Anthropic and Google: two keys needed',
} as const;

type Template = keyof typeof templates;

export interface InitOptions {
  template?: string;
  json?: boolean;
}

/** Exit codes: 0 written, 2 unknown template or a pipeline that is already there (nothing is written then). */
export const initCommand = async (folder = '.', options: InitOptions = {}): Promise<number> => {
  const template = options.template ?? 'shell';
  if (!isTemplate(template)) {
    const known = Object.entries(templates).map(([name, says]) => `  ${name.padEnd(8)} ${says}`);
    return refuse(`there is no template "${template}". Templates:\n${known.join('\n')}`);
  }
  const pipeline = join(folder, 'pipeline.yaml');
  if (existsSync(pipeline))
    return refuse(`${pipeline} is already there; name another folder: ${program} init my-pipeline`);
  await mkdir(folder, { recursive: true });
  const written = [await write(pipeline, await readFile(templateFile(template), 'utf8'))];
  written.push(await write(join(folder, 'pipeline.schema.json'), schemaText()));
  written.push(...(await associateSchema(folder)), ...(await ignoreRuns(folder)));
  if (options.json === true)
    process.stdout.write(`${JSON.stringify({ schema: 'lbi.init/1', data: { template, written }, warnings: [] })}\n`);
  else process.stdout.write(`${written.map((path) => `wrote ${path}`).join('\n')}\n`);
  process.stderr.write(nextCommands(folder, template));
  return 0;
};

const isTemplate = (name: string): name is Template => Object.hasOwn(templates, name);

const refuse = (message: string): number => {
  process.stderr.write(`${message}\n`);
  return 2;
};

/** Templates lie in `pipelines/init` of the package, above this file in the sources and in the build alike. */
const templateFile = (template: Template): string => {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'pipelines', 'init', `${template}.yaml`))) {
    if (dirname(folder) === folder)
      throw new Error(`the template ${template} is missing from this installation; install it again`);
    folder = dirname(folder);
  }
  return join(folder, 'pipelines', 'init', `${template}.yaml`);
};

const write = async (path: string, text: string): Promise<string> => {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  return path;
};

const association = { 'yaml.schemas': { './pipeline.schema.json': ['pipeline.yaml', '*.pipeline.yaml'] } };

/** Settings that exist are left alone: they may hold comments, and the first line of the pipeline is enough for most editors. */
const associateSchema = async (folder: string): Promise<string[]> => {
  const path = join(folder, '.vscode', 'settings.json');
  return existsSync(path) ? [] : [await write(path, `${JSON.stringify(association, null, 2)}\n`)];
};

/** Runs are large, and `.env` holds keys. */
const ignoreRuns = async (folder: string): Promise<string[]> => {
  const path = join(folder, '.gitignore');
  const before = existsSync(path) ? await readFile(path, 'utf8') : '';
  const there = before.split(/\r?\n/).map((line) => line.trim().replaceAll('/', ''));
  const added = ['.lbi/', '.env'].filter((name) => !there.includes(name.replace('/', '')));
  if (added.length === 0) return [];
  const start = before === '' || before.endsWith('\n') ? before : `${before}\n`;
  return [await write(path, `${start}${added.join('\n')}\n`)];
};

const nextCommands = (folder: string, template: Template): string => {
  const enter = relative('.', folder) === '' ? [] : [`cd ${folder}`];
  // A program called by a relative path is elsewhere once the folder is entered.
  const lbi = enter.length > 0 && /^\.{1,2}\//.test(program) ? relative(resolve(folder), resolve(program)) : program;
  const keys = template === 'browser' ? ['echo ANTHROPIC_API_KEY=… >> .env', 'echo GEMINI_API_KEY=… >> .env'] : [];
  const commands = [...enter, ...keys, `${lbi} doctor`, `${lbi} validate pipeline.yaml`, `${lbi} run pipeline.yaml`];
  return `\nNext:\n${commands.map((command) => `  ${command}`).join('\n')}\n`;
};
