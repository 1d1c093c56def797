/** A run is steered while it goes: paused, tuned, retried, cancelled; what is mended is noticed; nothing is paid twice for it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import { execa } from 'execa';
import type { Failure } from '../../cli/failures.ts';
import { type CountingServer, countingServer, type Refusal } from './model-server.ts';
import { lastEvent, launch, listed, makePlace, oneTaskScript, type Place, progressWhen, room, until } from './place.ts';

const shipped = join(dirname(fileURLToPath(import.meta.url)), 'lamps.script.yaml');
const main = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'cli', 'main.ts');
const closing: (() => Promise<void>)[] = [];
after(async () => {
  for (const close of closing.reverse()) await close();
});

let models: CountingServer;
let place: Place;
let client: Client;
/** What the models refuse at the moment. */
let refuse: (question: string) => Refusal | Promise<Refusal> = () => undefined;

before(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lbi-control-'));
  closing.push(() => rm(folder, { recursive: true, force: true }));
  const script = join(folder, 'one-task.yaml');
  await writeFile(script, oneTaskScript(await readFile(shipped, 'utf8')));
  models = await countingServer(script, 120, (question) => refuse(question));
  closing.push(models.close);
  const asked = `provider: openai, base_url: "${models.url}"`;
  place = await makePlace({
    documents: 8,
    oneTask: true,
    models: `  writer: { ${asked}, model: writer, api_key: "\${secret:LAMPS_KEY}" }\n  judge: { ${asked}, model: judge }`,
    // Every run continues as new several times while it is steered.
    environment: { LBI_PROBE: '1', LBI_PROBE_LONGEST: '2', LBI_HISTORY_EVENTS: '120', LBI_SWEEP: '2' },
    change: (text) =>
      text
        .replaceAll(/uses: (instruct|interact|construct),/g, '$& retry: { attempts: 2, first_wait: 0.1 },')
        .replace('members: [writer, judge]', 'members: [writer, { model: judge, optional: true }]'),
  });
  closing.push(place.close);
});

beforeEach(() => {
  refuse = () => undefined;
  models.replies.clear();
});
const keyFile = (): Promise<void> => writeFile(join(place.folder, '.env'), 'LAMPS_KEY=put-in-place\n');
/** Starts the pipeline; the key is there. */
async function begin(...args: string[]): Promise<string> {
  await keyFile();
  const run = await launch(place, ...args);
  client ??= await place.client();
  return run;
}

/** Runs with models of one number share no reply with those of another. */
const apart = (number: number, ...args: string[]): string[] => [
  ...['--set', `models.writer.model=writer-${number}`, '--set', `models.judge.model=judge-${number}`],
  ...args,
];

const json = async <T>(...args: string[]): Promise<T> => {
  const { stdout, stderr, exitCode } = await place.lbi(...args, '--json');
  assert.equal(exitCode, 0, stderr);
  return JSON.parse(stdout) as T;
};

const sum = (): number => [...models.replies.values()].flat().length;

/** Waits until the models are left alone for a while. */
async function quiet(): Promise<number> {
  for (let seen = -1; ; ) {
    const now = sum();
    if (now === seen) return now;
    seen = now;
    await sleep(1500);
  }
}

