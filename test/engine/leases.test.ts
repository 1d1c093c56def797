/** Leases on a real server, over two machines: never two at once, first come first served, and whoever is gone makes room. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { LeaseState } from '../../schemas/flow.ts';
import { episodeCalls, type Machines, makeMachines } from './machines.ts';
import { countingServer } from './model-server.ts';
import { lastEvent, launch, listed, oneTaskScript, type Place, until } from './place.ts';

const shipped = join(dirname(fileURLToPath(import.meta.url)), 'lamps.script.yaml');
const closing: (() => Promise<void>)[] = [];
/** Epochs that the shared place was reset with, in order. */
const resets: number[] = [];
let machines: Machines;
let script = '';
let resetUrl = '';

before(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lbi-script-'));
  closing.push(() => rm(folder, { recursive: true, force: true }));
  script = join(folder, 'one-task.yaml');
  await writeFile(script, oneTaskScript(await readFile(shipped, 'utf8')));
  const site = createServer((request, response) => {
    assert.equal(request.method, 'POST');
    resets.push(Number(request.headers['x-lbi-epoch']));
    response.end('done');
  });
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
  closing.push(async () => void site.close());
  resetUrl = `http://127.0.0.1:${(site.address() as AddressInfo).port}/reset`;
  machines = await makeMachines({ LBI_SWEEP: '1' });
  closing.push(machines.close);
});
after(async () => {
  for (const close of closing.reverse()) await close();
});

async function placeFor(name: string, lease: string, documents: number, delay: number): Promise<Place> {
  const models = await countingServer(script, delay);
  closing.push(models.close);
  const spec = `{ provider: openai, model: ${name}, base_url: "${models.url}" }`;
  return machines.place({
    documents,
    oneTask: true,
    models: `  writer: ${spec}\n  judge: ${spec}`,
    change: (text) =>
      text
        .replace('name: lamps', `name: ${name}`)
        .replace('items: 4,', `items: 4, lease: { name: ${lease}, reset: { url: "${resetUrl}" } },`)
        .replace('members: [writer, judge]', 'members: [judge]'),
  });
}

const stateOf = (name: string): Promise<LeaseState> =>
  machines.client.workflow.getHandle(`lbi-lease/${name}`).query<LeaseState>('lease');

const leaseWhen = (name: string, wanted: (state: LeaseState) => boolean): Promise<LeaseState> =>
  until(async () => {
    const state = await stateOf(name).catch(() => undefined);
    return state !== undefined && wanted(state) ? state : undefined;
  }, `the lease ${name}`);

/** Who asked, and whom it was given to, in the order of the lease's history. */
async function turns(name: string): Promise<{ asked: string[]; given: string[] }> {
  const { events } = await machines.client.workflow.getHandle(`lbi-lease/${name}`).fetchHistory();
  const asked = (events ?? []).flatMap(({ workflowExecutionSignaledEventAttributes: signal }) => {
    const data = signal?.signalName === 'acquire' ? signal.input?.payloads?.[0]?.data : undefined;
    return data == null ? [] : [(JSON.parse(Buffer.from(data).toString()) as { holder: string }).holder];
  });
  const given = (events ?? []).flatMap(
    ({ signalExternalWorkflowExecutionInitiatedEventAttributes: signal }) =>
      signal?.workflowExecution?.workflowId ?? [],
  );
  return { asked, given };
}

/** Stretches in which sessions were open, by when each was asked for and given up. */
async function overlapping(pipeline: string): Promise<string[]> {
  const calls = (await episodeCalls(machines.client)).filter(({ episode }) => episode.startsWith(`${pipeline}/`));
  const stretches = [...new Set(calls.map(({ episode }) => episode))].map((episode) => {
    const own = calls.filter((call) => call.episode === episode && ['open', 'act', 'close'].includes(call.activity));
    return { episode, from: Math.min(...own.map(({ at }) => at)), to: Math.max(...own.map(({ at }) => at)) };
  });
  return stretches.flatMap((one) =>
    stretches.filter((two) => one !== two && two.from > one.from && two.from < one.to).map(({ episode }) => episode),
  );
}

