/** Two machines: work is shared, a killed one is made up for by the other, one that is asked to stop hands its sessions back at once. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { WorkerRecord } from '../../cli/workers.ts';
import type { Progress } from '../../schemas/flow.ts';
import { episodeCalls, type Machines, makeMachines } from './machines.ts';
import { type CountingServer, countingServer } from './model-server.ts';
import { checksums, lastEvent, launch, oneTaskScript, until } from './place.ts';

const shipped = join(dirname(fileURLToPath(import.meta.url)), 'lamps.script.yaml');
const documents = 12;
/** Actions of an episode: enough that those of both machines are still at it when one of them goes. */
const steps = 12;
/** milliseconds that a reply takes */
const delay = 600;

const closing: (() => Promise<void>)[] = [];
let models: CountingServer;
let machines: Machines;
before(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lbi-script-'));
  closing.push(() => rm(folder, { recursive: true, force: true }));
  const script = join(folder, 'one-task.yaml');
  const text = oneTaskScript(await readFile(shipped, 'utf8'));
  const rules = Array.from(
    { length: steps },
    (_, step) =>
      `  - { role: decide, step: ${step}, reply: { reason: "On.", action: { name: switch, lamp: lamp-${(step % 4) + 1} } } }`,
  );
  await writeFile(script, text.replace('rules:', ['rules:', ...rules].join('\n')));
  models = await countingServer(script, delay);
  closing.push(models.close);
  machines = await makeMachines();
  closing.push(machines.close);
});
after(async () => {
  for (const close of closing.reverse()) await close();
});

/** The judge follows a script that lies beside the pipeline: no other machine has it. */
const options = (name: string) => {
  const writer = `{ provider: openai, model: lamps, base_url: "${models.url}" }`;
  return {
    documents,
    oneTask: true,
    models: `  writer: ${writer}\n  judge: { provider: scripted, script: lamps.script.yaml }`,
    change: (text: string) =>
      text
        .replace('name: lamps', `name: ${name}`)
        .replace('concurrency: 10', 'concurrency: 16')
        .replace('max_steps: 6', `max_steps: ${steps + 2}, stuck_after: 5`)
        .replace('styles: [new-task, original]', 'styles: [original]')
        .replace('members: [writer, judge]', 'members: [judge]'),
  };
};

/** Questions that were answered more than once; two machines may come to the same one at the same moment. */
const repeated = (): number[][] =>
  [...models.replies.values()].filter((times) => (times.at(-1) ?? 0) - (times[0] ?? 0) > delay + 400);

/** The undisturbed run on one machine. */
let calm: Promise<{ sums: Record<string, string>; asked: string[] }> | undefined;
async function undisturbed(): Promise<{ sums: Record<string, string>; asked: string[] }> {
  calm ??= (async () => {
    models.replies.clear();
    // Another store: nothing that it does is known to the runs that are compared with it.
    const store = machines.shared.LBI_STORE?.replace('/lbi', '/calm') ?? '';
    const place = await machines.place({ ...options('lamps'), environment: { LBI_STORE: store } });
    const done = lastEvent((await place.lbi('run', 'pipeline.yaml', '--json')).stdout);
    assert.equal(done.status, 'COMPLETED', JSON.stringify(done));
    await place.lbi('down');
    return { sums: await checksums(done.progress.dataset?.folder ?? ''), asked: [...models.replies.keys()].sort() };
  })();
  return calm;
}

const by = (name: string, host: string): boolean => name.startsWith(`${host}.`);

test('a run from one machine is worked on by both; one is killed in the middle, and the dataset is that of the undisturbed run', {
  timeout: 300_000,
}, async (context) => {
  const wanted = await undisturbed();
  models.replies.clear();
  const b = await machines.worker('b');
  const a = await machines.place(options('killed'));
  // A worker with another store must not be there in the next test.
  context.after(() => a.lbi('down'));
  const run = await launch(a);
  const busy = await until(
    async () => {
      const all = (await episodeCalls(machines.client)).filter(({ episode }) => episode.startsWith('killed/'));
      const calls = all.filter(({ activity }) => activity === 'act');
      const there = new Set(calls.filter((call) => by(call.by, 'b')).map(({ episode }) => episode));
      return there.size >= 3 && calls.some((call) => by(call.by, 'a')) ? there : undefined;
    },
    'acts on both machines',
    90,
  );
  const killed = Date.now();
  await b.end('SIGKILL');
  const listed = JSON.parse((await a.lbi('workers', '--json')).stdout) as WorkerRecord[];
  assert.deepEqual(listed.map(({ host }) => host).sort(), ['a', 'b']);
  const done = lastEvent((await a.lbi('attach', run, '--json')).stdout);
  assert.equal(done.status, 'COMPLETED', JSON.stringify(done));
  assert.deepEqual(done.progress.funnel.outcomes, { finished: documents });

  const calls = (await episodeCalls(machines.client)).filter(({ episode }) => episode.startsWith('killed/'));
  const opened = (host: string): number =>
    calls.filter(({ activity, by: name }) => activity === 'open' && by(name, host)).length;
  context.diagnostic(
    `sessions opened: a ${opened('a')}, b ${opened('b')}; ${busy.size} episodes had acted on b when it was killed`,
  );
  assert.ok(opened('a') > 0 && opened('b') > 0);
  assert.ok(opened('a') + opened('b') > documents, 'the kill hit no session');
  // What only one machine can do is left to it; what belongs beside the pipeline is written there.
  assert.deepEqual(
    calls.filter(({ activity, by: name }) => activity === 'vote' && by(name, 'b')),
    [],
  );
  assert.ok(done.progress.dataset?.folder?.startsWith(a.folder));
  const lacks = Object.values(listed.find(({ host }) => host === 'b')?.lacks ?? {});
  assert.ok(
    lacks.every((why) => /there is no .*lamps\.script\.yaml/.test(why)),
    lacks.join(),
  );
  assert.deepEqual(await checksums(done.progress.dataset?.folder ?? ''), wanted.sums);
  assert.deepEqual([...models.replies.keys()].sort(), wanted.asked);
  // Only what was under way at the kill is asked again: its reply never reached the store.
  const underWay = calls.filter(({ activity, attempt }) => activity === 'decide' && attempt > 1).length;
  const again = repeated();
  context.diagnostic(`${again.length} questions were asked again; ${underWay} were under way on b at the kill`);
  assert.ok(again.length <= underWay, `${again.length} questions asked again, ${underWay} under way`);
  assert.ok(again.every(([first = 0]) => first < killed + 100));
});

