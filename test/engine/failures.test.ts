/** Items that fail for good: counted and gone on from, or the end of the run, as the pipeline says; and caps besides money. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type CountingServer, countingServer } from './model-server.ts';
import {
  lastEvent,
  launch,
  makePlace,
  oneTaskScript,
  type Place,
  type PlaceOptions,
  progressWhen,
  room,
} from './place.ts';

const shipped = join(dirname(fileURLToPath(import.meta.url)), 'lamps.script.yaml');
const closing: (() => Promise<void>)[] = [];
let script: string;
before(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lbi-script-'));
  closing.push(() => rm(folder, { recursive: true, force: true }));
  script = join(folder, 'one-task.yaml');
  await writeFile(script, oneTaskScript(await readFile(shipped, 'utf8')));
});
after(async () => {
  for (const close of closing.reverse()) await close();
});

/** A place whose writer is asked over HTTP and refused wherever `refuse` says so; a call is tried twice. */
async function placeFor(
  refuse: (question: string) => number | undefined,
  options: PlaceOptions,
): Promise<{ place: Place; models: CountingServer }> {
  const models = await countingServer(script, 2, refuse);
  closing.push(models.close);
  const writer = `{ provider: openai, model: writer, base_url: "${models.url}" }`;
  const place = await makePlace({
    oneTask: true,
    models: `  writer: ${writer}\n  judge: { provider: scripted, script: lamps.script.yaml }`,
    ...options,
    change: (text) => {
      const patient = text.replaceAll(
        /uses: (instruct|interact|construct),/g,
        '$& retry: { attempts: 2, first_wait: 0.1 },',
      );
      return options.change?.(patient) ?? patient;
    },
  });
  closing.push(place.close);
  return { place, models };
}

const about = (index: number, part: string) => (question: string) =>
  question.includes(`the ${room(index)}`) && question.includes(part) ? 500 : undefined;

test('a document whose tasks cannot be asked for is counted, and the run goes on; a call is tried as often as the stage says', async () => {
  const { place, models } = await placeFor(about(1, 'invent tasks'), { documents: 4 });
  const done = lastEvent((await place.lbi('run', 'pipeline.yaml', '--json')).stdout);
  assert.equal(done.status, 'COMPLETED', JSON.stringify(done));
  assert.equal(done.progress.funnel.documents, 4);
  assert.equal(done.progress.funnel.documentsFailed, 1);
  assert.equal(done.progress.funnel.tasks, 3);
  assert.deepEqual(models.refused, [500, 500]);
  const shown = await place.lbi('show', done.run);
  assert.match(shown.stdout, /documents\s+4 {3}1 gave no tasks: the model call failed/);
});

test('when no document gives tasks, the run fails with the reason', async () => {
  const { place } = await placeFor((question) => (question.includes('invent tasks') ? 422 : undefined), {
    documents: 5,
  });
  const done = lastEvent((await place.lbi('run', 'pipeline.yaml', '--json')).stdout);
  assert.equal(done.status, 'FAILED');
  assert.match(done.failure ?? '', /422.*does not accept the request: refused for a test/);
});

test('fail_if ends a run in which too many episodes fail, and says how many; the next run reuses what was finished', async () => {
  let broken = true;
  const decides = (question: string) => question.includes('You are an agent');
  const late = (question: string) => !question.includes(`the ${room(0)}`);
  const { place } = await placeFor((question) => (broken && decides(question) && late(question) ? 500 : undefined), {
    documents: 12,
    interact: ', fail_if: { error_rate: 0.5, after: 3 }',
    change: (text) => text.replace('concurrency: 10', 'concurrency: 1'),
  });
  const done = lastEvent((await place.lbi('run', 'pipeline.yaml', '--json')).stdout);
  assert.equal(done.status, 'FAILED');
  assert.match(done.failure ?? '', /2 of 3 episodes failed \(67 %\), more than fail_if allows \(50 %\)/);
  assert.equal(done.progress.funnel.episodes, 3);
  broken = false;
  const again = lastEvent((await place.lbi('run', 'pipeline.yaml', '--json')).stdout);
  assert.equal(again.status, 'COMPLETED', JSON.stringify(again));
  assert.equal(again.progress.funnel.episodesReused, 1);
  assert.deepEqual(again.progress.funnel.outcomes, { finished: 12 });
});

test('on_error: stop ends the run at the first failed episode', async () => {
  const { place } = await placeFor(
    (question) => (question.includes('You are an agent') && question.includes(room(0)) ? 500 : undefined),
    { documents: 3, interact: ', on_error: stop' },
  );
  const done = lastEvent((await place.lbi('run', 'pipeline.yaml', '--json')).stdout);
  assert.equal(done.status, 'FAILED');
  assert.match(done.failure ?? '', /one of the episodes failed, and on_error is stop/);
});

test('a cap on tokens holds the run, says how to raise it, and lets it go on', async () => {
  const { place } = await placeFor(() => undefined, {
    documents: 6,
    change: (text) => `${text.replace('concurrency: 10', 'concurrency: 1')}budget: { tokens: 2000 }\n`,
  });
  const run = await launch(place);
  const client = await place.client();
  const held = await progressWhen(client, run, ({ blocked }) => Object.keys(blocked).length > 0);
  assert.match(
    Object.values(held.blocked)[0] ?? '',
    /the budget of 2000 tokens is spent \(\d+ tokens\).*--budget-tokens N/,
  );
  assert.ok(held.funnel.episodes < 6);
  const resumed = await place.lbi('resume', run, '--budget-tokens', '1000000');
  assert.equal(resumed.exitCode, 0, resumed.stderr);
  const done = lastEvent((await place.lbi('attach', run, '--json')).stdout);
  assert.equal(done.status, 'COMPLETED', JSON.stringify(done));
  assert.equal(done.progress.funnel.episodes, 6);
});
