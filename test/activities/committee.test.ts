/** Votes as the activities cast, keep and count them: whose they are, what a changed rule does with them, what it still has to ask. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { committeeOf } from '../../activities/committee.ts';
import { conclude, finishedEpisode } from '../../activities/conclude.ts';
import { type Judged, readJudged } from '../../activities/judged.ts';
import { record } from '../../activities/record.ts';
import { readRows } from '../../activities/rows.ts';
import { tally } from '../../activities/tally.ts';
import { vote } from '../../activities/vote.ts';
import { localEmbedder } from '../../models/embedder.ts';
import { knownEmbedder } from '../../models/weights.ts';
import type { Ref } from '../../schemas/common.ts';
import type { Absence, Candidate, Episode } from '../../schemas/episode.ts';
import type { DatasetSummary, TaskEntry } from '../../schemas/flow.ts';
import type { Vote } from '../../schemas/vote.ts';
import { checkRows } from '../../store/dataset/check.ts';
import { folderStore } from '../../store/folder.ts';
import { getJson, putJson } from '../../store/json.ts';
import type { Store } from '../../store/store.ts';
import { partsOf, storePlan } from './parts.ts';

/** Two criteria; what is answered stands in the instruction. */
const script = `rules:
  - { role: vote, when: "both fine", reply: { fits: "yes", short: "yes", reason: "Fine." }, probability: 0.9 }
  - { role: vote, when: "too long", reply: { fits: "yes", short: "no", reason: "Long." }, probability: { /fits: 0.9, /short: 0.2 } }
  - { role: vote, when: "wrong", reply: { fits: "no", short: "yes", reason: "Wrong." }, probability: 0.3 }
  - { role: vote, when: "babble", text: "I would rather not say." }
`;
const pipeline = `version: "1"
name: votes
models:
  writer: { provider: scripted, script: votes.yaml }
  judge: { provider: scripted, script: votes.yaml, temperature: 0.5 }
environments:
  board: { kind: scripted }
sources:
  - files: docs/*.md
stages:
  - { uses: instruct, model: writer }
  - { uses: interact, environment: board, model: writer }
  - { uses: construct, model: writer }
  - uses: filter
    duplicates: 1
    committee:
      members: [writer, judge]
      criteria: { fits: "Does it fit?", short: "Is it short?" }
      reasons: one
      accept: unanimous
  - { uses: export, formats: [openai], split: 0.5 }
`;
const prompts = {
  filter: '# System\n\n{{ criteria }}\n\n# User\n\n{{ instruction }}\n{{ trajectory }}\n',
  'filter/strict': '# System\n\nBe strict.\n{{ criteria }}\n\n# User\n\n{{ instruction }}\n{{ trajectory }}\n',
};

let folder: string;
let store: Store;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lbi-votes-'));
  await writeFile(join(folder, 'votes.yaml'), script);
  await writeFile(join(folder, 'strict.md'), prompts['filter/strict']);
});
after(() => rm(folder, { recursive: true, force: true }));

/** A store of its own for each test, and the pipeline with some of its text replaced. */
const fresh = async (): Promise<void> => {
  store = await folderStore(await mkdtemp(join(folder, 'store-')), { durable: 'process' });
};
const planWith = (...changes: [string, string][]): Promise<Ref> => {
  const text = changes.reduce((before, [from, to]) => {
    assert.ok(before.includes(from), from);
    return before.replaceAll(from, to);
  }, pipeline);
  return storePlan(store, text, prompts);
};
/** Parts whose models may not be asked. */
const silent = (): ReturnType<typeof partsOf> =>
  partsOf(store, folder, {
    model: () => {
      throw new Error('a model was asked');
    },
  });

const task: TaskEntry = { ref: '', id: 'task', title: 'task' };