test('a key put in place is noticed without a word, by the run itself as by its episodes', async () => {
  const run = await launch(place, ...apart(1));
  client = await place.client();
  const id = `lamps/${run}`;
  const waiting = await progressWhen(client, run, ({ blocked }) => blocked[id] !== undefined);
  assert.match(waiting.waits?.[0]?.on ?? '', /LAMPS_KEY is not set/);
  assert.match((await place.lbi('show', run)).stdout, /blocked \d+s: .*LAMPS_KEY is not set[\s\S]*lbi resume/);
  // It tries, in vain, and goes on waiting for the same reason since the same moment.
  const next = waiting.waits?.[0]?.next ?? 0;
  const tried = await progressWhen(client, run, ({ waits = [] }) => (waits[0]?.next ?? 0) > next);
  assert.deepEqual([tried.waits?.length, tried.waits?.[0]?.since], [1, waiting.waits?.[0]?.since]);

  refuse = (question) => (question.includes('You are an agent') ? 401 : undefined);
  await keyFile();
  const rejected = await progressWhen(client, run, ({ waits }) => waits?.[0]?.count === 8);
  assert.equal(rejected.waits?.length, 1, 'eight episodes on one reason are one line');
  const blocked = await until(async () => {
    const ids = await listed(client, `LbiBlockedOn IS NOT NULL AND ExecutionStatus = 'Running'`);
    return ids.length === 9 ? ids : undefined;
  }, 'eight episodes and their run under LbiBlockedOn');
  assert.ok(blocked.includes(id));
  // One of them tries at a time, not all eight.
  const before = models.refused.length;
  await sleep(5000);
  const tries = models.refused.length - before;
  assert.ok(tries >= 1 && tries <= 5, `${tries} tries in five seconds`);
  refuse = () => undefined;
  const done = lastEvent((await place.lbi('attach', run, '--json')).stdout);
  assert.equal(done.status, 'COMPLETED', JSON.stringify(done));
  assert.deepEqual(done.progress.funnel.outcomes, { finished: 8 });
  assert.deepEqual(done.progress.waits, []);
});

test('a paused run asks nobody, through kill -9, until it is resumed; nothing is asked twice', async () => {
  const run = await begin(...apart(2, '--set', 'stages.1.concurrency=3'));
  const id = `lamps/${run}`;
  await progressWhen(client, run, ({ funnel, inFlight }) => inFlight >= 2 && funnel.tasks >= 3);
  const first = await json<{ paused: boolean; already: boolean }>('pause', run);
  assert.deepEqual([first.paused, first.already], [true, false]);
  const again = await json<{ paused: boolean; already: boolean }>('pause', run);
  assert.deepEqual([again.paused, again.already], [true, true]);
  const still = await quiet();
  const rows = await json<{ run: string; phase: string }[]>('runs');
  assert.equal(rows.find((row) => row.run === run)?.phase, 'paused');
  assert.match((await place.lbi('show', run)).stdout, /paused/);
  const paused = await listed(client, `LbiBlockedOn = 'paused' AND ExecutionStatus = 'Running'`);
  assert.ok(paused.includes(id) && paused.length >= 2, `run and episodes under LbiBlockedOn: ${paused}`);
  const { pausedAt } = await progressWhen(client, run, () => true);

  const state = await readFile(join(place.folder, '.lbi', 'worker.json'), 'utf8');
  const { pid } = JSON.parse(state) as { pid: number };
  process.kill(pid, 'SIGKILL');
  await until(async () => {
    const text = await readFile(join(place.folder, '.lbi', 'worker.json'), 'utf8').catch(() => '{}');
    const now = JSON.parse(text) as { pid?: number; ready?: boolean };
    return now.ready === true && now.pid !== pid ? true : undefined;
  }, 'another worker');
  const held = await progressWhen(client, run, (progress) => progress.pausedAt != null);
  assert.equal(held.pausedAt, pausedAt);
  assert.equal(await quiet(), still, 'a paused run asks nobody');
  assert.ok(held.funnel.episodes < 8);

  await place.lbi('resume', run);
  const done = lastEvent((await place.lbi('attach', run, '--json')).stdout);
  assert.equal(done.status, 'COMPLETED', JSON.stringify(done));
  assert.deepEqual(done.progress.funnel.outcomes, { finished: 8 });
  assert.equal(done.progress.pausedAt, null);
  assert.deepEqual(
    [...models.replies.values()].filter(({ length }) => length > 1),
    [],
    'a question was paid twice',
  );
  assert.deepEqual(await listed(client, `LbiBlockedOn IS NOT NULL AND ExecutionStatus = 'Running'`), []);
});

