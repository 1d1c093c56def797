/** What needs a person: a missing key, a spent budget, a cancelled run, a terminated episode, damaged data, a bug. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { countingServer } from './model-server.ts';
import { lastEvent, launch, listed, makePlace, type Place, type PlaceOptions, progressWhen, until } from './place.ts';

const script = join(dirname(fileURLToPath(import.meta.url)), 'lamps.script.yaml');
const closing: (() => Promise<void>)[] = [];
after(async () => {
  for (const close of closing.reverse()) await close();
});

async function placeFor(options: PlaceOptions): Promise<Place> {
  const place = await makePlace({ oneTask: true, ...options });
  closing.push(place.close);
  return place;
}

test('a missing key blocks the votes alone; after it is put in place the run goes on to its end', async () => {
  const models = await countingServer(script, 5);
  closing.push(models.close);
  const judge = `{ provider: openai, model: judge, base_url: "${models.url}", api_key: "\${secret:LAMPS_KEY}" }`;
  const writer = '{ provider: scripted, script: lamps.script.yaml }';
  const place = await placeFor({
    documents: 3,
    models: `  writer: ${writer}\n  judge: ${judge}`,
    environment: { LBI_SWEEP: '1' },
  });
  const run = await launch(place);
  const client = await place.client();
  const waiting = await progressWhen(client, run, ({ blocked }) => Object.keys(blocked).length === 3);
  assert.equal(waiting.funnel.episodes, 0);
  for (const [id, on] of Object.entries(waiting.blocked)) {
    assert.ok(id.startsWith(`lamps/${run}/`), `the run itself is not blocked, but ${id} is`);
    assert.match(on, /LAMPS_KEY is not set.*\.env.*lbi resume/);
  }
  const shown = await place.lbi('show', run);
  assert.match(shown.stdout, /! 3 blocked \d+s: the secret LAMPS_KEY is not set/);
  const query = `LbiBlockedOn IS NOT NULL AND WorkflowType = 'episode' AND ExecutionStatus = 'Running'`;
  const blocked = await until(async () => {
    const ids = await listed(client, query);
    return ids.length === 3 ? ids : undefined;
  }, 'three episodes under LbiBlockedOn');
  assert.deepEqual(blocked, Object.keys(waiting.blocked).sort());

  // A resume before anything was mended changes nothing.
  await place.lbi('resume', run);
  await progressWhen(client, run, (progress) => Object.keys(progress.blocked).length === 3);

  // One of them is terminated from outside: the sweeper notices.
  await client.workflow.getHandle(blocked[0] ?? '').terminate('by hand');
  const swept = await progressWhen(client, run, ({ funnel }) => funnel.episodes === 1);
  assert.deepEqual(swept.funnel.outcomes, { failed: 1 });
  assert.equal(Object.keys(swept.blocked).length, 2, 'what has ended is no longer blocked');

  await writeFile(join(place.folder, '.env'), 'LAMPS_KEY=put-in-place\n');
  await place.lbi('resume', run);
  const done = lastEvent((await place.lbi('attach', run, '--json')).stdout);
  assert.equal(done.status, 'COMPLETED', JSON.stringify(done));
  assert.deepEqual(done.progress.funnel.outcomes, { failed: 1, finished: 2 });
  assert.deepEqual(done.progress.blocked, {});
  assert.ok((done.progress.dataset?.kept ?? 0) > 0);
  assert.deepEqual(await listed(client, query), []);
  assert.match((await place.lbi('show', run)).stdout, /terminated or failed/);
});

test('a cancelled run keeps what is finished, makes its dataset and leaves nothing running', async () => {
  const scripted = (delay: number): string => `{ provider: scripted, script: lamps.script.yaml, delay: ${delay} }`;
  const place = await placeFor({
    documents: 14,
    models: `  writer: ${scripted(0.15)}\n  judge: ${scripted(0.05)}`,
    change: (text) => text.replace('sessions: 8', 'sessions: 2'),
  });
  const run = await launch(place);
  const client = await place.client();
  await progressWhen(client, run, ({ funnel, inFlight }) => funnel.episodes >= 2 && inFlight > 0);
  const { stdout } = await place.lbi('cancel', run, '--json');
  assert.equal((JSON.parse(stdout) as { cancelled: boolean }).cancelled, true);
  const done = lastEvent((await place.lbi('attach', run, '--json')).stdout);
  assert.equal(done.status, 'CANCELLED');
  assert.equal(done.exit, 4);
  const { phase, funnel, dataset, inFlight } = done.progress;
  assert.equal(phase, 'cancelled');
  assert.equal(inFlight, 0);
  assert.ok((funnel.outcomes.finished ?? 0) >= 2 && (funnel.outcomes.finished ?? 0) < 14, JSON.stringify(funnel));
  assert.ok(dataset !== null && dataset.kept > 0);
  assert.deepEqual(await listed(client, `ExecutionStatus = 'Running'`), []);
  const check = JSON.parse((await place.lbi('check', run, '--json')).stdout) as { problems: unknown[] };
  assert.deepEqual(check.problems, []);

  // What was finished is not done again, and the same pipeline goes on from there.
  const again = lastEvent((await place.lbi('run', 'pipeline.yaml', '--json')).stdout);
  assert.equal(again.status, 'COMPLETED');
  assert.equal(again.progress.funnel.episodes, 14);
  assert.equal(again.progress.funnel.episodesReused, funnel.outcomes.finished);
});

test('a spent budget holds episodes back, says so, and goes on once it is raised', async () => {
  const priced = '{ provider: scripted, script: lamps.script.yaml, price: { input: 10, output: 10 } }';
  const place = await placeFor({
    documents: 16,
    models: `  writer: ${priced}\n  judge: ${priced}`,
    change: (text) => `${text.replace('concurrency: 10', 'concurrency: 2')}budget: { usd: 0.15 }\n`,
  });
  const run = await launch(place);
  const client = await place.client();
  const id = `lamps/${run}`;
  const held = await progressWhen(client, run, ({ blocked, inFlight }) => blocked[id] !== undefined && inFlight === 0);
  assert.match(held.blocked[id] ?? '', /the budget of \$0\.15 is spent .*lbi resume r-\S+ --budget/);
  assert.ok(held.waiting > 0 && held.funnel.episodes < 16, JSON.stringify(held.funnel));
  await until(async () => {
    const ids = await listed(client, `LbiBlockedOn IS NOT NULL`);
    return ids.length === 1 && ids[0] === id ? true : undefined;
  }, 'the run under LbiBlockedOn');

  await place.lbi('resume', run, '--budget', '1000');
  const done = lastEvent((await place.lbi('attach', run, '--json')).stdout);
  assert.equal(done.status, 'COMPLETED');
  assert.equal(done.progress.funnel.episodes, 16);
  assert.deepEqual(done.progress.blocked, {});
});