/** Stores a task with a walk of two actions, and an example of it for each instruction. */
async function examplesOf(instructions: string[]): Promise<Ref[]> {
  const documentId = 'page.md#2';
  task.ref = await putJson(store, { id: 'task', instruction: 'Try', document: null, documentId, attempt: 0, seed: 0 });
  let head: Ref | null = null;
  for (const index of [0, 1, 2]) {
    const action = index === 0 ? null : { name: 'switch', arguments: { lamp: `lamp-${index}` } };
    const observation = { text: `board ${index}`, state: {}, stateHash: `hash${index}` };
    head = await putJson(store, { parent: head, index, reason: '', action, observation });
  }
  const window = { from: 0, to: 2, steps: [1, 2] };
  const example = { style: 'new-task', window, head, task: task.ref, environment: 'board' };
  return Promise.all(instructions.map((instruction) => putJson(store, { ...example, instruction })));
}

const facts = { outcome: 'finished' as const, detail: '', steps: 2, windows: 1, dropped: {}, usage: {} };

/** Every member of the plan votes on every instruction; the episode is concluded and its page sealed. */
async function runOf(
  plan: Ref,
  instructions: string[],
  options: { members?: string[]; absent?: Absence[] } = {},
): Promise<Ref> {
  const deps = partsOf(store, folder);
  const members = options.members ?? committeeOf(await deps.plan(plan))?.members.map(({ name }) => name) ?? [];
  const candidates: Candidate[] = [];
  for (const example of await examplesOf(instructions)) {
    const votes: Ref[] = [];
    for (const member of members) votes.push((await vote(deps)({ plan, example, member })).vote);
    candidates.push({ example, votes, ...(options.absent === undefined ? {} : { absent: options.absent }) });
  }
  return conclude(deps)({ plan, record: { task: task.ref, trajectory: null, candidates, ...facts } });
}

/** Seals the record as the run's only page, counts under the plan, asking nobody. */
async function count(plan: Ref, ref: Ref): Promise<{ summary: DatasetSummary; judged: Judged[] }> {
  const entry = { ...facts, ...task, task: task.ref, record: ref, voted: 0, kept: 0, unreadable: 0 };
  await record(silent())({ run: 'r-1', page: 0, entries: [{ ...entry, reused: true, recalled: false }] });
  const summary = await tally(silent())({ plan, run: 'r-1', pages: 1 });
  return { summary, judged: (await readJudged(store, 'r-1')) ?? [] };
}

const finished = async (plan: Ref) => finishedEpisode(silent(), await silent().plan(plan), task);

test('a model that is renamed keeps its votes: they are its voter’s, and not a name’s', async () => {
  await fresh();
  const before = await planWith();
  const ref = await runOf(before, ['both fine', 'wrong']);
  const renamed = await planWith(['judge', 'referee'], ['writer', 'author']);
  assert.equal((await finished(renamed))?.kept, 1);
  const { summary, judged } = await count(renamed, ref);
  assert.equal(summary.kept, 1);
  assert.deepEqual(summary.dropped, { 'author says no: fits': 1 });
  assert.deepEqual(
    judged.find(({ kept }) => kept)?.votes.map(({ member }) => member),
    ['author', 'referee'],
  );
  const [row] = await readRows(store, await silent().plan(renamed), summary.rows);
  assert.deepEqual(
    row?.votes.map(({ member, yes }) => [member, yes]),
    [
      ['author', true],
      ['referee', true],
    ],
  );
});

test('a name that another model takes over inherits no vote', async () => {
  await fresh();
  const ref = await runOf(await planWith(), ['both fine']);
  const other = await planWith(['temperature: 0.5', 'temperature: 0.7']);
  const { summary } = await count(other, ref);
  assert.deepEqual([summary.kept, summary.dropped], [0, { 'Not decided: no vote of judge.': 1 }]);
});

