/**
 * Steps per second through Temporal with parts that take no time: `node bench/engine.ts [episodes] [runs]`. Embedded server and worker
 * process as in production; a scripted model and board, twenty steps per episode, no construct and no filter.
 */
import { readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { lastEvent, launch, listed, makePlace, type Place } from '../test/engine/place.ts';

const episodes = Number(process.argv[2] ?? 32);
const runs = Number(process.argv[3] ?? 3);
const steps = 20;
/** Milliseconds of CPU per clock tick on Linux. */
const tick = 10;

const pipeline = `version: "1"
name: lamps
models:
  writer: { provider: scripted, script: steps.yaml, limits: { concurrency: 64 } }
environments:
  board: { kind: scripted, items: 32, sessions: ${episodes} }
sources:
  - files: docs/*.md
stages:
  - { uses: instruct, model: writer, per_document: 1 }
  - { uses: interact, environment: board, model: writer, max_steps: ${steps}, concurrency: ${episodes} }
`;

const script = `rules:
  - role: instruct
    when: { user: '"Page of the (?<room>\\w+)"' }
    reply: { tasks: ["Switch the lamps of the \${room}"] }
${Array.from({ length: steps }, (_, step) => `  - { role: decide, step: ${step}, reply: { reason: "On.", action: { name: switch, lamp: lamp-${step + 1} } } }`).join('\n')}
`;

/** CPU milliseconds of a process since it began, from its own account. */
function cpuOf(pid: number): number {
  const fields = (readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1) ?? '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) * tick;
}

const pidOf = async (place: Place, name: string): Promise<number> =>
  (JSON.parse(await readFile(join(place.folder, '.lbi', `${name}.json`), 'utf8')) as { pid: number }).pid;

async function databaseBytes(place: Place): Promise<number> {
  const home = join(place.folder, '.lbi');
  const files = (await readdir(home)).filter((name) => name.includes('.sqlite'));
  const sizes = await Promise.all(files.map(async (name) => (await stat(join(home, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

const median = (numbers: number[]): number => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;

interface Measured {
  'steps/s': number;
  'CPU ms/step, server': number;
  'CPU ms/step, worker': number;
  'CPU ms/step': number;
  'events/episode': number;
  'database bytes/step': number;
}

async function measure(): Promise<Measured> {
  const place = await makePlace({ documents: episodes, environment: { LBI_LOST_AFTER: '60', LBI_HEARTBEAT: '30' } });
  try {
    await writeFile(join(place.folder, 'pipeline.yaml'), pipeline);
    await mkdir(join(place.folder, 'out'), { recursive: true });
    await writeFile(join(place.folder, 'steps.yaml'), script);
    await place.lbi('up');
    const [server, worker] = [await pidOf(place, 'server'), await pidOf(place, 'worker')];
    const before = { server: cpuOf(server), worker: cpuOf(worker), bytes: await databaseBytes(place) };
    const run = await launch(place);
    const done = lastEvent((await place.lbi('attach', run, '--json')).stdout);
    const after = { server: cpuOf(server), worker: cpuOf(worker), bytes: await databaseBytes(place) };
    const { steps: taken } = done.progress.funnel;
    if (taken !== episodes * steps) throw new Error(`${taken} steps were taken, not ${episodes * steps}`);
    const client = await place.client();
    const [one = ''] = await listed(client, `WorkflowType = 'episode'`);
    const { historyLength } = await client.workflow.getHandle(one).describe();
    const whole = await client.workflow.getHandle(`lamps/${run}`).describe();
    const seconds = ((whole.closeTime?.getTime() ?? 0) - whole.startTime.getTime()) / 1000;
    return {
      'steps/s': taken / seconds,
      'CPU ms/step, server': (after.server - before.server) / taken,
      'CPU ms/step, worker': (after.worker - before.worker) / taken,
      'CPU ms/step': (after.server - before.server + after.worker - before.worker) / taken,
      'events/episode': historyLength,
      'database bytes/step': (after.bytes - before.bytes) / taken,
    };
  } finally {
    await place.close();
  }
}

console.log(
  `${episodes} episodes of ${steps} steps, ${runs} runs, ${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(2)}`,
);
const measured: Measured[] = [];
for (let index = 0; index < runs; index += 1) {
  const one = await measure();
  measured.push(one);
  console.log(
    JSON.stringify(one, (_, value: unknown) => (typeof value === 'number' ? Math.round(value * 10) / 10 : value)),
  );
}
const names = Object.keys(measured[0] ?? {}) as (keyof Measured)[];
console.log('\nmedian');
for (const name of names) console.log(`  ${name.padEnd(22)} ${median(measured.map((one) => one[name])).toFixed(1)}`);
