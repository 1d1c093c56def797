/** What lies beside a new pipeline: its schema for editors, the names of its keys, and what git leaves out. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { schemaText } from '../schema.ts';

/** Writes files and gives their paths in order. */
export const writeFiles = async (folder: string, files: Record<string, string | Uint8Array>): Promise<string[]> => {
  const written: string[] = [];
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    written.push(path);
  }
  return written;
};

/** Those of the files that are already there: they are a person's work and are left alone. */
export const alreadyThere = (folder: string, names: string[]): string[] =>
  names.filter((name) => existsSync(join(folder, name)));

const association = { 'yaml.schemas': { './pipeline.schema.json': ['pipeline.yaml', '*.pipeline.yaml'] } };

/** The secrets that a pipeline names, in order. */
export const secretsIn = (pipeline: string): string[] => [
  ...new Set([...pipeline.matchAll(/^[^#\n]*\$\{secret:([A-Za-z_][A-Za-z0-9_]*)\}/gm)].map(([, name = '']) => name)),
];

const envExample = (secrets: string[]): string =>
  [
    '# Copy this file to .env and fill it in. lbi reads .env at the moment a key is needed; git leaves it out.',
    ...secrets.map((name) => `${name}=`),
    '',
  ].join('\n');

/** Runs are large, and `.env` holds keys. */
const ignored = async (folder: string): Promise<string | undefined> => {
  const path = join(folder, '.gitignore');
  const before = existsSync(path) ? await readFile(path, 'utf8') : '';
  const there = before.split(/\r?\n/).map((line) => line.trim().replaceAll('/', ''));
  const added = ['.lbi/', '.env'].filter((name) => !there.includes(name.replace('/', '')));
  if (added.length === 0) return undefined;
  const start = before === '' || before.endsWith('\n') ? before : `${before}\n`;
  return `${start}${added.join('\n')}\n`;
};

/**
 * The files that go with every pipeline. Settings that exist are left alone: they may hold comments, and the first line of the
 * pipeline is enough for most editors.
 */
export const companions = async (folder: string, pipeline: string): Promise<Record<string, string>> => {
  const secrets = secretsIn(pipeline);
  const settings = join('.vscode', 'settings.json');
  const git = await ignored(folder);
  return {
    'pipeline.schema.json': schemaText(),
    ...(existsSync(join(folder, settings)) ? {} : { [settings]: `${JSON.stringify(association, null, 2)}\n` }),
    ...(git === undefined ? {} : { '.gitignore': git }),
    ...(secrets.length === 0 || existsSync(join(folder, '.env.example'))
      ? {}
      : { '.env.example': envExample(secrets) }),
  };
};