test('rules, weights and what passes count stored answers again', async () => {
  await fresh();
  const ref = await runOf(await planWith(), ['both fine', 'too long', 'wrong']);
  const kept = async (...changes: [string, string][]): Promise<number> => {
    const plan = await planWith(...changes);
    const { summary } = await count(plan, ref);
    assert.equal((await finished(plan))?.kept, summary.kept);
    return summary.kept;
  };
  assert.equal(await kept(), 1);
  assert.equal(await kept(['accept: unanimous', 'accept: unanimous\n      passes: { share: 0.5 }']), 3);
  const heavy = 'criteria: { fits: { ask: "Does it fit?", weight: 3 }, short: "Is it short?" }';
  const criteria = 'criteria: { fits: "Does it fit?", short: "Is it short?" }';
  assert.equal(
    await kept([criteria, heavy], ['accept: unanimous', 'accept: unanimous\n      passes: { share: 0.75 }']),
    2,
  );
  assert.equal(await kept(['accept: unanimous', 'accept: { confidence: 0.25 }']), 2);
  assert.equal(await kept(['accept: unanimous', 'accept: { confidence: 0.95 }']), 0);
  assert.equal(
    await kept(
      ['[writer, judge]', '[{ model: writer, weight: 2 }, judge]'],
      ['accept: unanimous', 'accept: { share: 1 }'],
    ),
    1,
  );
});

test('the kept rows are accepted by the same rule when they are checked', async () => {
  await fresh();
  const plan = await planWith(['accept: unanimous', 'accept: unanimous\n      passes: { share: 0.5 }']);
  const { summary } = await count(plan, await runOf(plan, ['both fine', 'too long']));
  const rows = await readRows(store, await silent().plan(plan), summary.rows);
  assert.equal(rows.length, 2);
  assert.deepEqual(await checkRows(store, rows, committeeOf(await silent().plan(plan))), []);
  const stricter = committeeOf(await silent().plan(await planWith()));
  assert.equal(
    (await checkRows(store, rows, stricter)).filter(({ message }) => /rule does not accept/.test(message)).length,
    1,
  );
});

test('the same model with a prompt of its own is another voter', async () => {
  await fresh();
  const plan = await planWith(['[writer, judge]', '[writer, { model: writer, name: strict, prompt: strict.md }]']);
  const ref = await runOf(plan, ['both fine']);
  const { candidates } = await getJson<Episode>(store, ref);
  const voters = candidates[0]?.digest.ballots.map(({ voter }) => voter) ?? [];
  assert.equal(new Set(voters).size, 2);
  const alone = committeeOf(await silent().plan(await planWith()))?.members.map(({ voter }) => voter);
  assert.equal(voters[0], alone?.[0]);
  const { name } = (await getJson<Vote>(store, candidates[0]?.votes[1] ?? '')) as unknown as { name?: string };
  assert.equal(name, undefined);
  assert.equal((await count(plan, ref)).summary.kept, 1);
});

test('votes that were not needed are asked for when another rule needs them, and only then', async () => {
  await fresh();
  const early: [string, string] = ['accept: unanimous', 'accept: unanimous\n      ask: until-decided'];
  const plan = await planWith(early);
  const committee = committeeOf(await silent().plan(plan));
  const absent: Absence = { voter: committee?.members[1]?.voter ?? '', member: 'judge', why: 'not-needed', detail: '' };
  const ref = await runOf(plan, ['wrong'], { members: ['writer'], absent: [absent] });
  const { summary, judged } = await count(plan, ref);
  assert.deepEqual(summary.dropped, { 'writer says no: fits': 1 });
  assert.deepEqual(summary.absent, { 'judge was not asked: the verdict stood': 1 });
  assert.deepEqual(judged[0]?.absent, [absent]);
  // One no leaves `at_least: 2` decided, and `at_least: 1` open.
  assert.equal((await finished(await planWith(early, ['unanimous', '{ at_least: 2 }'])))?.record, ref);
  const lenient = await planWith(early, ['unanimous', '{ at_least: 1 }']);
  assert.equal(await finished(lenient), undefined);
  const more = await runOf(lenient, ['wrong']);
  assert.notEqual(more, ref);
  assert.equal((await finished(lenient))?.record, more);
  assert.equal((await finished(plan))?.record, ref);
});

