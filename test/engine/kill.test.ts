/**
 * kill -9 of worker, server and supervisor at moments drawn from a seed: the dataset is that of the undisturbed run, nothing received is
 * asked again, nothing is left over. The long form, with a browser, is bench/crash-sweep.ts.
 */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type CountingServer, countingServer } from './model-server.ts';
import { checksums, lastEvent, launch, makePlace, type Place } from './place.ts';
import { leftovers, repeats, storm } from './sweep.ts';

const script = join(dirname(fileURLToPath(import.meta.url)), 'lamps.script.yaml');
const documents = 20;
const kills = Number(process.env.LBI_TEST_KILLS ?? 9);
const seed = Number(process.env.LBI_TEST_SEED ?? 3);

let models: CountingServer;
const places: Place[] = [];
before(async () => {
  models = await countingServer(script, 80);
});
after(async () => {
  for (const place of places) await place.close();
  await models.close();
});

async function place(): Promise<{ place: Place; temporary: string }> {
  const spec = `{ provider: openai, model: lamps, base_url: "${models.url}" }`;
  const made = await makePlace({ documents, models: `  writer: ${spec}\n  judge: ${spec.replace('lamps', 'judge')}` });
  places.push(made);
  const temporary = join(made.folder, 'tmp');
  await mkdir(temporary);
  made.environment.TMPDIR = temporary;
  return { place: made, temporary };
}

const folderOf = (stdout: string): string => {
  const { dataset } = lastEvent(stdout).progress;
  assert.ok(dataset?.folder, stdout.slice(-2000));
  return dataset.folder;
};

test('kills of worker, server and supervisor change nothing, cost nothing and leave nothing', {
  timeout: 400_000,
}, async (context) => {
  const quiet = (await place()).place;
  const calm = folderOf((await quiet.lbi('run', 'pipeline.yaml', '--json')).stdout);
  await quiet.lbi('down');
  const asked = new Map(models.replies);
  models.replies.clear();

  const { place: rough, temporary } = await place();
  const run = await launch(rough);
  const hits = await storm(
    rough,
    { kills, seed, targets: ['worker', 'server', 'worker', 'supervisor'], pause: [1000, 2500] },
    () => false,
  );
  const stormy = folderOf((await rough.lbi('attach', run, '--json')).stdout);
  await rough.lbi('down');

  const again = repeats(models.replies, hits);
  const unexplained = again.filter(({ cut }) => cut.includes(undefined));
  const told = hits.map(({ target }) => target).join(', ');
  context.diagnostic(`${told}; ${models.replies.size} questions, ${again.length} cut off by a kill and asked again`);
  assert.ok(new Set(hits.map(({ target }) => target)).size >= 2, 'the seed kills only one kind');
  assert.deepEqual(await checksums(stormy), await checksums(calm));
  assert.deepEqual([...models.replies.keys()].sort(), [...asked.keys()].sort());
  assert.deepEqual(unexplained, []);
  assert.deepEqual(await leftovers(rough, temporary), []);
});
