/** A folder of its own for a test of the whole engine: pipeline, documents, server, worker; everything is stopped at the end. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { execa } from 'execa';
import type { Progress } from '../../schemas/flow.ts';

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
  /** A client of the folder's own server, once that runs; closed with the place. */
  client(): Promise<Client>;
  close(): Promise<void>;
}

export interface PlaceOptions {
  documents: number;
  /** the `models:` of the pipeline; left out, both members follow the shipped script */
  models?: string;
  environment?: Record<string, string>;
  /** more keys for the stage interact */
  interact?: string;
  /** changes the pipeline's text */
  change?: (pipeline: string) => string;
  /** one task of a page instead of three, which costs a third */
  oneTask?: boolean;
  /** the agent's second reply is never JSON */
  babble?: boolean;
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

/** The script with one task of a page instead of three. */
export const oneTaskScript = (script: string): string => script.replaceAll(/^ {8}- "(?:Try|Read) .*\n/gm, '');

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
  const script = await readFile(join(here, 'lamps.script.yaml'), 'utf8');
  const babble = 'rules:\n  - { role: decide, step: 1, text: "I would rather not say." }';
  const followed = options.oneTask === true ? oneTaskScript(script) : script;
  await writeFile(
    join(folder, 'lamps.script.yaml'),
    options.babble === true ? followed.replace('rules:', babble) : followed,
  );
  const whole = pipeline(options.models ?? scripted, options.interact ?? '');
  const text = options.oneTask === true ? whole.replace('per_document: 3', 'per_document: 1') : whole;
  await writeFile(join(folder, 'pipeline.yaml'), options.change?.(text) ?? text);
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
  const connections: Connection[] = [];
  const client = async (): Promise<Client> => {
    const { port } = JSON.parse(await readFile(join(folder, '.lbi', 'server.json'), 'utf8')) as { port: number };
    const connection = await Connection.connect({ address: `127.0.0.1:${port}` });
    connections.push(connection);
    return new Client({ connection });
  };
  const close = async (): Promise<void> => {
    for (const connection of connections) await connection.close();
    await lbi('down');
    await rm(folder, { recursive: true, force: true });
  };
  return { folder, lbi, environment, client, close };
}

/** The process that a record below `.lbi` names: `worker`, `server` or `supervisor`. */
export async function recordedPid(place: Place, name: string): Promise<number | undefined> {
  try {
    const text = await readFile(join(place.folder, '.lbi', `${name}.json`), 'utf8');
    return (JSON.parse(text) as { pid: number | null }).pid ?? undefined;
  } catch {
    return undefined;
  }
}

/** Checksums of the data files of a dataset, by path; the card and the facts name the run and are left out. */
export async function checksums(folder: string): Promise<Record<string, string>> {
  const lines = (await readFile(join(folder, 'checksums.txt'), 'utf8')).trim().split('\n');
  const all = lines.map((line) => line.split('  ') as [string, string]);
  return Object.fromEntries(
    all.map(([sum, path]) => [path, sum] as const).filter(([path]) => /^(chat|data)\/|^examples/.test(path)),
  );
}

/** What the last line of `lbi … --json` says of a run. */
export interface Done {
  status: string;
  run: string;
  exit: number;
  failure?: string;
  progress: Progress;
}

export const lastEvent = (stdout: string): Done => JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Done;

/** Starts the pipeline in the background and gives the run's id. */
export async function launch(place: Place, ...args: string[]): Promise<string> {
  const { stdout, stderr } = await place.lbi('run', 'pipeline.yaml', '--json', '--detach', ...args);
  const { run } = JSON.parse(stdout.trim().split('\n')[0] || '{}') as { run?: string };
  if (run === undefined) throw new Error(stderr);
  return run;
}

/** Asks again and again until the answer is not undefined. */
export async function until<T>(question: () => Promise<T | undefined>, what: string, seconds = 40): Promise<T> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await question();
    if (answer !== undefined) return answer;
    if (Date.now() > end) throw new Error(`waited ${seconds} s in vain: ${what}`);
    await sleep(150);
  }
}

/** The run's progress once it is as wanted. */
export const progressWhen = (client: Client, run: string, wanted: (progress: Progress) => boolean): Promise<Progress> =>
  until(async () => {
    const asked = client.workflow.getHandle(`lamps/${run}`).query<Progress>('progress');
    const progress = await asked.catch(() => undefined);
    return progress !== undefined && wanted(progress) ? progress : undefined;
  }, `the progress of ${run}`);

/** Ids of the workflows that a visibility query lists. */
export async function listed(client: Client, query: string): Promise<string[]> {
  const ids: string[] = [];
  for await (const { workflowId } of client.workflow.list({ query })) ids.push(workflowId);
  return ids.sort();
}