test('a machine that is asked to stop hands its sessions back: they act elsewhere at once, and no question is repeated', {
  timeout: 300_000,
}, async (context) => {
  const wanted = await undisturbed();
  models.replies.clear();
  // So long that a session which is waited for would show; and a store in which nothing is done yet.
  const store = machines.shared.LBI_STORE?.replace('/lbi', '/second') ?? '';
  const environment = { LBI_LOST_AFTER: '60', LBI_STORE: store };
  const b = await machines.worker('c', { environment });
  const a = await machines.place({ ...options('stopped'), environment });
  context.after(() => a.lbi('down'));
  const run = await launch(a);
  const mine = async () =>
    (await episodeCalls(machines.client)).filter(({ episode }) => episode.startsWith('stopped/'));
  const holds = await until(
    async () => {
      const acts = (await mine()).filter(({ activity }) => activity === 'act');
      const latest = new Map(acts.map((call) => [call.episode, call.by]));
      const there = [...latest].filter(([, name]) => by(name, 'c')).map(([episode]) => episode);
      return there.length >= 3 ? there : undefined;
    },
    'three episodes that act on the other machine',
    90,
  );
  const asked = Date.now();
  await b.end('SIGTERM');
  const took = Date.now() - asked;
  const done = lastEvent((await a.lbi('attach', run, '--json')).stdout);
  assert.equal(done.status, 'COMPLETED', JSON.stringify(done));
  assert.deepEqual(done.progress.funnel.outcomes, { finished: documents });
  const calls = await mine();
  const again = holds.flatMap((episode) => {
    const next = calls.find(
      (call) => call.episode === episode && call.activity === 'act' && by(call.by, 'a') && call.at > asked,
    );
    return next === undefined ? [] : [Math.round(next.at - asked) / 1000];
  });
  const latest = Math.max(...again);
  context.diagnostic(
    `${holds.length} episodes held a session there; ${again.length} acted again elsewhere, after ${again.join(', ')} s; the worker was gone after ${took / 1000} s`,
  );
  assert.ok(again.length > 0, 'nothing was handed back');
  assert.deepEqual(
    calls.filter(({ ended }) => ended === 'timed-out'),
    [],
  );
  assert.ok(latest < 25, `${latest} s until all acted again`);
  assert.deepEqual(repeated(), []);
  assert.deepEqual([...models.replies.keys()].sort(), wanted.asked);
  assert.deepEqual(await checksums(done.progress.dataset?.folder ?? ''), wanted.sums);
});

test('what is on no machine that serves is said, with the machine and what to do; put in place, the run goes on', {
  timeout: 240_000,
}, async () => {
  const given = options('missing');
  const environment = { LBI_STORE: machines.shared.LBI_STORE?.replace('/lbi', '/third') ?? '' };
  const a = await machines.place({
    ...given,
    documents: 2,
    environment,
    change: (text) =>
      given
        .change(text)
        .replace(/kind: scripted, items: 4/, 'kind: shell, copy: box')
        .replace('max_steps: 14', 'max_steps: 1'),
  });
  const box = join(a.folder, 'box');
  await mkdir(box);
  await writeFile(join(box, 'lamp.txt'), 'off');
  const run = await launch(a);
  await rename(box, `${box}-away`);
  const handle = machines.client.workflow.getHandle(`missing/${run}`);
  const blocked = await until(
    async () => {
      const progress = await handle.query<Progress>('progress').catch(() => undefined);
      return progress !== undefined && Object.keys(progress.blocked).length === 2 ? progress.blocked : undefined;
    },
    'both episodes blocked',
    90,
  );
  for (const why of Object.values(blocked))
    assert.match(
      why,
      /the folder that the place begins with is not on this machine: put .*box there, or start a worker where it is .*lbi resume RUN \(on the machine a\)$/,
    );
  await rename(`${box}-away`, box);
  await a.lbi('resume', run);
  const done = lastEvent((await a.lbi('attach', run, '--json')).stdout);
  assert.equal(done.status, 'COMPLETED', JSON.stringify(done));
  assert.equal(done.progress.funnel.episodes, 2);
  assert.deepEqual(done.progress.blocked, {});
});