test('an optional member that failed is not missed, and one whose reply cannot be read is not counted', async () => {
  await fresh();
  const optional = await planWith(['[writer, judge]', '[writer, { model: judge, optional: true }]']);
  const voter = committeeOf(await silent().plan(optional))?.members[1]?.voter ?? '';
  const absent: Absence = { voter, member: 'judge', why: 'failed', detail: 'rejected key' };
  const ref = await runOf(optional, ['both fine'], { members: ['writer'], absent: [absent] });
  assert.equal((await finished(optional))?.kept, 1);
  const { summary } = await count(optional, ref);
  assert.deepEqual([summary.kept, summary.absent], [1, { 'judge failed to answer': 1 }]);
  // Required again: now its vote is missing, and the episode is not finished.
  assert.equal(await finished(await planWith()), undefined);
});

test('a required reply that cannot be read is a no, an optional one nothing', async () => {
  await fresh();
  const both = await planWith();
  assert.deepEqual((await count(both, await runOf(both, ['babble']))).summary.dropped, {
    "writer's reply could not be read": 1,
  });
  await fresh();
  await writeFile(join(folder, 'babbling.yaml'), 'rules: [{ role: vote, text: "I would rather not say." }]\n');
  const spare = await planWith(
    ['judge: { provider: scripted, script: votes.yaml', 'judge: { provider: scripted, script: babbling.yaml'],
    ['[writer, judge]', '[writer, { model: judge, optional: true }]'],
  );
  assert.equal((await count(spare, await runOf(spare, ['both fine']))).summary.kept, 1);
});

test('outside of what is expected the summary says so; inside and at its edges it does not', async () => {
  await fresh();
  const ref = await runOf(await planWith(), ['both fine', 'wrong']);
  const unexpected = async (band: string): Promise<string[] | undefined> => {
    const plan = await planWith(['duplicates: 1', `duplicates: 1\n    expect: { keep_rate: ${band} }`]);
    return (await count(plan, ref)).summary.unexpected;
  };
  assert.equal(await unexpected('[0.2, 0.7]'), undefined);
  assert.equal(await unexpected('[0.5, 0.5]'), undefined);
  assert.deepEqual(await unexpected('[0.6, 0.9]'), [
    '1 of 2 judged examples were kept, a share of 0.50; expected 0.6 to 0.9 (expect.keep_rate)',
  ]);
  assert.match((await unexpected('[0, 0.4]'))?.[0] ?? '', /1 of 2/);
});

test('instructions that mean the same are one; their vectors are made once', async (context) => {
  const cache = process.env.LBI_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'lbi');
  const embedder = await localEmbedder(join(cache, knownEmbedder.folder));
  context.after(() => embedder.close());
  await fresh();
  const said = [
    'Create a new page called Milk. both fine',
    'Make a new page with the name Milk. both fine',
    'Delete all tags of the oldest journal. both fine',
  ];
  const plan = await planWith(['duplicates: 1', 'duplicates: { words: 1, meaning: 0.85 }']);
  const ref = await runOf(plan, said);
  const entry = { ...facts, ...task, task: task.ref, record: ref, voted: 3, kept: 3, unreadable: 0 };
  await record(silent())({ run: 'r-1', page: 0, entries: [{ ...entry, reused: true, recalled: false }] });
  let embedded = 0;
  const counting = {
    ...embedder,
    embed: (texts: string[]) => {
      embedded += texts.length;
      return embedder.embed(texts);
    },
  };
  const count = () => tally(partsOf(store, folder, { embedder: async () => counting }))({ plan, run: 'r-1', pages: 1 });
  const first = await count();
  assert.deepEqual(first.dropped, { 'means the same as a kept example': 1 });
  assert.equal(embedded, 3);
  assert.deepEqual(await count(), first);
  assert.equal(embedded, 3);
});