test('tune widens and narrows a run while it goes; a paused one is cancelled at once; attach is left with Ctrl-C', async () => {
  // Slow enough for a person's commands to come in between.
  refuse = async (question) => {
    if (question.includes('You are an agent')) await sleep(1500);
    return undefined;
  };
  const run = await begin(...apart(3, '--set', 'stages.1.concurrency=1'));
  await progressWhen(client, run, ({ funnel, inFlight }) => inFlight === 1 && funnel.tasks >= 2);
  await json('tune', run, '--concurrency', '4');
  await progressWhen(client, run, ({ inFlight }) => inFlight === 4);
  const { concurrency } = await json<{ concurrency: number }>('tune', run, '--concurrency', '2');
  assert.equal(concurrency, 2);
  const drained = await progressWhen(client, run, ({ inFlight }) => inFlight <= 2);
  assert.equal(drained.concurrency, 2);
  assert.ok(drained.funnel.episodes < 6, 'it was still at work');

  await json('pause', run);
  const attached = execa(process.execPath, [main, 'attach', run], {
    cwd: place.folder,
    env: place.environment,
    reject: false,
  });
  await once(attached.stderr, 'data');
  attached.kill('SIGINT');
  const left = await attached;
  assert.equal(left.exitCode, 4, left.stderr);
  assert.match(left.stderr, /left; the run goes on in the background/);

  const began = Date.now();
  await json('cancel', run);
  const done = lastEvent((await place.lbi('attach', run, '--json')).stdout);
  assert.equal(done.status, 'CANCELLED');
  assert.ok(Date.now() - began < 30_000);
  assert.deepEqual(await listed(client, `LbiRun = '${run}' AND ExecutionStatus = 'Running'`), []);
  const twice = await json<{ cancelled: boolean }>('cancel', run);
  assert.equal(twice.cancelled, false);

  refuse = () => 401;
  const stuck = await begin(...apart(6));
  await progressWhen(client, stuck, ({ blocked }) => blocked[`lamps/${stuck}`] !== undefined);
  await json('cancel', stuck);
  assert.equal(lastEvent((await place.lbi('attach', stuck, '--json')).stdout).status, 'CANCELLED');

  // One that waits for a person while it makes its dataset ends without it; all it takes is found from before.
  refuse = () => undefined;
  await writeFile(join(place.folder, 'taken'), '');
  const late = await begin('--set', 'stages.5.path=taken/x');
  await progressWhen(client, late, ({ phase, blocked }) => phase === 'finishing' && Object.keys(blocked).length > 0);
  assert.equal((await json<{ phase: string }>('cancel', late)).phase, 'finishing');
  assert.equal(lastEvent((await place.lbi('attach', late, '--json')).stdout).status, 'CANCELLED');
});

/** One failure of each class, by room; and one room whose key is rejected, which keeps the run open. */
const trouble = (question: string): Refusal => {
  const about = (index: number): boolean => question.includes(room(index));
  const agent = question.includes('You are an agent');
  const votes = question.includes('judge training data');
  if (about(0) && agent) return 500;
  if (about(1) && question.includes('invent tasks')) return 500;
  if (about(2) && question.includes('invent tasks')) return 'babble';
  if (about(3) && agent) return 'babble';
  if (about(4) && agent) return 422;
  if (votes && question.includes('"model":"judge-')) return 'babble';
  return undefined;
};

const byClass = (failures: Failure[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { class: name, count } of failures) counts[name] = (counts[name] ?? 0) + count;
  return counts;
};

