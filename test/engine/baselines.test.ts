/** The baselines of the guide, each run as it stands there, on one server: what is made of them, and what the agent was shown. */
import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { lineageOf } from '../../activities/lineage.ts';
import type { Row } from '../../schemas/dataset.ts';
import type { AtifTrajectory, OpenAiChat, TrlCompletion } from '../../schemas/formats.ts';
import type { Plan } from '../../schemas/plan.ts';
import { folderStore } from '../../store/folder.ts';
import { getJson } from '../../store/json.ts';
import type { Store } from '../../store/store.ts';
import { baselines, whole, withPart } from '../spec/guide.ts';
import { type Done, lastEvent, makePlace, type Place } from './place.ts';

let place: Place;
let store: Store;
/** The run of the method itself, whose index the others use. */
let method: Done | undefined;
const parts = new Map([...baselines, ['method', whole.slice(whole.indexOf('stages:'))]]);
before(async () => {
  place = await makePlace({ documents: 2 });
  method = await run('method', (stages) =>
    stages.replace('construct, model: writer', 'construct, model: writer, styles: [new-task, original]'),
  );
  store = await folderStore(join(place.folder, '.lbi', 'store'));
});
after(() => place.close());

/** Writes the stages of the guide below the head of the lamps, and runs them. */
async function run(name: string, change: (stages: string) => string = (stages) => stages): Promise<Done> {
  const lamps = await readFile(join(place.folder, 'pipeline.yaml'), 'utf8');
  const stages = change(parts.get(name) ?? assert.fail(name))
    .replaceAll('r-3m9zp8es', method?.run ?? '')
    // so few examples would otherwise all be found
    .replaceAll(/k: 5\b/g, 'k: 1')
    // as the script of the lamps answers
    .replace('members: [writer, judge] }', 'members: [writer, judge], reasons: one }');
  const file = `${name.replaceAll(' ', '-')}.yaml`;
  const text = withPart(lamps.replace('board: {', 'place: {'), stages);
  await writeFile(join(place.folder, file), text);
  const { stdout, stderr, exitCode } = await place.lbi('run', file, '--json');
  assert.equal(exitCode, 0, `${name}: ${stderr}`);
  return lastEvent(stdout);
}

/** What the agent was asked in all runs so far: the text after the rules. */
async function asked(): Promise<{ system: string; user: string }[]> {
  const found: { system: string; user: string }[] = [];
  const root = join(place.folder, '.lbi', 'store', 'objects');
  for (const prefix of await readdir(root))
    for (const rest of await readdir(join(root, prefix))) {
      const text = Buffer.from(await store.get(`${prefix}${rest}`)).toString();
      if (!text.includes('"role":"decide"')) continue;
      const { request } = JSON.parse(text) as {
        request: { system: string; messages: { content: { text: string }[] }[] };
      };
      found.push({ system: request.system, user: request.messages[0]?.content[0]?.text ?? '' });
    }
  return found;
}

