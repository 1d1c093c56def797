/** What the engine's benchmarks share: a folder with so many tasks for a scripted model and a scripted board, and what its processes take. */
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { execa } from 'execa';
import { makePlace, type Place } from '../test/engine/place.ts';

export interface Load {
  tasks: number;
  /** actions of each episode */
  steps: number;
  /** seconds that a reply of the model takes */
  delay?: number;
  /** episodes in flight at once */
  inFlight: number;
  /** true to write instructions for each trajectory and have them judged */
  judged?: boolean;
  environment?: Record<string, string>;
  /** a server that runs already; left out, the folder has its own */
  server?: { address: string; pids: number[]; database: string };
}

/** Tasks of one document: the most that a pipeline may ask for. */
const perDocument = 20;

const syllables = ['ba', 'de', 'fi', 'go', 'ku', 'la', 'me', 'ni', 'po', 'ru', 'sa', 'te', 'vi', 'wo', 'zu'];
/** Names without digits: tasks that differ in numbers only would count as duplicates. */
const nameOf = (index: number): string =>
  [0, 1, 2, 3].map((digit) => syllables[Math.floor(index / 15 ** digit) % 15] ?? '').join('');

const pipeline = ({ steps, inFlight, delay = 0, judged = false }: Load): string => `version: "1"
name: lamps
models:
  writer: { provider: scripted, script: steps.yaml, delay: ${delay}, limits: { concurrency: ${Math.max(64, inFlight * 2)} } }
environments:
  board: { kind: scripted, items: 32, sessions: ${inFlight} }
sources:
  - files: docs/*.md
stages:
  - { uses: instruct, model: writer, per_document: ${perDocument}, duplicates: 1 }
  - { uses: interact, environment: board, model: writer, max_steps: ${steps}, concurrency: ${inFlight} }
${judged ? '  - { uses: construct, model: writer, styles: [original] }\n  - { uses: filter, drop_repeated: false, committee: { members: [writer], reasons: one } }\n' : ''}`;

const script = (steps: number, lastTasks: number): string => `rules:
  - role: instruct
    when: { user: '"Last page of the (?<room>\\w+)"' }
    reply: { tasks: [${tasksOf(lastTasks)}] }
  - role: instruct
    when: { user: '"Page of the (?<room>\\w+)"' }
    reply: { tasks: [${tasksOf(perDocument)}] }
${Array.from({ length: steps }, (_, step) => `  - { role: decide, step: ${step}, reply: { reason: "On.", action: { name: switch, lamp: lamp-${(step % 32) + 1} } } }`).join('\n')}
  - { role: vote, reply: { aligned: "yes", coherent: "yes", natural: "yes", reasonable: "yes", reason: "It was done." } }
`;

const tasksOf = (count: number): string =>
  Array.from({ length: count }, (_, index) => `"Switch the ${nameOf(index + 700)} lamps of the \${room}"`).join(', ');

/** A folder with the documents, the script and the pipeline of that load. */
export async function lampPlace(load: Load): Promise<Place> {
  const environment = {
    LBI_LOST_AFTER: '60',
    LBI_HEARTBEAT: '30',
    ...(load.server === undefined ? {} : { TEMPORAL_ADDRESS: load.server.address }),
    ...load.environment,
  };
  const place = await makePlace({ documents: 0, environment });
  const documents = Math.ceil(load.tasks / perDocument);
  await mkdir(join(place.folder, 'docs'), { recursive: true });
  for (let index = 0; index < documents; index += 1) {
    const title = `${index + 1 === documents ? 'Last page' : 'Page'} of the ${nameOf(index)}`;
    const path = join(place.folder, 'docs', `${String(index).padStart(6, '0')}.md`);
    await writeFile(path, `# ${title}\n\nEach lamp can be switched, and the board can be read.\n`);
  }
  await writeFile(join(place.folder, 'pipeline.yaml'), pipeline(load));
  const last = load.tasks - (documents - 1) * perDocument;
  await writeFile(join(place.folder, 'steps.yaml'), script(load.steps, last));
  return place;
}

/** Waits until the run has ended, however long that takes; throws when it failed. Gives how long the run took. */
export async function ended(client: Client, run: string): Promise<{ seconds: number }> {
  const handle = client.workflow.getHandle(`lamps/${run}`);
  await handle.result();
  const { closeTime, raw } = await handle.describe();
  const first = client.workflow.getHandle(`lamps/${run}`, raw.workflowExecutionInfo?.firstRunId ?? undefined);
  const { startTime } = await first.describe();
  return { seconds: ((closeTime?.getTime() ?? Number.NaN) - startTime.getTime()) / 1000 };
}

/** What a process takes, from its own account under /proc. */
export interface Taken {
  /** milliseconds of CPU since it began */
  cpu: number;
  /** resident memory in MB, now and at most */
  rss: number;
  peak: number;
  handles: number;
}

/** Milliseconds of CPU per clock tick on Linux. */
const tick = 10;

/** The fields of /proc/PID/stat after the program's name: the state is the first. */
const statOf = async (pid: number | string): Promise<string[]> =>
  ((await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ').at(-1) ?? '').split(' ');

async function one(pid: number): Promise<Taken> {
  const fields = await statOf(pid);
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const megabytes = (name: string): number =>
    Math.round(Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0) / 1024);
  return {
    cpu: (Number(fields[11]) + Number(fields[12])) * tick,
    rss: megabytes('VmRSS'),
    peak: megabytes('VmHWM'),
    handles: (await readdir(`/proc/${pid}/fd`)).length,
  };
}

/** What these processes take together, and those that they have started. */
export async function takenBy(pids: number[]): Promise<Taken> {
  const parents = new Map<number, number>();
  for (const name of await readdir('/proc'))
    if (/^\d+$/.test(name)) parents.set(Number(name), Number((await statOf(name).catch(() => []))[1] ?? 0));
  const below = (pid: number): boolean => pids.includes(pid) || (parents.has(pid) && below(parents.get(pid) ?? 0));
  const all = await Promise.all([...parents.keys()].filter(below).map((pid) => one(pid).catch(() => undefined)));
  const sum = { cpu: 0, rss: 0, peak: 0, handles: 0 };
  for (const taken of all)
    for (const name of ['cpu', 'rss', 'peak', 'handles'] as const) sum[name] += taken?.[name] ?? 0;
  return sum;
}

/** Bytes and files below a folder. */
export async function sizeOf(folder: string): Promise<{ bytes: number; files: number }> {
  const { stdout } = await execa('du', ['-s', '--block-size=1', folder]);
  const { stdout: counted } = await execa('find', [folder, '-type', 'f', '-printf', '.']);
  return { bytes: Number(stdout.split('\t')[0]), files: counted.length };
}

/** Bytes of the embedded server's database, its log included. */
export async function databaseBytes(place: Place): Promise<number> {
  const home = join(place.folder, '.lbi');
  const files = (await readdir(home)).filter((name) => name.includes('.sqlite'));
  const sizes = await Promise.all(files.map(async (name) => (await stat(join(home, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

export const median = (numbers: number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;

/** A table in Markdown. */
export const table = (head: string[], rows: (string | number)[][]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
