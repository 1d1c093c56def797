/** What the users of a dataset do with it: `datasets` and DuckDB load what was written. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Row } from '../../schemas/dataset.ts';
import { formats } from '../../schemas/format.ts';
import { toChat } from '../../store/dataset/formats/openai.ts';
import { writeDataset } from '../../store/dataset/write.ts';
import { folderStore } from '../../store/folder.ts';
import { pythonWithDatasets, runProgram } from './python.ts';
import { plainTelling, sampleConversation, sampleFacts, sampleRow } from './sample.ts';
import { temporaryFolder } from './temporary.ts';

test('Python reads what was written: by the card, by TRL, by LLaMA-Factory', { timeout: 600_000 }, async (context) => {
  const found = await pythonWithDatasets();
  if ('reason' in found) return context.skip(found.reason);
  const folder = await temporaryFolder();
  try {
    const store = await folderStore(join(folder.path, 'store'), { durable: 'process' });
    const rows = await Promise.all([
      sampleRow(store, 'milk'),
      sampleRow(store, 'no document, no error', { document: null, window: { from: 0, to: 1, steps: [1] } }),
      sampleRow(store, 'ümläut "牛奶"\u2028', { split: 'test', style: 'replicate' }),
    ]);
    // the same argument is a text in one action and a number in another, as tools of one place may have it
    const [, second, third] = rows as [Row, Row, Row];
    const wait = { reason: '', action: 'wait', arguments: { ref: 7, seconds: 2 }, observation: 'later' };
    rows[1] = { ...second, steps: [...second.steps, wait], trajectory: { ...second.trajectory, steps: [1, 2] } };
    const place = join(folder.path, 'dataset');
    const inSteps = join(folder.path, 'in-steps');
    const onlyChat = join(folder.path, 'only-chat');
    await writeDataset(place, rows, sampleFacts, [...formats], plainTelling);
    await writeDataset(inSteps, rows, sampleFacts, ['trl', 'sharegpt'], { ...plainTelling, chat: 'steps' });
    await writeDataset(onlyChat, rows, sampleFacts, ['openai'], plainTelling);
    const script = join(import.meta.dirname, 'load.py');
    const cache = join(folder.path, 'cache');
    const ran = await runProgram(found.python, [script, place, onlyChat, inSteps, cache], { HF_HOME: cache });
    assert.equal(ran.code, 0, ran.stderr);
    const loaded = JSON.parse(ran.stdout);
    const both = { train: 2, test: 1 };
    assert.deepEqual(loaded.sizes, { examples: both, chat: both, 'chat only': both });
    for (const row of rows) {
      const back = loaded.examples.find((each: { id: string }) => each.id === row.id);
      assert.equal(back.instruction, row.instruction);
      assert.deepEqual(back.trajectory, row.trajectory);
      assert.deepEqual(back.document, row.document);
      const observations = back.steps.map((step: { observation: string }) => step.observation);
      assert.deepEqual(
        observations,
        row.steps.map((step) => step.observation),
      );
      assert.deepEqual(JSON.parse(back.steps[0].arguments), row.steps[0]?.arguments);
      assert.equal(back.votes[1].confidence, null);
    }
    const training = rows.filter((row) => row.split === 'train').sort((a, b) => (a.id < b.id ? -1 : 1));
    assert.deepEqual(
      loaded.roles,
      training.map((row) => toChat(sampleConversation(row)).messages.map((message) => message.role)),
    );
    const facts = training.map((row) => [row.id, row.steps.length, 'click', row.votes[0]?.criteria.aligned?.reason]);
    assert.deepEqual(loaded.duckdb, facts);
    checkTrl(loaded, training);
    checkShareGpt(loaded, training, third);
  } finally {
    await folder.remove();
  }
});

/** Arguments come back as they are: nothing is added for what only other actions have. */
function checkTrl(loaded: Record<string, Trl>, training: Row[]): void {
  const { trl: turns, 'trl in steps': steps } = loaded;
  assert.deepEqual(turns?.columns, ['id', 'messages', 'tools']);
  assert.equal(turns?.rows, training.length);
  const called = turns?.called.map(([call]) => call?.function.arguments);
  const finish = { answer: 'done' };
  assert.deepEqual(
    called,
    training.flatMap((row) => [...row.steps.map((step) => step.arguments), finish]),
  );
  assert.deepEqual(steps?.columns, ['id', 'step', 'prompt', 'completion']);
  const learnt = training.flatMap((row) => [...row.steps.filter(({ error }) => error === undefined), finish]);
  assert.equal(steps?.rows, learnt.length);
  assert.deepEqual(
    steps?.first.prompt?.map(({ role }) => role),
    ['system', 'user'],
  );
}

interface Trl {
  rows: number;
  columns: string[];
  first: { prompt?: { role: string }[] };
  called: { function: { arguments: object } }[][];
}

/** LLaMA-Factory wants an even number of turns, those of the model at even places. */
function checkShareGpt(loaded: Record<string, Record<string, Said[]>>, training: Row[], tested: Row): void {
  const { sharegpt: turns, 'sharegpt in steps': steps } = loaded;
  assert.deepEqual(Object.keys(turns ?? {}), ['tiddlywiki_train', 'tiddlywiki_test']);
  const said = turns?.tiddlywiki_train ?? [];
  assert.deepEqual(
    said.map(({ calls }) => calls.map(({ name }) => name)),
    training.map((row) => [...row.steps.map(({ action }) => action), 'finish']),
  );
  assert.equal(turns?.tiddlywiki_test?.[0]?.calls.length, tested.steps.length + 1);
  for (const each of [...said, ...(steps?.tiddlywiki_train ?? [])]) {
    assert.ok(each.system);
    const odd = each.from.filter((_, at) => at % 2 === 0);
    assert.ok(odd.every((from) => from === 'human' || from === 'observation'));
    assert.equal(each.from.length, odd.length * 2);
  }
  assert.deepEqual(said[0]?.tools, ['click', 'finish']);
}

interface Said {
  from: string[];
  calls: { name: string }[];
  tools: string[];
  system: boolean;
}