test('what failed is counted by class and listed; a run that goes on takes it up again and pays for nothing else', async () => {
  // One agent is still asked: a refusal of its key would be everybody's.
  let letGo = (): void => undefined;
  const held = new Promise<Refusal>((resolve) => {
    letGo = () => resolve(undefined);
  });
  const open = (question: string): Promise<Refusal> | undefined =>
    question.includes(room(7)) && question.includes('You are an agent') ? held : undefined;
  refuse = (question) => open(question) ?? trouble(question);
  const run = await begin(...apart(4));
  const settled = await progressWhen(client, run, ({ funnel, inFlight }) => funnel.episodes === 5 && inFlight === 1);
  const { judge = 0, ...counted } = settled.funnel.failures ?? {};
  assert.deepEqual(counted, { infrastructure: 2, model: 1, agent: 1, spec: 1 });
  assert.ok(judge > 0);
  assert.equal(settled.funnel.documentsFailed, 1);
  const { failures } = await json<{ failures: Failure[] }>('failures', run);
  assert.deepEqual(byClass(failures), settled.funnel.failures);
  const spec = failures.find(({ class: name }) => name === 'spec');
  assert.match(`${spec?.what} ${spec?.why} ${spec?.look}`, /^task .*422.*lbi show/);
  assert.ok(failures.every(({ at }) => at !== null && Date.parse(at) > settled.startedAt));
  const kept = settled.funnel.kept;
  assert.ok(kept > 0, 'an unreadable vote of an optional member is nobody’s no');

  refuse = open;
  const one = await json<{ retried: object }>('retry', run, '--class', 'spec');
  assert.deepEqual(one.retried, { spec: 1 });
  await progressWhen(client, run, ({ funnel }) => funnel.failures?.spec === undefined && funnel.episodes === 5);
  await json('retry', run);
  await progressWhen(
    client,
    run,
    ({ funnel, inFlight }) =>
      Object.keys(funnel.failures ?? {}).length === 0 && funnel.episodes === 7 && inFlight === 1,
  );
  const none = await place.lbi('retry', run);
  assert.deepEqual([none.exitCode, none.stderr.includes('nothing to retry')], [0, true], none.stderr);
  refuse = () => undefined;
  letGo();
  const done = lastEvent((await place.lbi('attach', run, '--json')).stdout);
  assert.equal(done.status, 'COMPLETED', JSON.stringify(done));
  assert.deepEqual(done.progress.funnel.outcomes, { finished: 8 });
  assert.equal(done.progress.funnel.tasks, 8);
  assert.deepEqual(done.progress.funnel.failures, {});
  assert.equal(done.progress.funnel.documentsFailed, 0);
  assert.deepEqual(
    [...models.replies.values()].filter(({ length }) => length > 1),
    [],
    'a question was paid twice',
  );
  const check = await json<{ problems: unknown[] }>('check', run);
  assert.deepEqual(check.problems, []);
});

test('of a run that has ended, a new one takes over all that is finished and does the failed part again', async () => {
  refuse = trouble;
  await keyFile();
  const first = lastEvent((await place.lbi('run', 'pipeline.yaml', '--json', ...apart(5))).stdout);
  assert.equal(first.status, 'COMPLETED', JSON.stringify(first));
  refuse = () => undefined;
  const { by, retried } = await json<{ by: string; retried: object }>('retry', first.run, '--yes');
  assert.deepEqual(retried, first.progress.funnel.failures);
  const done = lastEvent((await place.lbi('attach', by, '--json')).stdout);
  assert.equal(done.status, 'COMPLETED', JSON.stringify(done));
  assert.deepEqual(done.progress.funnel.outcomes, { finished: 8 });
  assert.deepEqual(done.progress.funnel.failures ?? {}, {});
  assert.deepEqual(
    [...models.replies.values()].filter(({ length }) => length > 1),
    [],
    'a question was paid twice',
  );
  const again = await json<{ by: string; retried: object }>('retry', first.run);
  assert.deepEqual([again.by, again.retried], [by, {}]);
  const nothing = await place.lbi('retry', by);
  assert.deepEqual([nothing.exitCode, /nothing to retry/.test(nothing.stderr)], [0, true]);

  // The pipeline as it is finds what was made anew, and asks nobody.
  const asked = sum();
  const plain = lastEvent((await place.lbi('run', 'pipeline.yaml', '--json', ...apart(5))).stdout);
  assert.deepEqual(plain.progress.funnel.outcomes, { finished: 8 });
  assert.equal(plain.progress.funnel.episodesReused, 8);
  assert.deepEqual([plain.progress.dataset?.kept, sum()], [done.progress.dataset?.kept, asked]);
});
