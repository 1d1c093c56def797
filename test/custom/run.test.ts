/** A run with stages, a place and a model of one's own, on a real server: what they make, what it costs, and what happens when they go wrong. */
import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { countingServer } from '../engine/model-server.ts';
import { type Done, lastEvent, launch, makePlace, type Place, progressWhen, until } from '../engine/place.ts';
import { pipeline } from './folder.ts';

let place: Place;
const server = await countingServer(join(import.meta.dirname, '../engine/lamps.script.yaml'), 0);
before(async () => {
  place = await makePlace({ documents: 2, environment: { LAMPS_KEY: 'there' } });
});
after(async () => {
  await place.close();
  await server.close();
});

/** Every call of a stage is noted in a file, so that it can be seen who was called. */
const noting = (takes: string, body: string, schema = ''): string => `import { appendFileSync } from 'node:fs';
import { defineStage, text, whole } from 'learn-by-interact';
export default defineStage({
  version: '1', takes: '${takes}', gives: '${takes}', schema: { ${schema} },
  run: async (items, { parameters, drop, model }) => {
    appendFileSync(${JSON.stringify('CALLS')}, '${takes}\\n');
    return ${body};
  },
});
`;

async function write(files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files))
    await writeFile(join(place.folder, name), text.replaceAll('CALLS', join(place.folder, 'calls.txt')));
}

