/** kill -9 of the worker and of the server, again and again: the dataset is that of the undisturbed run and nothing received is asked again. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type CountingServer, countingServer } from './model-server.ts';
import { checksums, makePlace, type Place } from './place.ts';

const script = join(dirname(fileURLToPath(import.meta.url)), 'lamps.script.yaml');
const documents = 24;
/** kills of each of the two processes */
const kills = Number(process.env.LBI_TEST_KILLS ?? 5);
/** A reply handed to the network this long before a kill may not have reached the worker. */
const inFlightMs = 400;

let models: CountingServer;
const places: Place[] = [];
before(async () => {
  models = await countingServer(script, 40);
});
after(async () => {
  for (const place of places) await place.close();
  await models.close();
});

async function place(): Promise<Place> {
  const spec = `{ provider: openai, model: lamps, base_url: "${models.url}" }`;
  const made = await makePlace({ documents, models: `  writer: ${spec}\n  judge: ${spec.replace('lamps', 'judge')}` });
  places.push(made);
  return made;
}

const pidOf = async (folder: string, name: string): Promise<number | undefined> => {
  try {
    return (
      (JSON.parse(await readFile(join(folder, '.lbi', `${name}.json`), 'utf8')) as { pid: number | null }).pid ??
      undefined
    );
  } catch {
    return undefined;
  }
};

interface Outcome {
  folder: string;
  funnel: Record<string, unknown>;
}

const outcome = (stdout: string): Outcome => {
  const { progress } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as {
    progress: { dataset: { folder: string } | null; funnel: Outcome['funnel'] };
  };
  assert.ok(progress.dataset, stdout.slice(-2000));
  return { folder: progress.dataset.folder, funnel: progress.funnel };
};

test('five kills of the worker and five of the server change nothing and cost nothing', {
  timeout: 400_000,
}, async (context) => {
  const quiet = await place();
  const calm = outcome((await quiet.lbi('run', 'pipeline.yaml', '--json')).stdout);
  await quiet.lbi('down');
  const asked = new Map(models.replies);
  models.replies.clear();

  const rough = await place();
  const { stdout: launched, stderr } = await rough.lbi('run', 'pipeline.yaml', '--json', '--detach');
  const { run } = JSON.parse(launched.trim().split('\n')[0] ?? '{}') as { run: string };
  assert.ok(run, stderr);
  const killed: number[] = [];
  for (let count = 0; count < kills * 2; count += 1) {
    await sleep(1500 + ((count * 7919) % 1500));
    const pid = await pidOf(rough.folder, count % 2 === 0 ? 'worker' : 'server');
    if (pid === undefined) continue;
    killed.push(Date.now());
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      killed.pop();
    }
  }
  const storm = outcome((await rough.lbi('attach', run, '--json')).stdout);

  const again = [...models.replies].filter(([, times]) => times.length > 1);
  const unexplained = again.filter(
    ([, times]) =>
      !killed.some((kill) => times.slice(0, -1).every((time) => kill - time >= -50 && kill - time < inFlightMs)),
  );
  context.diagnostic(
    `${killed.length} kills; ${models.replies.size} questions, ${asked.size} undisturbed; ${again.length} asked twice, all in flight at a kill: ${unexplained.length === 0}`,
  );
  assert.ok(killed.length >= kills, `only ${killed.length} kills hit`);
  assert.deepEqual(await checksums(storm.folder), await checksums(calm.folder));
  assert.deepEqual([...models.replies.keys()].sort(), [...asked.keys()].sort());
  assert.deepEqual(unexplained, []);
});
