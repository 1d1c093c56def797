/** Failures without a server: a reply that cannot be read is asked anew only on request, and a page gives up its failed part once. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { execa } from 'execa';
import { askReadable } from '../../activities/ask-again.ts';
import { conclude, finishedEpisode } from '../../activities/conclude.ts';
import type { Deps } from '../../activities/deps.ts';
import { record } from '../../activities/record.ts';
import { failedDocuments, recordFailed, takeUp } from '../../activities/take-up.ts';
import type { Failure } from '../../cli/failures.ts';
import { emptyEntry } from '../../core/episode-entry.ts';
import type { Model } from '../../models/model.ts';
import type { Ref } from '../../schemas/common.ts';
import type { EpisodeEntry, FailedDocument, TaskEntry } from '../../schemas/flow.ts';
import { folderStore } from '../../store/folder.ts';
import { putJson, readPage, writePage } from '../../store/json.ts';
import type { Store } from '../../store/store.ts';
import { partsOf, storePlan } from './parts.ts';

const main = join(import.meta.dirname, '..', '..', 'cli', 'main.ts');
const run = 'r-2aaa';

let folder = '';
let store: Store;
let plan: Ref;
let asked = 0;
/** what the model says next; undefined cannot be read */
const says: (object | undefined)[] = [];

const model = {
  identity: 'a model',
  images: false,
  complete: async () => {
    asked += 1;
    const value = says.shift();
    const usage = { calls: 1, input: 10, cached: 0, cacheWrites: 0, output: 1, usd: 0.5 };
    return { value, text: '', detail: value === undefined ? 'no JSON' : '', stop: 'complete', model: 'm', usage };
  },
} as unknown as Model;

const pipeline = `version: "1"
name: lamps
models:
  writer: { provider: scripted, script: s.yaml }
environments:
  board: { kind: scripted, items: 2 }
sources: [{ files: "*.md" }]
stages:
  - { uses: instruct, model: writer }
  - { uses: interact, environment: board, model: writer }
  - { uses: construct, model: writer }
  - { uses: filter, committee: { members: [writer] } }
`;

let callers = 0;
/** Parts of one call of an activity: each call is another caller. */
const deps = (): Deps => {
  callers += 1;
  const me = `call ${callers}`;
  return partsOf(store, folder, { model: async () => model, caller: () => me });
};

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lbi-take-up-'));
  await mkdir(join(folder, '.lbi'), { recursive: true });
  store = await folderStore(join(folder, '.lbi', 'store'));
  plan = await storePlan(store, pipeline, {});
});
after(() => rm(folder, { recursive: true, force: true }));

const question = async (again: boolean, by: Deps = deps()) => {
  const before = asked;
  const { reply, usage } = await askReadable(by, await by.plan(plan), {
    model: 'writer',
    request: (time) => ({ role: 'vote', system: '', messages: [], schema: {}, maxTokens: 1, seed: time }),
    salt: null,
    understood: ({ value }) => value !== undefined && value !== null,
    again,
  });
  return { value: reply.value ?? null, calls: asked - before, usd: usage.usd };
};

test('a reply that cannot be read is asked anew on request alone, once a try, and the one that can is found by all', async () => {
  says.push(undefined, undefined, { yes: true });
  assert.deepEqual(await question(false), { value: null, calls: 1, usd: 0.5 });
  assert.deepEqual(await question(false), { value: null, calls: 0, usd: 0 });
  const mine = deps();
  assert.deepEqual(await question(true, mine), { value: null, calls: 1, usd: 0.5 });
  // The same call, tried again because its answer got lost, asks nobody and still says what it cost.
  assert.deepEqual(await question(true, mine), { value: null, calls: 0, usd: 0.5 });
  assert.deepEqual(await question(true), { value: { yes: true }, calls: 1, usd: 0.5 });
  assert.deepEqual(await question(true), { value: { yes: true }, calls: 0, usd: 0 });
  assert.deepEqual(await question(false), { value: { yes: true }, calls: 0, usd: 0 });
});

const taskOf = async (id: string): Promise<TaskEntry> => ({
  ref: await putJson(store, { id, instruction: `Do ${id}`, document: null, documentId: null, attempt: 0, seed: 0 }),
  id,
  title: `Do ${id}`,
});

const draft = (task: TaskEntry, outcome: 'finished' | 'failed', unreadable = 0) => ({
  task: task.ref,
  trajectory: null,
  outcome,
  detail: '',
  steps: 1,
  windows: 1,
  dropped: unreadable > 0 ? { 'instruction-unreadable': unreadable } : {},
  candidates: [],
  usage: {},
});

test('what was made anew is found in place of the failure, and the failure where nothing better is there', async () => {
  const task = await taskOf('anew');
  const find = async () => finishedEpisode(deps(), await deps().plan(plan), task);
  assert.equal(await find(), undefined);
  const first = await conclude(deps())({ plan, record: draft(task, 'failed') });
  assert.deepEqual([(await find())?.record, (await find())?.failures], [first, { agent: 1 }]);
  const second = await conclude(deps())({ plan, record: draft(task, 'finished', 2), again: 1 });
  const found = await find();
  assert.deepEqual([found?.record, found?.again, found?.failures], [second, 1, { model: 2 }]);
  const third = await conclude(deps())({ plan, record: draft(task, 'finished'), again: 2 });
  const last = await find();
  assert.deepEqual([last?.record, last?.again, last?.failures], [third, 2, undefined]);
});

