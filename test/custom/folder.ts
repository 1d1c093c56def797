/** A folder with a pipeline and modules of its own, as a user would have it. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const script = join(import.meta.dirname, '..', 'engine', 'lamps.script.yaml');

export interface Folder {
  path: string;
  write(files: Record<string, string>): Promise<void>;
  remove(): Promise<void>;
}

export async function makeFolder(files: Record<string, string> = {}): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), 'lbi-own-'));
  const write: Folder['write'] = async (given) => {
    for (const [name, text] of Object.entries(given)) {
      await mkdir(dirname(join(path, name)), { recursive: true });
      await writeFile(join(path, name), text);
    }
  };
  await write({ 'lamps.script.yaml': await readFile(script, 'utf8'), 'docs/a.md': '# Page of the baroom\n\nLamps.\n' });
  await write(files);
  return { path, write, remove: () => rm(path, { recursive: true, force: true }) };
}

export interface Shape {
  /** lines below `models:` */
  models?: string;
  environment?: string;
  /** lines after each of our stages, by its name; `sources` come first */
  after?: Partial<Record<'sources' | 'instruct' | 'interact' | 'construct' | 'filter' | 'export', string[]>>;
}

/** The lamps pipeline with stages of its own between ours. */
export const pipeline = ({ models = '', environment, after = {} }: Shape = {}): string =>
  [
    'version: "1"',
    'name: lamps',
    'models:',
    '  writer: { provider: scripted, script: lamps.script.yaml }',
    ...(models === '' ? [] : [models]),
    'environments:',
    `  board: ${environment ?? '{ kind: scripted, items: 4, sessions: 8 }'}`,
    'sources:',
    '  - files: docs/*.md',
    'stages:',
    ...(after.sources ?? []),
    '  - { uses: instruct, model: writer, per_document: 3 }',
    ...(after.instruct ?? []),
    '  - { uses: interact, environment: board, model: writer, max_steps: 6, concurrency: 10 }',
    ...(after.interact ?? []),
    '  - { uses: construct, model: writer, styles: [new-task, original] }',
    ...(after.construct ?? []),
    '  - { uses: filter, committee: { members: [writer], reasons: one } }',
    ...(after.filter ?? []),
    '  - { uses: export, formats: [openai], split: 0.3 }',
    ...(after.export ?? []),
    '',
  ].join('\n');

/** A stage that passes tasks on: the smallest that is right. */
export const passing = (
  body = 'tasks',
  schema = '',
): string => `import { choice, defineStage, flag, list, number, record, section, text, Type, whole } from 'learn-by-interact';
export default defineStage({
  version: '1',
  takes: 'tasks',
  gives: 'tasks',
  schema: {${schema}},
  run: (tasks, { parameters, drop, log, model, seed, signal, put, get }) => ${body},
});
`;
