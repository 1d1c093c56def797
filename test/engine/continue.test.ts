/** A run that continues as new again and again: nothing is lost, nothing is done twice, and the dataset is the same. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { addUsage, noUsage } from '../../core/usage.ts';
import type { Usage } from '../../schemas/common.ts';
import { checksums, type Done, lastEvent, listed, makePlace, type Place } from './place.ts';

const documents = 40;
const places: Place[] = [];
after(async () => {
  for (const place of places) await place.close();
});

async function whole(environment: Record<string, string>): Promise<{ done: Done; runs: number; place: Place }> {
  const place = await makePlace({ documents, oneTask: true, environment });
  places.push(place);
  const { stdout, stderr, exitCode } = await place.lbi('run', 'pipeline.yaml', '--json');
  assert.equal(exitCode, 0, stderr || stdout.slice(-2000));
  const done = lastEvent(stdout);
  const client = await place.client();
  const runs = await listed(client, `WorkflowId = 'lamps/${done.run}'`);
  const episodes = await listed(client, `WorkflowType = 'episode'`);
  assert.equal(new Set(episodes).size, episodes.length, 'an episode was started twice');
  assert.equal(episodes.length, documents);
  await place.lbi('down');
  return { done, runs: runs.length, place };
}

const total = ({ progress }: Done): Usage => Object.values(progress.usage).reduce(addUsage, noUsage);

test('forty documents over many continuations give what one history gives', { timeout: 240_000 }, async (context) => {
  const calm = await whole({});
  const chopped = await whole({ LBI_HISTORY_EVENTS: '100' });
  context.diagnostic(`${chopped.runs} runs of one workflow`);
  assert.equal(calm.runs, 1);
  assert.ok(chopped.runs >= 4, `only ${chopped.runs} runs: the bound did not bite`);
  assert.deepEqual(chopped.done.progress.funnel, calm.done.progress.funnel);
  // The two members share one model, so that a question is paid by whoever asks it first: the sum is what counts.
  assert.deepEqual(total(chopped.done), total(calm.done));
  assert.equal(calm.done.progress.funnel.episodes, documents);
  const [one, other] = [calm, chopped].map(({ done }) => done.progress.dataset?.folder ?? '');
  assert.deepEqual(await checksums(other ?? ''), await checksums(one ?? ''));
});
