/** A worker that is killed is not waited for: the next one says that the sessions are gone and does again what was begun. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { lastEvent, launch, listed, makePlace, type Place, progressWhen, recordedPid, until } from './place.ts';

/** Far more than the whole test may take: what waited for a time-out would not end in time. */
const patience = '200';

let place: Place | undefined;
after(async () => place?.close());

test('episodes go on at once after kill -9, whatever the time-outs are', { timeout: 170_000 }, async (context) => {
  place = await makePlace({
    documents: 4,
    oneTask: true,
    models: ['writer', 'judge']
      .map((name) => `  ${name}: { provider: scripted, script: lamps.script.yaml, delay: 1.5 }`)
      .join('\n'),
    environment: { LBI_LOST_AFTER: patience, LBI_HEARTBEAT: patience },
  });
  const run = await launch(place);
  const client = await place.client();
  await progressWhen(client, run, ({ inFlight }) => inFlight === 4);
  const acted = async (): Promise<true | undefined> => {
    const ids = await listed(client, `WorkflowType = 'episode'`);
    const lengths = await Promise.all(
      ids.map(async (id) => (await client.workflow.getHandle(id).describe()).historyLength),
    );
    return lengths.every((length) => length > 14) || undefined;
  };
  await until(acted, 'every episode has its session');
  process.kill((await recordedPid(place, 'worker')) ?? 0, 'SIGKILL');
  const killed = Date.now();
  const { status, progress } = lastEvent((await place.lbi('attach', run, '--json')).stdout);
  context.diagnostic(`done ${((Date.now() - killed) / 1000).toFixed(0)} s after the kill`);
  assert.equal(status, 'COMPLETED');
  assert.deepEqual(progress.funnel.outcomes, { finished: 4 });
});