const entryOf = async (id: string, own: Partial<EpisodeEntry>): Promise<EpisodeEntry> => ({
  ...emptyEntry(await taskOf(id), 'why'),
  endedAt: Date.UTC(2026, 0, 2),
  ...own,
});

async function sealed(): Promise<{ entries: EpisodeEntry[]; documents: FailedDocument[] }> {
  const bad = await taskOf('unread');
  const unread = await conclude(deps())({ plan, record: draft(bad, 'finished', 1) });
  const entries = [
    await entryOf('lost', { kind: 'transient' }),
    await entryOf('fine', { outcome: 'finished', record: unread, failures: {} }),
    await entryOf('unread', { outcome: 'finished', record: unread, failures: { model: 1 } }),
    await entryOf('wrong', { kind: 'spec' }),
    await entryOf('stopped', { kind: 'cancelled' }),
  ];
  const document = { ref: 'd', id: 'page.md', title: 'Page' };
  const documents = [{ document, class: 'model' as const, kind: 'unreadable', detail: 'no JSON', at: 5 }];
  await record(deps())({ run, page: 0, entries });
  await recordFailed(deps())({ run, page: 0, documents });
  return { entries, documents };
}

const idsOf = async (): Promise<string[]> =>
  (await readPage<EpisodeEntry[]>(store, `runs/${run}/episodes/000001.json`)).map(({ id }) => id);

test('a page gives up what failed, once for a request, whatever happens in between', async () => {
  const { entries, documents } = await sealed();
  const ask = (of: 'episodes' | 'documents', id: string, wanted: 'spec' | null) =>
    takeUp(deps())({ plan, run, of, page: 0, id, class: wanted });
  const one = await ask('episodes', 'first', 'spec');
  assert.deepEqual(
    one.episodes.map(({ task }) => [task.id, task.tries, task.again]),
    [['wrong', 1, undefined]],
  );
  assert.deepEqual(await idsOf(), ['lost', 'fine', 'unread', 'stopped']);
  assert.deepEqual((await ask('episodes', 'other', 'spec')).episodes, []);
  const all = await ask('episodes', 'second', null);
  const tasks = all.episodes.map(({ task: { id, again, before } }) => [id, again, before?.record !== undefined]);
  assert.deepEqual(tasks, [
    ['lost', undefined, false],
    ['unread', 1, true],
  ]);
  assert.deepEqual(await idsOf(), ['fine', 'stopped']);
  // The worker died before the page was written, or before its answer arrived.
  await record(deps())({ run, page: 0, entries: entries.filter(({ id }) => id !== 'wrong') });
  assert.deepEqual(await ask('episodes', 'second', null), all);
  assert.deepEqual(await idsOf(), ['fine', 'stopped']);
  assert.deepEqual((await ask('documents', 'second', null)).documents, documents);
  assert.deepEqual(await failedDocuments(store, run), []);
});

test('lbi failures lists them from the store alone, by class', async () => {
  await sealed();
  await writePage(store, `run-records/${run}.json`, {
    run,
    pipeline: 'lamps',
    plan,
    file: 'pipeline.yaml',
    workflowId: `lamps/${run}`,
    createdAt: '2026-01-01T00:00:00Z',
  });
  const lbi = (...args: string[]) =>
    execa(process.execPath, [main, 'failures', ...args], {
      cwd: folder,
      env: { PATH: process.env.PATH, HOME: folder, NO_COLOR: '1' },
      extendEnv: false,
      reject: false,
    });
  const { stdout, exitCode, stderr } = await lbi('@last', '--json');
  assert.equal(exitCode, 0, stderr);
  const { failures } = JSON.parse(stdout) as { failures: Failure[] };
  assert.deepEqual(
    failures.map(({ what, id, class: name, kind, at }) => [what, id, name, kind, at]),
    [
      ['document', 'page.md', 'model', 'unreadable', '1970-01-01T00:00:00.005Z'],
      ['task', 'lost', 'infrastructure', 'transient', '2026-01-02T00:00:00.000Z'],
      ['window', 'unread', 'model', 'unreadable', '2026-01-02T00:00:00.000Z'],
      ['task', 'wrong', 'spec', 'spec', '2026-01-02T00:00:00.000Z'],
    ],
  );
  const words = await lbi('@last', '--class', 'spec');
  assert.match(
    words.stdout,
    /^1 spec .*\n {2}task wrong {2}2026-01-02 00:00:00 UTC, spec\n {4}why\n\n.*lbi show r-2aaa TASK/,
  );
  const none = await lbi('@last', '--class', 'agent');
  assert.deepEqual([none.exitCode, none.stdout], [0, `nothing of the class agent failed in ${run}`]);
  const near = await lbi('lamp');
  assert.deepEqual([near.exitCode, /did you mean "lamps"\?/.test(near.stderr)], [3, true], near.stderr);
});
