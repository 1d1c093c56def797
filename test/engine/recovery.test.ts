/** What an episode does when a part of its place is killed under it: the worker in the middle of a command, the command, the browser, the application. */
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { Step, Trajectory } from '../../schemas/step.ts';
import { type Done, lastEvent, launch, listed, makePlace, type Place, room, until } from './place.ts';

const closing: (() => Promise<void>)[] = [];
after(async () => {
  for (const close of closing.reverse()) await close();
});

/** A script in which the agent does these actions in this order, by the name of the document's room. */
const scriptOf = (rooms: Record<string, string[]>): string =>
  [
    'rules:',
    `  - { role: instruct, when: { user: '"Page of the (?<room>\\w+)"' }, reply: { tasks: ["Do what the \${room} says"] } }`,
    ...Object.entries(rooms).flatMap(([name, actions]) =>
      actions.map(
        (action, step) =>
          `  - { role: decide, when: { user: "Your task: Do what the ${name}" }, step: ${step}, reply: { reason: "Next.", action: ${action} } }`,
      ),
    ),
    '  - { role: decide, reply: { reason: "Done.", action: { name: finish, answer: "Done." } } }',
    '  - { role: [relabel-new-task, relabel-replicate, relabel], reply: { instruction: "Do it." } }',
    '  - { role: vote, reply: { aligned: "yes", coherent: "yes", natural: "yes", reasonable: "yes", reason: "Done." } }',
    '',
  ].join('\n');

const bash = (command: string): string => `{ name: bash, command: ${JSON.stringify(command)} }`;

async function placeFor(kind: string, rooms: Record<string, string[]>, delay: number): Promise<Place> {
  const spec = `{ provider: scripted, script: own.script.yaml, delay: ${delay} }`;
  const place = await makePlace({
    documents: Object.keys(rooms).length,
    oneTask: true,
    models: `  writer: ${spec}\n  judge: { provider: scripted, script: own.script.yaml }`,
    change: (text) =>
      text
        .replace('{ kind: scripted, items: 4, sessions: 8 }', kind)
        .replace('styles: [new-task, original]', 'styles: [original]')
        .replace('max_steps: 6', 'max_steps: 6, stuck_after: 9')
        .replace('members: [writer, judge]', 'members: [judge]'),
  });
  closing.push(place.close);
  await writeFile(join(place.folder, 'own.script.yaml'), scriptOf(rooms));
  return place;
}

/** Processes whose command line holds all of these words. */
async function processes(...words: string[]): Promise<number[]> {
  const found: number[] = [];
  for (const id of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const command = await readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '');
    if (words.every((word) => command.includes(word))) found.push(Number(id));
  }
  return found;
}

const worker = async (place: Place): Promise<number> =>
  (JSON.parse(await readFile(join(place.folder, '.lbi', 'worker.json'), 'utf8')) as { pid: number }).pid;

interface Shown {
  trajectory: Trajectory;
  chain: Step[];
}

async function shown(place: Place, { run }: Done, task: number): Promise<Shown> {
  const { stdout } = await place.lbi('show', run, String(task).padStart(4, '0'), '--json');
  return JSON.parse(stdout) as Shown;
}

const finished = async (place: Place, run: string): Promise<Done> => {
  const done = lastEvent((await place.lbi('attach', run, '--json')).stdout);
  assert.equal(done.status, 'COMPLETED', JSON.stringify(done));
  return done;
};

/** The names of activities that the only episode's history has scheduled so far. */
async function scheduled(client: Client): Promise<string[]> {
  const [id] = await listed(client, `WorkflowType = 'episode'`);
  if (id === undefined) return [];
  const { events } = await client.workflow.getHandle(id).fetchHistory();
  return (events ?? []).flatMap((event) => event.activityTaskScheduledEventAttributes?.activityType?.name ?? []);
}

