/** Caps of a task, of a stage and of the run: where each ends or waits, and by how much a run may go over. One server, one folder. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { sealedEpisodes } from '../../activities/record.ts';
import { addUsage, noUsage } from '../../core/usage.ts';
import type { EpisodeEntry, Progress } from '../../schemas/flow.ts';
import { openStore } from '../../store/stores.ts';
import { lastEvent, launch, makePlace, type Place, progressWhen } from '../engine/place.ts';

const documents = 10;
let place: Place;
before(async () => {
  place = await makePlace({ documents, oneTask: true });
});
after(() => place.close());

/** @param seed tells the questions of this file's runs apart, so that none finds a reply that another paid for */
const write = (seed: number, stages: string, more = ''): Promise<void> =>
  writeFile(
    join(place.folder, 'pipeline.yaml'),
    `version: "1"
name: lamps
seed: ${seed}
models:
  writer: { provider: scripted, script: lamps.script.yaml, max_tokens: ${1000 + seed}, price: { input: 10, output: 10 } }
environments:
  board: { kind: scripted, items: 4, sessions: 8 }
sources:
  - files: docs/*.md
stages:
${stages}
${more}
`,
  );

const spent = ({ usage }: Progress): number => Object.values(usage).reduce(addUsage, noUsage).usd;
const stage = ({ usage }: Progress, name: string): number =>
  Object.entries(usage).reduce((sum, [account, used]) => sum + (account.startsWith(`${name}/`) ? used.usd : 0), 0);

async function entries(run: string): Promise<EpisodeEntry[]> {
  const all: EpisodeEntry[] = [];
  const store = await openStore(join(place.folder, '.lbi', 'store'));
  const pages = (await store.list(`runs/${run}/episodes/`)).length;
  for await (const entry of sealedEpisodes({ store }, run, pages)) all.push(entry);
  return all;
}

test('an episode that has spent the budget of its task ends as one at its step limit, and its stretch is still used', async () => {
  const interact = 'uses: interact, environment: board, model: writer, max_steps: 6, task_budget: { tokens: 1 }';
  const rest = '  - { uses: construct, model: writer, styles: [new-task] }';
  await write(1, `  - { uses: instruct, model: writer, per_document: 1 }\n  - { ${interact} }\n${rest}`);
  const done = lastEvent((await place.lbi('run', 'pipeline.yaml', '--json', '--yes')).stdout);
  assert.equal(done.status, 'COMPLETED', JSON.stringify(done));
  assert.deepEqual(done.progress.funnel.outcomes, { 'step-limit': documents });
  assert.ok(done.progress.funnel.kept > 0, 'a window of one action is an example');
  for (const { steps, detail } of await entries(done.run)) {
    assert.equal(steps, 1, 'one call is made before anything is spent');
    assert.match(detail, /the budget of the task is spent \(\d+ tokens of 1 tokens\)/);
  }
});

test('a run with caps of its own and of its tasks stays below both; it says what room is missing, and goes on', async () => {
  // Two decisions of a task cost about 0.012.
  const interact =
    'uses: interact, environment: board, model: writer, max_steps: 6, concurrency: 8, task_budget: { usd: 0.02 }';
  const stages = `  - { uses: instruct, model: writer, per_document: 1, concurrency: 1 }\n  - { ${interact} }`;
  await write(2, stages, 'budget: { usd: 0.12 }');
  const run = await launch(place, '--yes');
  const client = await place.client();
  const id = `lamps/${run}`;
  const held = await progressWhen(client, run, ({ blocked, inFlight }) => blocked[id] !== undefined && inFlight === 0);
  // The document that was being asked for when the cap was reached; no task of these goes over its own.
  const document = stage(held, 'instruct') / held.funnel.documents;
  assert.ok(spent(held) <= 0.12 + document, `spent ${spent(held)}`);
  assert.match(
    held.blocked[id] ?? '',
    /the budget of \$0\.12 (?:is spent|has no room for a task of \$0\.0200).*--budget USD/,
  );
  assert.ok(held.funnel.episodes > 0 && held.waiting > 0, JSON.stringify(held.funnel));
  await place.lbi('resume', run, '--budget', '10');
  const done = lastEvent((await place.lbi('attach', run, '--json')).stdout);
  assert.equal(done.status, 'COMPLETED', JSON.stringify(done));
  assert.equal(done.progress.funnel.episodes, documents);
});

test('a stage at its cap holds the run and names itself; raised, the run goes on; over by no more than what was in flight', async () => {
  const stages = `  - { uses: instruct, model: writer, per_document: 1, concurrency: 2, budget: { tokens: 1 } }
  - { uses: interact, environment: board, model: writer, max_steps: 6, concurrency: 1 }
  - { uses: construct, model: writer, styles: [new-task], budget: { usd: 0.01 } }`;
  await write(3, stages);
  const run = await launch(place, '--yes');
  const client = await place.client();
  const id = `lamps/${run}`;
  const first = await progressWhen(client, run, ({ blocked }) => blocked[id] !== undefined);
  assert.match(first.blocked[id] ?? '', /the budget of instruct: 1 tokens is spent .*--stage-tokens instruct=N/);
  assert.ok(first.funnel.documents <= 2, `${first.funnel.documents} documents were asked for`);
  assert.equal((await place.lbi('resume', run, '--stage-tokens', 'instruct')).exitCode, 2);
  assert.equal((await place.lbi('resume', run, '--stage-tokens', 'index=5')).exitCode, 2);
  await place.lbi('resume', run, '--stage-tokens', 'instruct=1000000');
  const second = await progressWhen(
    client,
    run,
    ({ blocked, inFlight }) => (blocked[id] ?? '').includes('construct') && inFlight === 0,
  );
  assert.match(second.blocked[id] ?? '', /the budget of construct: \$0\.0100 is spent .*--stage-budget construct=USD/);
  const each = stage(second, 'construct') / second.funnel.episodes;
  assert.ok(stage(second, 'construct') < 0.01 + each * 1.5, 'one episode at a time was in flight');
  await place.lbi('resume', run, '--stage-budget', 'construct=10');
  const done = lastEvent((await place.lbi('attach', run, '--json')).stdout);
  assert.equal(done.status, 'COMPLETED', JSON.stringify(done));
  assert.equal(done.progress.funnel.episodes, documents);
});
