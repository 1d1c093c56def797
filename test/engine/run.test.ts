/** A whole run on a real Temporal server with scripted parts: what comes out, what a second run costs, what the commands say. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { checksums, makePlace, type Place } from './place.ts';

let place: Place;
before(async () => {
  place = await makePlace({ documents: 6 });
});
after(() => place.close());

interface Done {
  status: string;
  run: string;
  progress: {
    funnel: Record<string, number> & { dropped: Record<string, number>; outcomes: Record<string, number> };
    usage: Record<string, { calls: number }>;
    dataset: { kept: number; train: number; test: number; folder: string; dropped: Record<string, number> };
  };
}

const lastEvent = (stdout: string): Done => JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Done;
const calls = ({ progress }: Done): number =>
  Object.values(progress.usage).reduce((sum, usage) => sum + usage.calls, 0);

test('documents become a dataset', async () => {
  const { stdout, stderr, exitCode } = await place.lbi('run', 'pipeline.yaml', '--json');
  assert.equal(exitCode, 0, stderr);
  const done = lastEvent(stdout);
  assert.equal(done.status, 'COMPLETED');
  const { funnel, dataset } = done.progress;
  assert.equal(funnel.documents, 6);
  assert.equal(funnel.tasks, 18);
  assert.equal(funnel.episodes, 18);
  assert.deepEqual(funnel.outcomes, { finished: 18 });
  // For every page: a walk of two actions, one of three of which one fails, and one that changes nothing.
  assert.equal(funnel.windows, 6 * (3 + 6 + 1));
  assert.equal(funnel.dropped['last-action-failed'], 6 * 2);
  assert.ok(dataset.kept > 0 && dataset.kept < (funnel.voted ?? 0));
  assert.ok(calls(done) > 0);
});

test('the same pipeline again asks no model, starts no episode, and gives the same data', async () => {
  const first = (await place.lbi('runs', '--json')).stdout;
  const [{ run: before }] = JSON.parse(first) as [{ run: string }];
  const { stdout, exitCode } = await place.lbi('run', 'pipeline.yaml', '--json');
  assert.equal(exitCode, 0);
  const done = lastEvent(stdout);
  assert.equal(calls(done), 0);
  assert.equal(done.progress.funnel.episodesReused, 18);
  assert.deepEqual(
    await checksums(done.progress.dataset.folder),
    await checksums(done.progress.dataset.folder.replace(done.run, before)),
  );
});

test('every example walks back to its steps and votes', async () => {
  const { stdout, exitCode } = await place.lbi('check', '@last', '--json');
  assert.equal(exitCode, 0, stdout);
  assert.deepEqual((JSON.parse(stdout) as { problems: unknown[] }).problems, []);
});

test('show, its examples, its drops and a trajectory read well', async () => {
  const shown = await place.lbi('show', '@last');
  assert.match(shown.stdout, /trajectories +18/);
  const examples = await place.lbi('show', '@last', '--examples');
  assert.match(examples.stdout, /✔ Switch lamp-1 on\./);
  const dropped = await place.lbi('show', '@last', '--dropped');
  assert.match(dropped.stdout, /says no: natural/);
  const task = /^ +(\S+-[0-9a-f]{6}) +finished/m.exec(shown.stdout)?.[1] ?? '';
  const trajectory = await place.lbi('show', '@last', task);
  assert.match(trajectory.stdout, /1\. switch|1\. read/);
});

test('retrieval finds an example by its words', async () => {
  const { stdout, exitCode, stderr } = await place.lbi(
    'retrieve',
    '@last',
    'switch lamp-2 on',
    '--by',
    'instruction',
    '-k',
    '1',
  );
  assert.equal(exitCode, 0, stderr);
  assert.match(stdout, /lamp-2/);
});

test('unknown runs and tasks are explained without a stack trace', async () => {
  const nothing = await place.lbi('show', 'r-nothing');
  assert.equal(nothing.exitCode, 3);
  assert.match(nothing.stderr, /no run is called "r-nothing"; the newest are r-/);
  const task = await place.lbi('show', '@last', 'no-such-task');
  assert.equal(task.exitCode, 3);
  assert.doesNotMatch(task.stderr, /\n +at /);
});