test('a worker killed in the middle of a command: nothing is done twice, and what cannot be repeated begins anew and says so', {
  timeout: 240_000,
}, async () => {
  const mark = `6.${process.pid}`;
  const slow = `sleep ${mark}; echo two >> log`;
  const place = await placeFor(
    '{ kind: shell, sessions: 4, step_timeout: 60 }',
    {
      [room(0)]: [bash('echo one >> log'), bash(slow), bash('cat log')],
      [room(1)]: [bash('date +%N > now'), bash(slow), bash('cat log')],
    },
    0.05,
  );
  const run = await launch(place);
  await until(async () => ((await processes('sleep', mark)).length >= 2 ? true : undefined), 'both sleep', 60);
  process.kill(await worker(place), 'SIGKILL');
  const done = await finished(place, run);
  assert.deepEqual(done.progress.funnel.outcomes, { finished: 2 });

  const repeatable = await shown(place, done, 0);
  assert.equal(repeatable.trajectory.recovered, 1);
  assert.equal(repeatable.trajectory.diverged, undefined);
  assert.deepEqual(
    repeatable.chain.map(({ index }) => index),
    [0, 1, 2, 3],
  );
  assert.match(repeatable.chain[3]?.observation.text ?? '', /^one\ntwo$/m);

  const other = await shown(place, done, 1);
  assert.equal(other.trajectory.recovered, 1);
  assert.deepEqual(other.trajectory.diverged, [1], 'the time of day is another');
  assert.deepEqual(
    other.chain.map(({ index }) => index),
    [0, 1, 2, 3],
  );
  assert.doesNotMatch(other.chain[3]?.observation.text ?? '', /two\ntwo/);
  const words = (await place.lbi('show', run, '0001')).stdout;
  assert.match(
    words,
    /the session was lost and opened again once; begun anew because the place answered otherwise after action 1/,
  );
});

test('a command that is killed from outside is an observation, and the episode goes on', {
  timeout: 120_000,
}, async () => {
  const mark = `7.${process.pid}`;
  const place = await placeFor(
    '{ kind: shell, sessions: 4, step_timeout: 60 }',
    { [room(0)]: [bash(`sleep ${mark}; echo after`), bash('echo still here')] },
    0.05,
  );
  const run = await launch(place);
  const sleeper = await until(
    async () => {
      const ids = await processes('sleep', mark);
      for (const id of ids)
        if ((await readFile(`/proc/${id}/comm`, 'utf8').catch(() => '')).trim() === 'sleep') return id;
      return undefined;
    },
    'it sleeps',
    60,
  );
  process.kill(sleeper, 'SIGKILL');
  const done = await finished(place, run);
  const { trajectory, chain } = await shown(place, done, 0);
  assert.equal(trajectory.outcome, 'finished');
  assert.equal(trajectory.recovered, 0);
  assert.match(chain[1]?.observation.text ?? '', /Killed/);
  assert.match(chain[2]?.observation.text ?? '', /still here/);
});

/** Counts keys in its memory: what is lost with it has to be done again. */
const counter = `
const { createServer } = require('node:http');
let count = 0;
createServer((request, response) => {
  if (request.url === '/add') { count += 1; response.writeHead(302, { location: '/' }); return response.end(); }
  response.setHeader('content-type', 'text/html');
  response.end('<title>Counter</title><p role="status">count ' + count + '</p><script>addEventListener("keydown", () => { location.href = "/add" })</script>');
}).listen(Number(process.argv[2]), '127.0.0.1');
`;

test('the browser and the application are killed under an episode: it goes on from its last step in new ones', {
  timeout: 240_000,
}, async (context) => {
  const press = '{ name: press, key: Enter }';
  const app = '{ command: ["${node}", "${dir}/counter.cjs", "${port}"], copy: counter }';
  const place = await placeFor(
    `{ kind: browser, app: ${app}, sessions: 1 }`,
    { [room(0)]: Array.from({ length: 5 }, () => press) },
    1.5,
  );
  await mkdir(join(place.folder, 'counter'));
  await writeFile(join(place.folder, 'counter', 'counter.cjs'), counter);
  const run = await launch(place);
  const client = await until(async () => place.client().catch(() => undefined), 'the server');
  const acted = (times: number): Promise<true> =>
    until(
      async () => ((await scheduled(client)).filter((name) => name === 'act').length >= times ? true : undefined),
      `action ${times}`,
      90,
    );
  await acted(2);
  await sleep(600);
  const mine = `lbi-chromium-${await worker(place)}-`;
  const [browser] = await processes(mine, '--remote-debugging-pipe');
  assert.ok(browser !== undefined, 'no browser runs');
  process.kill(browser, 'SIGKILL');
  await acted(4);
  await sleep(600);
  const server = await until(async () => (await processes('counter.cjs', place.folder)).at(0), 'the application runs');
  process.kill(server, 'SIGKILL');
  const done = await finished(place, run);
  const { trajectory, chain } = await shown(place, done, 0);
  context.diagnostic(`recovered ${trajectory.recovered} times`);
  assert.equal(trajectory.outcome, 'finished', trajectory.detail);
  assert.equal(trajectory.diverged, undefined);
  assert.ok(trajectory.recovered >= 2, `recovered ${trajectory.recovered}`);
  assert.equal(trajectory.steps, 5);
  assert.deepEqual(
    chain.map(({ observation }) => /count (\d)/.exec(observation.text)?.[1]),
    ['0', '1', '2', '3', '4', '5'],
  );
});
