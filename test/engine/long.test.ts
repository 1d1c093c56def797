/** A long episode over many executions, its worker killed in between: it equals the one of a single execution, and nothing is asked twice. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import { addUsage, noUsage } from '../../core/usage.ts';
import type { Usage } from '../../schemas/common.ts';
import type { Trajectory } from '../../schemas/step.ts';
import { type CountingServer, countingServer } from './model-server.ts';
import {
  checksums,
  type Done,
  lastEvent,
  launch,
  listed,
  makePlace,
  oneTaskScript,
  type Place,
  until,
} from './place.ts';

const steps = 40;
const shipped = join(dirname(fileURLToPath(import.meta.url)), 'lamps.script.yaml');
const closing: (() => Promise<void>)[] = [];
let models: CountingServer;

/** Switches one lamp after the other, so that no two neighbouring actions are the same. */
const rules = Array.from(
  { length: steps },
  (_, step) =>
    `  - { role: decide, step: ${step}, reply: { reason: "On.", action: { name: switch, lamp: lamp-${(step % 4) + 1} } } }`,
).join('\n');

before(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lbi-script-'));
  closing.push(() => rm(folder, { recursive: true, force: true }));
  const script = join(folder, 'long.yaml');
  const text = oneTaskScript(await readFile(shipped, 'utf8'));
  await writeFile(script, text.replace('rules:', `rules:\n${rules}`));
  models = await countingServer(script, 30);
  closing.push(models.close);
});
after(async () => {
  for (const close of closing.reverse()) await close();
});

async function placeFor(environment: Record<string, string>): Promise<Place> {
  const spec = `{ provider: openai, model: lamps, base_url: "${models.url}" }`;
  const place = await makePlace({
    documents: 1,
    oneTask: true,
    models: `  writer: ${spec}\n  judge: ${spec.replace('lamps', 'judge')}`,
    environment,
    change: (text) =>
      text
        .replace('max_steps: 6', `max_steps: ${steps + 5}, stuck_after: 5`)
        .replace('styles: [new-task, original]', 'styles: [new-task, original], max_windows: 30, concurrency: 4'),
  });
  closing.push(place.close);
  return place;
}

/** Executions of the only episode, the first first. */
async function executions(client: Client): Promise<string[]> {
  const runs: { runId: string; at: number }[] = [];
  for await (const { runId, startTime } of client.workflow.list({ query: `WorkflowType = 'episode'` }))
    runs.push({ runId, at: startTime.getTime() });
  return runs.sort((a, b) => a.at - b.at).map(({ runId }) => runId);
}

const total = ({ progress }: Done): Usage => Object.values(progress.usage).reduce(addUsage, noUsage);

async function trajectoryOf(place: Place, run: string): Promise<{ trajectory: Trajectory; chain: unknown[] }> {
  const { progress } = lastEvent((await place.lbi('attach', run, '--json')).stdout);
  assert.equal(progress.funnel.episodes, 1);
  const { stdout } = await place.lbi('show', run, '0000', '--json');
  return JSON.parse(stdout) as { trajectory: Trajectory; chain: unknown[] };
}

test('an episode of forty actions over many executions, its worker killed, is that of one execution', {
  timeout: 240_000,
}, async (context) => {
  const calm = await placeFor({});
  const whole = lastEvent((await calm.lbi('run', 'pipeline.yaml', '--json')).stdout);
  assert.equal(whole.status, 'COMPLETED', JSON.stringify(whole));
  assert.equal((await executions(await calm.client())).length, 1);
  const wanted = await trajectoryOf(calm, whole.run);
  assert.equal(wanted.trajectory.steps, steps);
  const asked = new Map(models.replies);
  models.replies.clear();
  await calm.lbi('down');

  const chopped = await placeFor({ LBI_HISTORY_EVENTS: '90' });
  const run = await launch(chopped);
  const client = await chopped.client();
  await until(async () => ((await executions(client)).length >= 2 ? true : undefined), 'a second execution');
  await sleep(700);
  const state = JSON.parse(await readFile(join(chopped.folder, '.lbi', 'worker.json'), 'utf8')) as { pid: number };
  const killed = Date.now();
  process.kill(state.pid, 'SIGKILL');
  const done = lastEvent((await chopped.lbi('attach', run, '--json')).stdout);
  assert.equal(done.status, 'COMPLETED', JSON.stringify(done));
  const runs = await executions(client);
  const got = await trajectoryOf(chopped, run);
  context.diagnostic(
    `${runs.length} executions; ${models.replies.size} questions; recovered ${got.trajectory.recovered}`,
  );
  assert.ok(runs.length >= 5, `only ${runs.length} executions: the bound did not bite`);

  // What the history of each holds does not grow with the episode.
  for (const runId of runs) {
    const [id = ''] = await listed(client, `WorkflowType = 'episode' AND RunId = '${runId}'`);
    const { events } = await client.workflow.getHandle(id, runId).fetchHistory();
    assert.ok((events?.length ?? 0) < 200, `${events?.length} events`);
    const start = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0]?.data?.length ?? 0;
    assert.ok(start < 20_000, `${start} bytes are carried`);
  }
  assert.equal(got.trajectory.head, wanted.trajectory.head);
  assert.equal(got.trajectory.recovered, 1);
  assert.deepEqual(got.chain, wanted.chain);
  assert.deepEqual(done.progress.funnel, whole.progress.funnel);
  assert.deepEqual(
    await checksums(done.progress.dataset?.folder ?? ''),
    await checksums(whole.progress.dataset?.folder ?? ''),
  );
  assert.deepEqual([...models.replies.keys()].sort(), [...asked.keys()].sort());
  const again = [...models.replies].filter(([, times]) => times.length > 1);
  const unexplained = again.filter(([, times]) => times.slice(0, -1).some((time) => Math.abs(killed - time) > 400));
  assert.deepEqual(unexplained, []);
  assert.deepEqual(total(done), total(whole), 'what was paid is counted once');
  const shown = (await chopped.lbi('show', run, '0000')).stdout;
  assert.match(shown, /the session was lost and opened again once; every replayed action led to the same state/);
});
