/** A folder of its own for a test of the whole engine: pipeline, documents, server, worker; everything is stopped at the end. */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const here = dirname(fileURLToPath(import.meta.url));
const main = join(here, '..', '..', 'cli', 'main.ts');

/** Rooms with names of their own: tasks that differ in numbers only would count as duplicates. */
const syllables = ['ba', 'de', 'fi', 'go', 'ku', 'la', 'me', 'ni', 'po', 'ru', 'sa', 'te', 'vi', 'wo', 'zu'];
export const room = (index: number): string => {
  const at = (digit: number): string => syllables[digit % syllables.length] ?? '';
  return `${at(index)}${at(Math.floor(index / 15) + 3)}${at(Math.floor(index / 225) + 7)}room`;
};

export interface Place {
  folder: string;
  /** Runs `lbi` in the folder. */
  lbi(...args: string[]): Promise<{ exitCode: number; stdout: string; stderr: string }>;
  environment: Record<string, string>;
  close(): Promise<void>;
}

export interface PlaceOptions {
  documents: number;
  /** the `models:` of the pipeline; left out, both members follow the shipped script */
  models?: string;
  environment?: Record<string, string>;
  /** more keys for the stage interact */
  interact?: string;
}

const pipeline = (models: string, interact: string): string => `version: "1"
name: lamps
models:
${models}
environments:
  board: { kind: scripted, items: 4, sessions: 8 }
sources:
  - files: docs/*.md
stages:
  - { uses: instruct, model: writer, per_document: 3 }
  - { uses: interact, environment: board, model: writer, max_steps: 6, concurrency: 10${interact} }
  - { uses: construct, model: writer, styles: [new-task, original] }
  - { uses: filter, committee: { members: [writer, judge], reasons: one } }
  - { uses: index, embedding: none }
  - { uses: export, formats: [openai, parquet], split: 0.3 }
`;

const scripted =
  '  writer: { provider: scripted, script: lamps.script.yaml }\n  judge: { provider: scripted, script: lamps.script.yaml }';

export async function makePlace(options: PlaceOptions): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'lbi-engine-'));
  await mkdir(join(folder, 'docs'));
  for (let index = 0; index < options.documents; index += 1) {
    const number = String(index).padStart(4, '0');
    await writeFile(
      join(folder, 'docs', `${number}.md`),
      `# Page of the ${room(index)}\n\nEach lamp can be switched, and the board can be read.\n`,
    );
  }
  await cp(join(here, 'lamps.script.yaml'), join(folder, 'lamps.script.yaml'));
  await writeFile(join(folder, 'pipeline.yaml'), pipeline(options.models ?? scripted, options.interact ?? ''));
  const environment = { LBI_LOST_AFTER: '4', LBI_HEARTBEAT: '3', NO_COLOR: '1', ...options.environment };
  const lbi: Place['lbi'] = async (...args) => {
    const result = await execa(process.execPath, [main, ...args], {
      cwd: folder,
      env: environment,
      reject: false,
      timeout: 240_000,
    });
    return { exitCode: result.exitCode ?? -1, stdout: result.stdout, stderr: result.stderr };
  };
  const close = async (): Promise<void> => {
    await lbi('down');
    await rm(folder, { recursive: true, force: true });
  };
  return { folder, lbi, environment, close };
}

/** Checksums of the data files of a dataset, by path; the card and the facts name the run and are left out. */
export async function checksums(folder: string): Promise<Record<string, string>> {
  const lines = (await readFile(join(folder, 'checksums.txt'), 'utf8')).trim().split('\n');
  const all = lines.map((line) => line.split('  ') as [string, string]);
  return Object.fromEntries(
    all.map(([sum, path]) => [path, sum] as const).filter(([path]) => /^(chat|data)\/|^examples/.test(path)),
  );
}