const lines = async <T>(folder: string, path: string): Promise<T[]> =>
  (await readFile(join(folder, path), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T);

test('data distill keeps the tasks as they were posed, with their whole trajectories, and asks no writer', async () => {
  const { progress, run: id } = await run('data distill');
  const { dataset, usage, funnel } = progress;
  assert.ok(dataset !== null && dataset.kept > 0);
  assert.equal(funnel.attemptsRecalled, 6);
  assert.equal(funnel.windows, 6);
  assert.ok(Object.entries(usage).every(([account, { calls }]) => !account.startsWith('construct') || calls === 0));
  const rows = await lines<Row>(dataset.folder ?? '', 'examples.jsonl');
  assert.ok(rows.every((row) => row.style === 'original' && row.instruction === row.task.instruction));
  assert.ok(rows.every((row) => row.trajectory.from === 0 && row.votes.length === 2));
  assert.match(await readFile(join(dataset.folder ?? '', 'README.md'), 'utf8'), /tasks as they were posed/);
  assert.equal((await place.lbi('check', id)).exitCode, 0);
});

test('without a committee every example is kept, and chats in steps are word for word what the agent was asked', async () => {
  const { progress, run: id } = await run('no committee');
  const { dataset, funnel } = progress;
  // The walk that only looks changes nothing, which no filter minds here.
  assert.deepEqual([dataset?.kept, funnel.kept, funnel.voted], [6, 6, 0]);
  const folder = dataset?.folder ?? '';
  const card = await readFile(join(folder, 'README.md'), 'utf8');
  assert.match(card, /No committee judged the examples/);
  assert.doesNotMatch(card, /construct\/none/);
  const questions = new Set((await asked()).map(({ system, user }) => `${system}\n\n${user}`));
  const steps = await lines<TrlCompletion>(folder, 'trl/train.jsonl');
  // Three walks a page: two actions, three of which one fails, one; and a finish each.
  assert.equal(steps.length, 2 * (3 + 3 + 2));
  for (const { prompt } of steps) {
    const question = prompt.map(({ content }) => content).join('\n\n');
    assert.ok(questions.has(question), question);
  }
  const checked = await place.lbi('check', id, '--json');
  assert.deepEqual(JSON.parse(checked.stdout), { rows: 6, problems: [] });
  assert.match((await place.lbi('show', id)).stdout, /examples +6 +no committee judged them/);

  const out = join(place.folder, 'again');
  const again = await place.lbi('export', id, '--format', 'openai', 'atif', '--chat', 'turns', '--out', out);
  assert.equal(again.exitCode, 0, again.stderr);
  const chats = await lines<OpenAiChat>(out, 'chat/train.jsonl');
  assert.equal(chats.length, 6);
  assert.match(chats[0]?.messages[0]?.content ?? '', /`switch`[\s\S]*`finish`/);
  const [name = ''] = await readdir(join(out, 'atif', 'train'));
  const atif = JSON.parse(await readFile(join(out, 'atif', 'train', name), 'utf8')) as AtifTrajectory;
  assert.ok(atif.agent.tool_definitions.length > 1);
  assert.match(again.stdout, /atif\/train\/ {2}6 examples/);
});

test('without retrieval nothing is asked anew', async () => {
  const { progress } = await run('no retrieval');
  assert.equal(progress.usage['interact/writer']?.calls ?? 0, 0);
  assert.equal(progress.dataset?.kept, 0);
});

test('each way of retrieving shows the agent what it says, and documents are told apart from examples', async () => {
  const shown = async (name: string): Promise<string[]> => {
    const before = new Set((await asked()).map(({ user }) => user));
    const { progress } = await run(name);
    assert.ok((progress.usage['interact/writer']?.calls ?? 0) > 0, `${name} asked nothing new`);
    assert.equal(progress.usage['query/writer'] !== undefined, name === 'model' || name === 'both', name);
    assert.equal(progress.usage['instruct/writer']?.calls, 0);
    return (await asked()).map(({ user }) => user).filter((user) => !before.has(user));
  };
  for (const name of ['instruction', 'observation', 'model', 'both']) {
    const prompts = await shown(name);
    assert.ok(
      prompts.some((prompt) => /<knowledge>\nInstruction: [\s\S]*<\/knowledge>/.test(prompt)),
      name,
    );
    assert.ok(
      prompts.every((prompt) => !prompt.includes('<documents>')),
      name,
    );
  }
  const prompts = await shown('rag');
  assert.ok(prompts.length > 0);
  for (const prompt of prompts) {
    const [, task] = /Your task: .*? (?:the|in the) (\w+room)/.exec(prompt) ?? [];
    const [, first] = /<documents>\nDocument: Page of the (\w+) /.exec(prompt) ?? [];
    assert.equal(first, task, 'the page that the task was invented from is the nearest');
    assert.doesNotMatch(prompt, /<knowledge>/);
  }
  const folder = join(place.folder, '.lbi', 'indexes', 'documents');
  assert.equal((await readdir(folder)).length, 1, 'one list of documents, one index');
});

test('documents and examples stand side by side, the best last where that is asked for', async () => {
  const before = new Set((await asked()).map(({ user }) => user));
  await run('rag', (stages) =>
    stages.replace(
      'documents: { k: 50 }',
      'documents: { k: 2 }, index: r-3m9zp8es, instruction: { k: 2 }, order: best_last',
    ),
  );
  const prompts = (await asked()).map(({ user }) => user).filter((user) => !before.has(user));
  assert.ok(prompts.length > 0);
  for (const prompt of prompts) {
    const [, task] = /Your task: .*? (?:the|in the) (\w+room)/.exec(prompt) ?? [];
    const pages = [...prompt.matchAll(/Document: Page of the (\w+) /g)].map(([, room]) => room);
    assert.equal(pages.length, 2);
    assert.equal(pages.at(-1), task);
  }
  const both = /<documents>[\s\S]*<\/documents>[\s\S]*<knowledge>\nInstruction: [\s\S]*<\/knowledge>/;
  assert.ok(prompts.some((prompt) => both.test(prompt)));
});

test('another document makes other attempts; the same ones make none', async () => {
  const again = await run('rag');
  assert.equal(again.progress.usage['interact/writer']?.calls ?? 0, 0);
  for (const file of ['rag.yaml', 'no-committee.yaml', 'data-distill.yaml']) {
    const planned = await place.lbi('plan', file, '--exit-code');
    assert.equal(planned.exitCode, 0, `${file}: ${planned.stdout}${planned.stderr}`);
  }
  const page = join(place.folder, 'docs', '0000.md');
  await writeFile(page, `${await readFile(page, 'utf8')}\nA lamp that is on can be switched off.\n`);
  const changed = await run('rag');
  assert.equal(changed.progress.funnel.episodesReused, 0);
  assert.ok((changed.progress.usage['interact/writer']?.calls ?? 0) > 0);
  const before = await run('rag', (stages) => stages.replace('k: 50', 'k: 50, from: r-3m9zp8es'));
  assert.equal(
    before.progress.usage['interact/writer']?.calls ?? 0,
    0,
    'the documents of the first run are what they were',
  );
});

test('what is named and is not there is said before anything starts', async () => {
  const wrong = async (from: string | RegExp, to: string): Promise<string> => {
    const file = join(place.folder, 'rag.yaml');
    const text = await readFile(file, 'utf8');
    await writeFile(join(place.folder, 'wrong.yaml'), text.replace(from, to));
    const { exitCode, stderr } = await place.lbi('run', 'wrong.yaml');
    assert.equal(exitCode, 3, stderr);
    return stderr;
  };
  assert.match(await wrong(/\{ k: 50[^}]*\}/, '{ k: 50, from: r-none }'), /the run r-none has read no documents/);
  const prompt = await readFile(join(import.meta.dirname, '..', '..', 'pipelines', 'prompts', 'decide.md'), 'utf8');
  await writeFile(join(place.folder, 'own.md'), prompt.replace('{{ documents }}', '').replace(/<\/?documents>/g, ''));
  assert.match(
    await wrong('model: writer\n    knowledge', 'model: writer\n    prompt: own.md\n    knowledge'),
    /own\.md: .*\{\{ documents \}\}/,
  );
});

