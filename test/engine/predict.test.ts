/** `lbi plan` against the truth: what it says a run will ask, by account, beside what that run then asks. */
import assert from 'node:assert/strict';
import { access, appendFile, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { countingServer } from './model-server.ts';
import { listed, makePlace, type Place } from './place.ts';
import { assertPredicted, compare, planOf } from './predict.ts';

const script = join(import.meta.dirname, 'lamps.script.yaml');
const prompts = join(import.meta.dirname, '..', '..', 'pipelines', 'prompts');

/** Three models that answer alike and are three: a script's content is the model. */
const models = `  writer: { provider: scripted, script: lamps.script.yaml }
  actor: { provider: scripted, script: actor.yaml }
  judge: { provider: scripted, script: judge.yaml }`;

let place: Place;
before(async () => {
  place = await makePlace({
    documents: 4,
    models,
    change: (text) => text.replace('environment: board, model: writer', 'environment: board, model: actor'),
  });
  for (const name of ['actor', 'judge', 'third']) {
    await copyFile(join(place.folder, 'lamps.script.yaml'), join(place.folder, `${name}.yaml`));
    await appendFile(join(place.folder, `${name}.yaml`), `# ${name}\n`);
  }
  await mkdir(join(place.folder, 'prompts'));
});
after(() => place.close());

const edit = async (file: string, change: (text: string) => string): Promise<void> => {
  const path = join(place.folder, file);
  const text = await readFile(path, 'utf8');
  assert.notEqual(change(text), text, `nothing to change in ${file}`);
  await writeFile(path, change(text));
};

/** Every activity that the episodes of a run have called. */
const activitiesOf = async (run: string): Promise<string[]> => {
  const client = await place.client();
  const ids = await listed(client, `WorkflowType = 'episode' AND LbiRun = '${run}'`);
  const histories = await Promise.all(ids.map((id) => client.workflow.getHandle(id).fetchHistory()));
  return histories.flatMap(({ events }) =>
    (events ?? []).flatMap((event) => event.activityTaskScheduledEventAttributes?.activityType?.name ?? []),
  );
};

const stageOf = (plan: Awaited<ReturnType<typeof planOf>>, name: string) => {
  const stage = plan.stages.find(({ stage: uses }) => uses === name);
  assert.ok(stage, name);
  return stage;
};
const exact = (calls: number) => ({ low: calls, likely: calls, high: calls, basis: 'exact' });

test('a first run: the questions about documents are known, all else is a range that says it is assumed', async () => {
  const { plan, predicted, asked } = await compare(place);
  assert.deepEqual(predicted['instruct/writer'], exact(4));
  assert.equal(asked['instruct/writer'], 4);
  assert.equal(predicted['interact/actor']?.basis, 'assumed');
  assertPredicted({
    predicted: { 'interact/actor': predicted['interact/actor'] as (typeof predicted)[string] },
    asked: { 'interact/actor': asked['interact/actor'] ?? 0 },
  });
  assert.equal(plan.against, null);
  assert.equal(stageOf(plan, 'instruct').status, 'new');
  assert.deepEqual(plan.total.usd, { low: 0, likely: 0, high: 0, basis: 'assumed' }, 'free in money, not in calls');
});

test('nothing changed: nothing is asked, and the plan says so with its exit code', async () => {
  const { plan, predicted, asked } = await compare(place);
  assert.deepEqual([predicted, asked], [{}, {}]);
  assert.equal(plan.work, false);
  assert.ok(plan.stages.every(({ status }) => status === 'reuse'));
  assert.equal((await place.lbi('plan', 'pipeline.yaml', '--exit-code')).exitCode, 0);
});

test('another rule over the votes: they are counted anew and nobody is asked', async () => {
  const { plan, predicted, asked } = await compare(place, '--set', 'stages.3.committee.accept=majority');
  assert.deepEqual([predicted, asked], [{}, {}]);
  assert.match(stageOf(plan, 'filter').reasons.join(), /committee\.accept unanimous → majority.*counted anew/);
  assert.equal(stageOf(plan, 'export').status, 'again');
});

test('what a run costs and how long it takes changes nothing', async () => {
  const plan = await planOf(place, '--set', 'stages.1.concurrency=3', '--set', 'environments.board.sessions=2');
  assert.ok(plan.stages.every(({ accounts }) => accounts.every(({ calls }) => calls.high === 0)));
  const shown = await place.lbi('plan', 'pipeline.yaml', '--set', 'stages.1.concurrency=3');
  assert.match(shown.stdout, /changes nothing: .*interact\.concurrency 10 → 3/);
});

test('comments, key order, notes, words, time-outs, retries, prices and limits change nothing, and a run proves it', async () => {
  const before = await readFile(join(place.folder, 'pipeline.yaml'), 'utf8');
  await edit('pipeline.yaml', (text) =>
    text
      .replace(
        'name: lamps',
        'name: lamps # the board\nx-note: { anything: 1 }\ndescription: Lamps.\nbudget: { usd: 9 }',
      )
      .replace(
        '{ provider: scripted, script: judge.yaml }',
        '{ script: judge.yaml, provider: scripted, timeout: 77, limits: { concurrency: 3 }, price: { input: 0, output: 0 } }',
      )
      .replace('uses: interact,', 'uses: interact, retry: { attempts: 9 }, timeout: 99, on_error: stop,')
      .replace('uses: construct,', 'uses: construct, concurrency: 2,')
      .replace('max_steps: 6', 'min_steps: 0, max_steps: 6'),
  );
  const { plan, predicted, asked } = await compare(place);
  assert.deepEqual([predicted, asked], [{}, {}]);
  for (const name of ['instruct', 'interact', 'construct', 'filter']) assert.equal(stageOf(plan, name).status, 'reuse');
  await writeFile(join(place.folder, 'pipeline.yaml'), before);
});

test('a new page: its tasks are asked for; what is made of them is measured in the run before', async () => {
  await writeFile(join(place.folder, 'docs', '9000.md'), '# Page of the zebraroom\n\nEach lamp can be switched.\n');
  const comparison = await compare(place);
  assert.deepEqual(comparison.predicted['instruct/writer'], exact(1));
  assert.equal(comparison.predicted['interact/actor']?.basis, 'measured');
  assertPredicted(comparison);
  const instruct = stageOf(comparison.plan, 'instruct');
  assert.deepEqual([instruct.status, instruct.reused, instruct.reasons], ['again', 4, ['docs/9000.md added']]);
});

test('another judge: its votes to the call, and nothing else', async () => {
  await edit('judge.yaml', (text) => `${text}# stricter\n`);
  const comparison = await compare(place);
  assert.deepEqual(Object.keys(comparison.predicted), ['filter/judge']);
  assert.equal(comparison.predicted['filter/judge']?.basis, 'exact');
  assert.ok((comparison.asked['filter/judge'] ?? 0) > 0);
  assertPredicted(comparison);
  assert.match(stageOf(comparison.plan, 'filter').reasons.join(), /files behind models\.judge changed/);
});

test('a new member: its votes to the call', async () => {
  await edit('pipeline.yaml', (text) =>
    text
      .replace('environments:', '  third: { provider: scripted, script: third.yaml }\nenvironments:')
      .replace('members: [writer, judge]', 'members: [writer, judge, third]'),
  );
  const comparison = await compare(place);
  assert.deepEqual(Object.keys(comparison.predicted), ['filter/third']);
  assertPredicted(comparison);
  assert.deepEqual(stageOf(comparison.plan, 'filter').reasons, ['member third added']);
});

test('another prompt of the committee: all votes to the call', async () => {
  const prompt = await readFile(join(prompts, 'vote.md'), 'utf8');
  await writeFile(join(place.folder, 'prompts', 'vote.md'), `${prompt}\nBe strict.\nBe fair.\n`);
  await edit('pipeline.yaml', (text) => text.replace('reasons: one', 'reasons: one, prompt: prompts/vote.md'));
  const comparison = await compare(place);
  assert.deepEqual(Object.keys(comparison.predicted).sort(), ['filter/judge', 'filter/third', 'filter/writer']);
  assertPredicted(comparison);
  assert.match(stageOf(comparison.plan, 'filter').reasons.join(), /prompt of filter changed \(\d lines\)/);
});

test('another prompt of construct: its instructions to the call, the votes on them as a range', async () => {
  const prompt = await readFile(join(prompts, 'relabel-new-task.md'), 'utf8');
  await writeFile(join(place.folder, 'prompts', 'relabel.md'), `${prompt}\nBe brief.\n`);
  await edit('pipeline.yaml', (text) =>
    text.replace('styles: [new-task', 'prompts: { new-task: prompts/relabel.md }, styles: [new-task'),
  );
  const comparison = await compare(place);
  assert.equal(comparison.predicted['construct/writer']?.basis, 'exact');
  assert.equal(comparison.predicted['filter/judge']?.basis, 'measured');
  assertPredicted(comparison);
  const activities = await activitiesOf(comparison.run);
  assert.ok(activities.includes('relabel'));
  assert.ok(
    !activities.includes('open') && !activities.includes('decide'),
    'the trajectories were kept: no session was opened',
  );
});

test('another temperature of the agent: its episodes are walked again', async () => {
  await edit('pipeline.yaml', (text) => text.replace('script: actor.yaml', 'script: actor.yaml, temperature: 0.7'));
  const comparison = await compare(place);
  assert.equal(comparison.predicted['instruct/writer'], undefined);
  assert.equal(stageOf(comparison.plan, 'interact').todo.likely, 15);
  assert.ok((comparison.asked['interact/actor'] ?? 0) > 0);
  assertPredicted(comparison);
});

test('models and places under other names are the same models and places', async () => {
  await edit('pipeline.yaml', (text) =>
    text.replaceAll('judge', 'referee').replace('referee.yaml', 'judge.yaml').replaceAll('board', 'table'),
  );
  const { predicted, asked } = await compare(place);
  assert.deepEqual([predicted, asked], [{}, {}]);
});

test('a committee that ends early: who is asked first to the call, who is asked after it as a range', async () => {
  for (const name of ['fifth', 'sixth']) {
    await copyFile(join(place.folder, 'lamps.script.yaml'), join(place.folder, `${name}.yaml`));
    await appendFile(join(place.folder, `${name}.yaml`), `# ${name}\n`);
  }
  const member = (name: string) => ['--set', `models.${name}={ provider: scripted, script: ${name}.yaml }`];
  const committee = ['stages.3.committee.ask=until-decided', 'stages.3.committee.members=[fifth, sixth]'];
  const sets = committee.flatMap((set) => ['--set', set]);
  const comparison = await compare(place, ...member('fifth'), ...member('sixth'), ...sets);
  const { 'filter/fifth': first, 'filter/sixth': second } = comparison.predicted;
  assert.deepEqual([first?.basis, second?.basis], ['exact', 'assumed']);
  assert.ok((comparison.asked['filter/sixth'] ?? 0) < (comparison.asked['filter/fifth'] ?? 0));
  assertPredicted(comparison);
  // Now that all is known, who need not be asked is not missed.
  const { predicted, asked } = await compare(place, ...member('fifth'), ...member('sixth'), ...sets);
  assert.deepEqual([predicted, asked], [{}, {}]);
});

test('nothing is written and nothing is started by a plan, not even the folder .lbi', async () => {
  const other = await makePlace({ documents: 1 });
  try {
    await planOf(other);
    await assert.rejects(access(join(other.folder, '.lbi')), { code: 'ENOENT' });
    const { exitCode } = await other.lbi('plan', 'pipeline.yaml', '--exit-code');
    assert.equal(exitCode, 10);
  } finally {
    await other.close();
  }
});

test('a server that counts hears as many questions as were predicted', async () => {
  const server = await countingServer(script, 1);
  const spec = (model: string) => `{ provider: openai, model: ${model}, base_url: "${server.url}" }`;
  const counted = await makePlace({ documents: 2, models: `  writer: ${spec('a')}\n  judge: ${spec('b')}` });
  const heard = () => [...server.replies.values()].reduce((all, times) => all + times.length, 0);
  try {
    await compare(counted);
    const first = heard();
    const more = ['--set', `models.third=${spec('c')}`, '--set', 'stages.3.committee.members=[writer, judge, third]'];
    const { predicted } = await compare(counted, ...more);
    assert.deepEqual(predicted, { 'filter/third': exact(heard() - first) });
    const again = await planOf(counted, ...more);
    assert.equal(again.total.calls.high, 0);
  } finally {
    await counted.close();
    await server.close();
  }
});
