/**
 * How long until every episode acts again after `kill -9` of the worker: `node bench/recovery.ts [--in-flight 64] [--rounds 5]
 * [--delay 2] [--lost-after 30] [--heartbeat 15]`. About a minute a round, and a minute to begin with.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Client } from '@temporalio/client';
import { launch, listed, type Place, recordedPid, until } from '../test/engine/place.ts';
import { lampPlace, median, table } from './lamps.ts';

const { values } = parseArgs({
  options: {
    'in-flight': { type: 'string', default: '64' },
    rounds: { type: 'string', default: '5' },
    delay: { type: 'string', default: '2' },
    'lost-after': { type: 'string', default: '30' },
    heartbeat: { type: 'string', default: '15' },
  },
});
const inFlight = Number(values['in-flight']);
const rounds = Number(values.rounds);
const delay = Number(values.delay);

/** When actions ended, by episode: milliseconds since the epoch, those begun after `since`. */
async function actions(client: Client, id: string, since: number): Promise<number[]> {
  const { events } = await client.workflow.getHandle(id).fetchHistory();
  const all = events ?? [];
  const begun = new Set(
    all
      .filter(({ activityTaskScheduledEventAttributes: scheduled }) => scheduled?.activityType?.name === 'act')
      .map(({ eventId }) => String(eventId)),
  );
  return all.flatMap(({ activityTaskCompletedEventAttributes: completed, eventTime }) => {
    const at = Number(eventTime?.seconds ?? 0) * 1000 + Number(eventTime?.nanos ?? 0) / 1e6;
    return completed && begun.has(String(completed.scheduledEventId)) && at > since ? [at] : [];
  });
}

/** Milliseconds from `since` until each episode has acted, once all have. */
async function allActed(client: Client, since: number): Promise<number[]> {
  const waiting = new Set(await listed(client, `WorkflowType = 'episode' AND ExecutionStatus = 'Running'`));
  const took: number[] = [];
  for (const end = Date.now() + 300_000; waiting.size > 0; await sleep(1000)) {
    if (Date.now() > end) throw new Error(`${waiting.size} episodes did not act within five minutes`);
    for (const id of waiting) {
      const [first] = await actions(client, id, since);
      if (first === undefined) continue;
      took.push(first - since);
      waiting.delete(id);
    }
  }
  return took;
}

/** Milliseconds until another worker serves. */
async function nextWorker(place: Place, before: number, since: number): Promise<number> {
  for (;;) {
    const pid = await recordedPid(place, 'worker');
    if (pid !== undefined && pid !== before && (await isReady(place))) return Date.now() - since;
    await sleep(20);
  }
}

const isReady = async (place: Place): Promise<boolean> => {
  const text = await readFile(join(place.folder, '.lbi', 'worker.json'), 'utf8').catch(() => '{}');
  return (JSON.parse(text) as { ready?: boolean }).ready === true;
};

const place = await lampPlace({
  tasks: inFlight,
  steps: 200,
  delay,
  inFlight,
  environment: { LBI_LOST_AFTER: values['lost-after'], LBI_HEARTBEAT: values.heartbeat },
});
try {
  const run = await launch(place);
  const client = await place.client();
  console.log(
    `${inFlight} episodes in flight, model ${delay} s, lost after ${values['lost-after']} s, heartbeat ${values.heartbeat} s`,
  );
  const begun = async (): Promise<true | undefined> =>
    (await listed(client, `WorkflowType = 'episode'`)).length === inFlight || undefined;
  await until(begun, 'all episodes have begun', 300);
  const rows: number[][] = [];
  for (let round = 0; round < rounds; round += 1) {
    await allActed(client, Date.now());
    const pid = (await recordedPid(place, 'worker')) ?? 0;
    const killed = Date.now();
    process.kill(pid, 'SIGKILL');
    const [worker, took] = await Promise.all([nextWorker(place, pid, killed), allActed(client, killed)]);
    rows.push([worker, median(took), Math.max(...took)].map((ms) => ms / 1000));
    console.log(
      `round ${round + 1}: ${rows
        .at(-1)
        ?.map((seconds) => seconds.toFixed(1))
        .join(', ')} s`,
    );
  }
  const middle = [0, 1, 2].map((column) => median(rows.map((row) => row[column] ?? Number.NaN)).toFixed(1));
  console.log(
    table(
      [
        'seconds after kill -9 until',
        'another worker serves',
        'half of the episodes act again',
        'every episode acts again',
      ],
      [[`median of ${rounds}`, ...middle]],
    ),
  );
  await place.lbi('cancel', run);
} finally {
  await place.close();
}
