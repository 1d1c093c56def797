/** What the users of a dataset do with it: `datasets` and DuckDB load what was written. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { toChat } from '../../store/dataset/formats/openai.ts';
import { writeDataset } from '../../store/dataset/write.ts';
import { folderStore } from '../../store/folder.ts';
import { pythonWithDatasets, runProgram } from './python.ts';
import { plainTelling, sampleConversation, sampleFacts, sampleRow } from './sample.ts';
import { temporaryFolder } from './temporary.ts';

test('Python reads both formats by the card alone', { timeout: 600_000 }, async (context) => {
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
    const place = join(folder.path, 'dataset');
    const onlyChat = join(folder.path, 'only-chat');
    await writeDataset(place, rows, sampleFacts, ['openai', 'parquet'], plainTelling);
    await writeDataset(onlyChat, rows, sampleFacts, ['openai'], plainTelling);
    const script = join(import.meta.dirname, 'load.py');
    const cache = join(folder.path, 'cache');
    const ran = await runProgram(found.python, [script, place, onlyChat, cache], { HF_HOME: cache });
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
  } finally {
    await folder.remove();
  }
});
