/**
 * What the engine costs, with a scripted model and a scripted board. One of:
 *
 *   node bench/engine.ts steps [--episodes 32] [--runs 3]    an instant model: steps a second, CPU, history and database of a step;
 *                                                            the same work in a bare loop is the limit            1 minute a run
 *   node bench/engine.ts flight [64 128 256 512] [--steps 5] [--delay 2]    how much of the ideal so many trajectories in flight
 *                                                            reach, and the worker's memory for each       1 to 5 minutes each
 *   node bench/engine.ts size [100 1000 10000] [--steps 1] [--in-flight 32]  what an episode costs as runs grow: it must stay the
 *                                                            same. 0.1 s each: 100000 take three hours on two cores
 *
 * `--server postgres` measures on a server of several processes (bench/postgres-server.ts) in place of the embedded one.
 */
import { availableParallelism, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { median, table } from './lamps.ts';
import { bare, type Measured, measured } from './measure.ts';
import { postgresServer } from './postgres-server.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    server: { type: 'string', default: 'embedded' },
    episodes: { type: 'string', default: '32' },
    runs: { type: 'string', default: '3' },
    steps: { type: 'string' },
    delay: { type: 'string', default: '2' },
    'in-flight': { type: 'string', default: '32' },
  },
});
const [what = 'steps', ...given] = positionals;
const sizes = (otherwise: number[]): number[] => (given.length > 0 ? given.map(Number) : otherwise);
const fixed = (number: number, digits = 1): string => number.toFixed(digits);
const thousand = (bytes: number): string => fixed(bytes / 1000);

type Server = Awaited<ReturnType<typeof postgresServer>> | undefined;
const on = (server: Server): { server?: NonNullable<Server> } => (server === undefined ? {} : { server });

async function steps(server: Server): Promise<string> {
  const load = {
    tasks: Number(values.episodes),
    steps: Number(values.steps ?? 20),
    inFlight: Number(values.episodes),
    ...on(server),
  };
  const runs: Measured[] = [];
  for (let index = 0; index < Number(values.runs); index += 1) {
    runs.push(await measured(load));
    console.log(`run ${index + 1}: ${fixed((load.tasks * load.steps) / (runs.at(-1)?.seconds ?? 1))} steps/s`);
  }
  const limit = await bare({ ...load, tasks: load.tasks });
  const all = load.tasks * load.steps;
  const middle = (number: (one: Measured) => number): number => median(runs.map(number));
  const line = (name: string, of: (one: Measured) => number, loop: string): string[] => [name, fixed(middle(of)), loop];
  return table(
    [`${load.tasks} episodes of ${load.steps} steps, median of ${runs.length}`, values.server, 'bare loop'],
    [
      line('steps a second', ({ seconds }) => all / seconds, fixed(all / limit.seconds)),
      line('CPU ms a step, server', (one) => one.server / all, ''),
      line('CPU ms a step, worker', (one) => one.worker / all, fixed(limit.cpu / all)),
      line('events of an episode', ({ episode }) => episode.events, ''),
      line('KB of history, episode', ({ episode }) => episode.bytes / 1000, ''),
      line('KB of history, step', ({ episode }) => episode.bytes / 1000 / load.steps, ''),
      line('KB of database, step', ({ database }) => database / 1000 / all, ''),
    ],
  );
}

async function flight(server: Server): Promise<string> {
  let first: { inFlight: number; memory: number } | undefined;
  const [each, delay] = [Number(values.steps ?? 5), Number(values.delay)];
  const rows: string[][] = [];
  for (const inFlight of sizes([64, 128, 256, 512])) {
    const load = { tasks: inFlight * 3, steps: each, delay, inFlight, ...on(server) };
    const one = await measured(load, true);
    const rate = (load.tasks * each) / (one.working ?? one.seconds);
    const ideal = inFlight / delay;
    first ??= { inFlight, memory: one.workerMemory };
    // Beyond the smallest number: what the worker takes in any case is not a trajectory's.
    const memory = (one.workerMemory - first.memory) / (inFlight - first.inFlight);
    rows.push([
      String(inFlight),
      fixed(ideal),
      fixed(rate),
      fixed(rate / ideal, 2),
      Number.isFinite(memory) ? fixed(memory, 2) : '',
      String(one.workerMemory),
    ]);
    console.log(`${inFlight}: ${fixed(rate / ideal, 2)} of the ideal`);
  }
  return table(['in flight', 'ideal steps/s', 'steps/s', 'share', 'worker MB a trajectory', 'worker MB'], rows);
}

async function size(server: Server): Promise<string> {
  const rows: string[][] = [];
  for (const tasks of sizes([100, 1000, 10_000])) {
    const one = await measured({
      tasks,
      steps: Number(values.steps ?? 1),
      inFlight: Number(values['in-flight']),
      ...on(server),
    });
    const { run, store } = one;
    rows.push([
      String(tasks),
      fixed(one.seconds, 0),
      fixed((one.seconds * 1000) / tasks),
      fixed(one.server / tasks),
      fixed(one.worker / tasks),
      thousand(one.database / tasks),
      thousand(store.bytes / tasks),
      fixed(store.files / tasks),
      String(one.serverMemory),
      String(one.workerMemory),
      `${run.histories} × ${run.events}`,
      thousand(run.bytes),
    ]);
    console.log(`${tasks}: ${fixed(one.seconds, 0)} s`);
  }
  return table(
    [
      'tasks',
      'seconds',
      'ms each',
      'server CPU ms',
      'worker CPU ms',
      'database KB',
      'store KB',
      'files',
      'server MB',
      'worker MB',
      'histories of the run × longest',
      'largest KB',
    ],
    rows,
  );
}

const kinds: Record<string, (server: Server) => Promise<string>> = { steps, flight, size };
const kind = kinds[what];
if (kind === undefined || !['embedded', 'postgres'].includes(values.server))
  throw new Error(`expected one of ${Object.keys(kinds).join(', ')}, and --server embedded or postgres`);
const server = values.server === 'postgres' ? await postgresServer() : undefined;
try {
  console.log(`${what}, ${values.server}, ${availableParallelism()} cores, load ${fixed(loadavg()[0] ?? 0)}`);
  console.log(`\n${await kind(server)}`);
} finally {
  await server?.stop();
}
