/** What a run kept is given back to the agent of the next: found by the observation and by a query that a model writes. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { lastEvent, makePlace, type Place } from './place.ts';

let place: Place;
before(async () => {
  place = await makePlace({ documents: 2 });
});
after(() => place.close());

test('knowledge from an index enters the prompts, and only the work that sees it is done anew', async () => {
  const first = await place.lbi('run', 'pipeline.yaml', '--json', '--set', 'stages.4.embedding=local');
  assert.equal(first.exitCode, 0, first.stderr);
  const { run } = lastEvent(first.stdout);
  const knowledge = `{ index: ${run}, observation: { k: 2 }, model: { k: 2, query_model: writer }, max_tokens: 500 }`;
  const second = await place.lbi('run', 'pipeline.yaml', '--json', '--set', `stages.1.knowledge=${knowledge}`);
  assert.equal(second.exitCode, 0, second.stderr);
  const { progress } = lastEvent(second.stdout);
  assert.equal(progress.funnel.episodesReused, 0);
  // The same questions would have been answered from the store: these are new ones, with examples in them.
  assert.ok((progress.usage['interact/writer']?.calls ?? 0) > 0);
  assert.ok((progress.usage['query/writer']?.calls ?? 0) > 0);
  assert.equal(progress.usage['instruct/writer']?.calls, 0);
});

test('an index that is not there is named before anything starts', async () => {
  const { exitCode, stderr } = await place.lbi(
    'run',
    'pipeline.yaml',
    '--set',
    'stages.1.knowledge={ index: r-none, observation: { k: 2 } }',
  );
  assert.equal(exitCode, 3);
  assert.match(stderr, /no index in .*r-none/);
});