test('the lineage of an example leads from its document to its row', async () => {
  const plan = async (run: string): Promise<Plan> => {
    const record = JSON.parse(Buffer.from((await store.read(`run-records/${run}.json`)) ?? []).toString());
    return getJson<Plan>(store, record.plan);
  };
  assert.ok(method);
  const [row] = await lines<Row>(method.progress.dataset?.folder ?? '', 'examples.jsonl');
  assert.ok(row);
  const lineage = await lineageOf(store, method.run, await plan(method.run), row.id);
  assert.equal(lineage.document?.id, row.document?.id);
  assert.match(lineage.document?.text ?? '', /lamp/);
  assert.deepEqual([lineage.task.instruction, lineage.task.attempt], [row.task.instruction, 0]);
  assert.equal(lineage.attempt?.head, row.trajectory.head);
  assert.deepEqual(
    lineage.steps.filter(({ inExample }) => inExample).map(({ step }) => step.index),
    row.trajectory.steps,
  );
  assert.equal(lineage.steps.at(-1)?.ref, row.trajectory.head);
  assert.ok(lineage.steps.some(({ changed }) => changed));
  const names = lineage.prompts.map(({ name }) => name).sort();
  assert.deepEqual(
    names.slice(0, 2),
    [`construct/${row.style}`, 'filter']
      .slice(row.style === 'original' ? 1 : 0)
      .concat(row.style === 'original' ? ['instruct'] : []),
  );
  assert.ok(lineage.prompts.every(({ sha256 }) => /^[0-9a-f]{64}$/.test(sha256)));
  assert.deepEqual(
    lineage.votes.map(({ member, yes }) => [member, yes]),
    [
      ['writer', true],
      ['judge', true],
    ],
  );
  assert.equal(lineage.verdict.kept, true);
  assert.equal(lineage.row?.split, row.split);
  await assert.rejects(lineageOf(store, method.run, await plan(method.run), 'zz'), /no example of .* begins with "zz"/);
});
