/**
 * A day in short: many short episodes in one run, with a look at what grows at 2, 25, 50, 75 and 100 of 100:
 * `node bench/day.ts [episodes, 20000] [--in-flight 64] [--history 0]`. About 0.1 s an episode: 20000 are forty minutes to an hour on two
 * quiet cores. `--history 500` makes the run continue as new at 500 events, so that a small number of episodes sees many of those. Ends
 * with 1 when something grows that must not.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Client } from '@temporalio/client';
import type { Progress } from '../schemas/flow.ts';
import { launch, type Place, recordedPid } from '../test/engine/place.ts';
import { processesOf } from '../test/engine/sweep.ts';
import { databaseBytes, ended, lampPlace, table, takenBy } from './lamps.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'in-flight': { type: 'string', default: '64' }, history: { type: 'string', default: '0' } },
});
const episodes = Number(positionals[0] ?? 20_000);
const inFlight = Number(values['in-flight']);

interface Look {
  done: number;
  seconds: number;
  worker: number;
  workerHandles: number;
  server: number;
  serverHandles: number;
  processes: number;
  /** the history that the run's workflow has now, and how large its state was when that began */
  events: number;
  kilobytes: number;
  carried: number;
  database: number;
}

async function look(place: Place, client: Client, run: string, done: number, started: number): Promise<Look> {
  const pids = await Promise.all(['worker', 'server'].map((name) => recordedPid(place, name)));
  const [worker, server] = await Promise.all(pids.map((pid) => takenBy(pid === undefined ? [] : [pid])));
  const handle = client.workflow.getHandle(`lamps/${run}`);
  const { historyLength, historySize = 0 } = await handle.describe();
  const first = (await handle.fetchHistory()).events?.[0]?.workflowExecutionStartedEventAttributes;
  const carried = (first?.input?.payloads ?? []).reduce((sum, { data }) => sum + (data?.length ?? 0), 0);
  return {
    done,
    seconds: (Date.now() - started) / 1000,
    worker: worker?.rss ?? 0,
    workerHandles: worker?.handles ?? 0,
    server: server?.rss ?? 0,
    serverHandles: server?.handles ?? 0,
    processes: (await processesOf(place)).length,
    events: historyLength,
    kilobytes: historySize / 1000,
    carried: carried / 1000,
    database: (await databaseBytes(place)) / 1e6,
  };
}

/** What must not grow from the second look on, and by how much it may: a share of itself and a fixed amount. */
const bounds: { name: keyof Look; share: number; plus: number }[] = [
  { name: 'worker', share: 0.3, plus: 150 },
  { name: 'workerHandles', share: 0.2, plus: 20 },
  { name: 'server', share: 0.5, plus: 150 },
  { name: 'serverHandles', share: 0.2, plus: 20 },
  { name: 'processes', share: 0, plus: 0 },
  { name: 'carried', share: 0.5, plus: 50 },
];

/** Each look is compared with the one at a quarter: what came before is warming up. */
function growth(looks: Look[]): string[] {
  const [, base, ...later] = looks;
  if (base === undefined) return ['the run was over too soon to tell'];
  return bounds.flatMap(({ name, share, plus }) => {
    const most = Math.max(...later.map((one) => one[name]));
    // Nothing is carried over before a run continues as new for the first time.
    const from = (name === 'carried' ? (looks.find(({ carried }) => carried > 0) ?? base) : base)[name];
    return most > from * (1 + share) + plus ? [`${name} grew from ${from.toFixed(0)} to ${most.toFixed(0)}`] : [];
  });
}

const place = await lampPlace({
  tasks: episodes,
  steps: 1,
  inFlight,
  environment: { LBI_SWEEP: '20', ...(values.history === '0' ? {} : { LBI_HISTORY_EVENTS: values.history }) },
});
const looks: Look[] = [];
try {
  const run = await launch(place);
  const started = Date.now();
  const client = await place.client();
  const handle = client.workflow.getHandle(`lamps/${run}`);
  let over = false;
  const end = ended(client, run).finally(() => {
    over = true;
  });
  for (const share of [0.02, 0.25, 0.5, 0.75]) {
    for (;;) {
      const progress = await handle.query<Progress>('progress').catch(() => undefined);
      const done = progress?.funnel.episodes ?? 0;
      if (!over && done < share * episodes) {
        await sleep(1000);
        continue;
      }
      looks.push(await look(place, client, run, done, started));
      console.log(`${done} of ${episodes} after ${looks.at(-1)?.seconds.toFixed(0)} s`);
      break;
    }
  }
  await end;
  looks.push(await look(place, client, run, episodes, started));
} finally {
  await place.close();
}
const names: (keyof Look)[] = [
  'done',
  'seconds',
  'worker',
  'workerHandles',
  'server',
  'serverHandles',
  'processes',
  'events',
  'kilobytes',
  'carried',
  'database',
];
const heads = [
  'episodes',
  'seconds',
  'worker MB',
  'its handles',
  'server MB',
  'its handles',
  'processes',
  'events of the run now',
  'KB of them',
  'KB carried over',
  'database MB',
];
console.log(
  `\n${table(
    heads,
    looks.map((one) => names.map((name) => one[name].toFixed(0))),
  )}`,
);
const grown = growth(looks);
console.log(
  grown.length === 0 ? '\nnothing grows but the database' : `\nGROWS\n${grown.map((line) => `  ${line}`).join('\n')}`,
);
process.exitCode = grown.length === 0 ? 0 : 1;