async function calls(): Promise<Record<string, number>> {
  const path = join(place.folder, 'calls.txt');
  const lines = (await readFile(path, 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');
  await rm(path, { force: true });
  const counts: Record<string, number> = {};
  for (const line of lines) counts[line] = (counts[line] ?? 0) + 1;
  return counts;
}

async function run(): Promise<Done & { stderr: string }> {
  const { stdout, stderr } = await place.lbi('run', 'pipeline.yaml', '--json');
  return { ...lastEvent(stdout === '' ? '{}' : stdout), stderr };
}

const modules = {
  'pages.ts': noting(
    'documents',
    `items.flatMap((page) => [page, { ...page, id: page.id + '#more', text: page.text + ' Twice.' }])`,
  ),
  'tasks.ts': noting('tasks', `items.filter((task) => !task.instruction.startsWith('Try') || drop(task, 'tries'))`),
  'walks.ts': noting('trajectories', 'items.filter(({ steps }) => steps.length > 1)'),
  'examples.ts': noting(
    'examples',
    `items.filter(({ style }) => style !== 'original').map((each) => ({ ...each, instruction: each.instruction + ' Please.' }))`,
  ),
  'kept.ts': noting(
    'kept',
    'items.slice(0, parameters.most)',
    `most: whole('output', 'Most.', { unit: 'examples', min: 1, default: 2, example: 3 })`,
  ),
  'files.ts': `import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { defineStage } from 'learn-by-interact';
export default defineStage({ version: '1', takes: 'kept', gives: 'files', schema: {},
  run: async (rows, { folder }) => {
    const lines: string[] = [];
    for await (const { instruction } of rows) lines.push(instruction);
    await writeFile(join(folder, 'all.txt'), lines.join('\\n'));
  } });
`,
};
const use = (name: string, more = ''): string[] => [`  - { uses: ./${name}.ts${more} }`];
const everywhere = pipeline({
  after: {
    sources: use('pages'),
    instruct: use('tasks'),
    interact: use('walks'),
    construct: use('examples'),
    filter: use('kept'),
    export: use('files'),
  },
});

test('stages of every kind work at their places; a second run calls none of them', async () => {
  await write({ ...modules, 'pipeline.yaml': everywhere });
  const first = await run();
  assert.equal(first.status, 'COMPLETED', first.stderr + JSON.stringify(first));
  const { funnel, dataset } = first.progress;
  assert.equal(funnel.documents, 4, 'two pages became four');
  assert.equal(funnel.documentsTotal, 4);
  assert.equal(funnel.tasks, 4, 'two of three tasks of each room, once');
  assert.equal(funnel.dropped['tasks: tries'], 4);
  assert.equal(funnel.dropped.walks, 2, 'reading takes one action only');
  assert.ok((funnel.dropped.examples ?? 0) > 0);
  assert.equal(dataset?.kept, 2);
  assert.ok((dataset?.dropped.kept ?? 0) > 0);
  const [own] = dataset?.own ?? [];
  assert.equal(own?.name, 'files');
  assert.deepEqual(
    own?.files.map(({ path }) => path),
    ['all.txt'],
  );
  const lines = (await readFile(join(own?.folder ?? '', 'all.txt'), 'utf8')).split('\n');
  assert.equal(lines.length, 2);
  for (const line of lines) assert.match(line, /^Switch lamp-\d on\. Please\.$/);
  const called = await calls();
  assert.deepEqual([called.documents, called.tasks, called.trajectories], [1, 4, 4]);
  const second = await run();
  assert.equal(second.progress.funnel.episodesReused, 4);
  assert.deepEqual(await calls(), {}, 'everything was kept under its identity');
  assert.equal(second.progress.dataset?.kept, 2);
});

test('a change of one key runs that stage alone', async () => {
  await write({ 'pipeline.yaml': everywhere.replace('./kept.ts', './kept.ts, most: 1') });
  const done = await run();
  assert.deepEqual(await calls(), { kept: 1 });
  assert.equal(done.progress.dataset?.kept, 1);
});

const asking = noting(
  'tasks',
  `(await Promise.all(items.map(async (task) => ({ task, reply: await model(parameters.judge).complete({
      system: 'You judge training data.', user: task.instruction,
      schema: { type: 'object' } }) })))).filter(({ reply }) => reply.stop === 'complete').map(({ task }) => task)`,
  `judge: text('output', 'A model.', { names: 'model', example: 'judge' })`,
);
const judge = (key: string): string =>
  `  judge: { provider: openai, model: judge, base_url: "${server.url}", api_key: "\${secret:${key}}", price: { input: 1000, output: 0 } }`;

test('a paid call is counted under the name of its stage, and never made twice', async () => {
  const yaml = pipeline({ models: judge('LAMPS_KEY'), after: { instruct: use('asks', ', judge: judge') } });
  await write({ 'asks.ts': asking, 'pipeline.yaml': yaml });
  const first = await run();
  assert.equal(first.status, 'COMPLETED', JSON.stringify(first));
  const paid = first.progress.usage['asks/judge'];
  assert.equal(paid?.calls, 6);
  assert.ok(Math.abs((paid?.usd ?? 0) - 6 * 0.1) < 1e-9);
  await write({ 'asks.ts': `${asking}\n// other code, the same questions\n` });
  const second = await run();
  assert.equal(second.progress.usage['asks/judge']?.calls ?? 0, 0);
  assert.equal([...server.replies.values()].flat().length, 6);
});

test('a stage may ask only models that its keys name', async () => {
  const yaml = pipeline({ after: { instruct: use('asks') } });
  const sly = noting('tasks', `[await model('writer').complete({ user: 'Hello', schema: {} })] && items`);
  await write({ 'asks.ts': sly, 'pipeline.yaml': yaml });
  const { failure } = await run();
  assert.match(failure ?? '', /asks the model "writer", but no key of its schema names it/);
});

const failing: [title: string, body: string, message: RegExp][] = [
  [
    'throws',
    `items.map((task) => task.nothing.at.all)`,
    /bad-0 \(\.\/bad-0\.ts\) \(.*bad-0\.ts:7:\d+\): TypeError: Cannot read properties of undefined/,
  ],
  ['waits for ever', `new Promise(() => {})`, /a batch of 3 tasks did not end within 1 s/],
  ['turns round and round', `(() => { for (;;); })()`, /did not end within 1 s/],
  ['ends the process', `process.exit(3)`, /ended its thread/],
  [
    'lets an error escape',
    `new Promise(() => setTimeout(() => { throw new Error('stray'); }, 10))`,
    /ended its thread: stray/,
  ],
  ['gives something else', `'tasks'`, /gave string, and a list was expected/],
  ['gives tasks without words', `[{ instruction: ' ' }]`, /a task whose "instruction" is no text/],
];
test('a stage that goes wrong ends its run in words, and the worker lives', async (context) => {
  const worker = async (): Promise<unknown> =>
    (JSON.parse(await readFile(join(place.folder, '.lbi', 'worker.json'), 'utf8')) as { pid: number }).pid;
  const before = await worker();
  const runs = failing.map(async ([, body, message], index) => {
    const limit = /did not end/.test(String(message)) ? 1 : 30;
    const yaml = pipeline({ after: { instruct: use(`bad-${index}`, `, timeout: ${limit}`) } });
    await write({ [`bad-${index}.ts`]: noting('tasks', body), [`bad-${index}.yaml`]: yaml });
    return lastEvent((await place.lbi('run', `bad-${index}.yaml`, '--json')).stdout);
  });
  const ended = await Promise.all(runs);
  for (const [index, [title, , message]] of failing.entries())
    await context.test(title, () => {
      assert.equal(ended[index]?.status, 'FAILED');
      assert.match(ended[index]?.failure ?? '', message);
    });
  assert.equal(await worker(), before);
});

test('a module that changes under a run holds the run until it is put back', async () => {
  const slow = noting('tasks', `(await new Promise((resolve) => setTimeout(resolve, 10)), items)`);
  const yaml = pipeline({
    models: judge('LAMPS_LATER'),
    after: { instruct: [...use('asks', ', judge: judge'), ...use('slow')] },
  });
  await write({
    'asks.ts': asking.replace('training data.', 'training data well.'),
    'slow.ts': slow,
    'pipeline.yaml': yaml,
  });
  const id = await launch(place);
  const client = await place.client();
  await progressWhen(client, id, ({ blocked }) => /LAMPS_LATER is not set/.test(Object.values(blocked).join()));
  await write({ 'slow.ts': `${slow}\n// edited meanwhile\n`, '.env': 'LAMPS_LATER=there\n' });
  await place.lbi('resume', id);
  const held = await progressWhen(client, id, ({ blocked }) => /slow\.ts/.test(Object.values(blocked).join()));
  assert.match(Object.values(held.blocked).join(), /is no longer the one that this run was planned with: put it back/);
  await write({ 'slow.ts': slow });
  await place.lbi('resume', id);
  const done = lastEvent((await place.lbi('attach', id, '--json')).stdout);
  assert.equal(done.status, 'COMPLETED');
  await until(async () => ((await calls()).tasks ?? 0) > 0 || undefined, 'the stage was called');
});

const board = (step: string): string => `import { defineEnvironment, whole } from 'learn-by-interact';
export default defineEnvironment({
  version: '1', about: 'A counter.', schema: { from: whole('output', 'Start.', { unit: 'points', default: 0, example: 1 }) },
  open: ({ from }) => {
    let count = from;
    const look = () => ({ text: 'The counter shows ' + count, state: { count } });
    return {
      actions: [{ name: 'switch', description: 'Counts one up.', parameters: { type: 'object',
        properties: { lamp: { type: 'string', maxLength: 20 } }, required: ['lamp'], additionalProperties: false } },
        { name: 'read', description: 'Looks at the counter.', parameters: { type: 'object', properties: {}, required: [], additionalProperties: false } }],
      reset: () => { count = from; return look(); },
      step: async ({ name }) => { ${step} if (name === 'switch') count += 1; return { observation: look() }; },
    };
  },
});
`;

test('a place and a model of one’s own carry a run; both are named in the card', async () => {
  const model = `import { defineModel, text } from 'learn-by-interact';
export default defineModel({ version: '1', schema: { inner: text('output', 'It.', { names: 'model', example: 'a' }) },
  open: async ({ inner }, { model }) => model(inner) });
`;
  const yaml = pipeline({
    models: '  outer: { provider: ./echo.ts, inner: writer }',
    environment: '{ kind: ./counter.ts, from: 3 }',
  });
  await write({
    'counter.ts': board(''),
    'echo.ts': model,
    'pipeline.yaml': yaml.replaceAll('model: writer', 'model: outer'),
  });
  const done = await run();
  assert.equal(done.status, 'COMPLETED', JSON.stringify(done));
  assert.ok((done.progress.usage['interact/outer']?.calls ?? 0) > 0);
  assert.equal(done.progress.funnel.outcomes.finished, done.progress.funnel.episodes);
  const card = await readFile(join(done.progress.dataset?.folder ?? '', 'README.md'), 'utf8');
  assert.match(card, /echo/);
  assert.match(card, /counter\.ts/);
  const task = await place.lbi('show', '@last', '--json');
  assert.equal(task.exitCode, 0);
});

for (const [title, step, message] of [
  [
    'throws',
    `throw new Error('the counter broke');`,
    /the environment counter \(\.\/counter\.ts\) \(.*counter\.ts:12:\d+\): Error: the counter broke/,
  ],
  ['hangs', 'await new Promise(() => {});', /a step did not end within 1 s/],
] as const) {
  test(`a place that ${title} fails its episodes with a reason, never the worker`, { timeout: 120_000 }, async () => {
    await write({
      'counter.ts': board(step),
      'pipeline.yaml': pipeline({ environment: '{ kind: ./counter.ts, step_timeout: 1 }' }),
    });
    const done = await run();
    const { stdout } = await place.lbi('show', '@last', '--json');
    const shown = await place.lbi('show', '@last');
    assert.ok((done.progress?.funnel.outcomes.failed ?? 0) > 0, JSON.stringify(done));
    assert.match(shown.stdout + stdout, message);
  });
}