test('five episodes on two machines, one after the other in the order they asked', {
  timeout: 240_000,
}, async (context) => {
  await machines.worker('b');
  const a = await placeFor('turns', 'board', 5, 150);
  const done = lastEvent((await a.lbi('run', 'pipeline.yaml', '--json')).stdout);
  assert.equal(done.status, 'COMPLETED', JSON.stringify(done));
  assert.deepEqual(done.progress.funnel.outcomes, { finished: 5 });
  const { asked, given } = await turns('board');
  assert.deepEqual(given, [...new Set(asked)]);
  assert.equal(given.length, 5);
  assert.deepEqual(await overlapping('turns'), []);
  assert.equal(resets.length, 5);
  assert.deepEqual(
    resets,
    [...new Set(resets)].sort((one, other) => one - other),
    'epochs rise',
  );
  const hosts = (await episodeCalls(machines.client))
    .filter(({ activity }) => activity === 'open')
    .map(({ by }) => by[0]);
  context.diagnostic(`opened on ${hosts.join(' ')}`);
  const free = await leaseWhen('board', ({ holders, waiting }) => holders.length + waiting.length === 0);
  assert.deepEqual(free.holders, []);
  await a.lbi('down');
});

test('a holder that is terminated, one whose lease is taken, one whose worker dies, and one that is cancelled while it waits', {
  timeout: 300_000,
}, async () => {
  resets.length = 0;
  const a = await placeFor('troubled', 'stage', 5, 1500);
  const run = await launch(a);
  const { client } = machines;
  const full = await leaseWhen('stage', ({ holders, waiting }) => holders.length === 1 && waiting.length === 4);
  const [first = '', second = '', third = '', fourth = '', fifth = ''] = [...full.holders, ...full.waiting].map(
    ({ holder }) => holder,
  );
  const blocked = await until(async () => {
    const ids = await listed(client, `LbiBlockedOn = 'lease stage'`);
    return ids.length === 4 ? ids : undefined;
  }, 'four that wait');
  assert.deepEqual(blocked, [second, third, fourth, fifth].sort());
  const shown = (await a.lbi('leases')).stdout;
  assert.match(shown, new RegExp(`^stage\\n  held by ${first}  for .*\\n  1\\. in turn ${second}  for`));
  assert.match((await a.lbi('show', run)).stdout, new RegExp(`4 wait for the lease stage, held by ${first} since 20`));

  // Terminated: it gives nothing back itself.
  await client.workflow.getHandle(first).terminate('by hand');
  const next = await leaseWhen('stage', ({ holders }) => holders[0]?.holder === second);
  assert.equal(next.waiting.length, 3);

  // Cancelled while it waits: it leaves the queue.
  await client.workflow.getHandle(third).cancel();
  await leaseWhen('stage', ({ waiting }) => !waiting.some(({ holder }) => holder === third));

  // Taken: the next has it, and the one before asks again and comes last.
  const taken = await a.lbi('leases', '--release', 'stage', '--json');
  assert.equal(taken.exitCode, 0, taken.stderr);
  const after = await leaseWhen(
    'stage',
    ({ holders, waiting }) => holders[0]?.holder === fourth && waiting.length === 2,
  );
  assert.deepEqual(
    after.waiting.map(({ holder }) => holder),
    [fifth, second],
  );
  const wrong = await a.lbi('leases', '--release', 'stages');
  assert.equal(wrong.exitCode, 3);
  assert.match(wrong.stderr, /nobody holds the lease "stages"; held are stage/);

  // Its worker dies: the same episode goes on, under a higher epoch, and nobody comes in between.
  const acts = async () =>
    (await episodeCalls(client)).filter(({ episode, activity }) => episode === fourth && activity === 'act');
  const [begun] = await until(async () => ((await acts()).length > 0 ? acts() : undefined), 'its first action');
  process.kill(Number(begun?.by.split('.').at(-2)), 'SIGKILL');
  const epoch = after.holders[0]?.epoch ?? 0;
  const renewed = await leaseWhen('stage', ({ holders }) => holders[0]?.holder === fourth && holders[0].epoch > epoch);
  assert.deepEqual(
    renewed.waiting.map(({ holder }) => holder),
    [fifth, second],
  );

  const done = lastEvent((await a.lbi('attach', run, '--json')).stdout);
  assert.equal(done.status, 'COMPLETED', JSON.stringify(done));
  assert.deepEqual(done.progress.funnel.outcomes, { failed: 2, finished: 3 });
  assert.deepEqual(
    resets,
    [...new Set(resets)].sort((one, other) => one - other),
    'epochs rise',
  );
  await leaseWhen('stage', ({ holders, waiting }) => holders.length + waiting.length === 0);
  assert.deepEqual(await listed(client, `LbiBlockedOn IS NOT NULL AND ExecutionStatus = 'Running'`), []);
});
