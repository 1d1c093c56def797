import assert from 'node:assert/strict';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ModelError } from '../../core/errors.ts';
import { localEmbedder } from '../../models/embedder.ts';
import type { Embedder } from '../../models/model.ts';
import { fileSha256, knownEmbedder } from '../../models/weights.ts';

const cache = process.env.LBI_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'lbi');
const folder = join(cache, knownEmbedder.folder);

let embedder: Embedder;
before(async () => {
  embedder = await localEmbedder(folder);
});
after(() => embedder.close());

const dot = (a: Float32Array | undefined, b: Float32Array | undefined) =>
  Array.from(a ?? []).reduce((sum, value, index) => sum + value * (b?.[index] ?? 0), 0);

test('the installed files are those of the table', async () => {
  for (const file of knownEmbedder.files)
    assert.equal(await fileSha256(join(folder, file.path)), file.sha256, file.path);
});

test('vectors are of unit length and near where the meaning is near', async () => {
  const [wiki, same, other] = await embedder.embed([
    'How do I create a new page in the wiki?',
    'Add another article to the wiki',
    'The train to Bern leaves at noon',
  ]);
  assert.equal(wiki?.length, embedder.dimensions);
  assert.ok(Math.abs(dot(wiki, wiki) - 1) < 1e-4);
  assert.ok(dot(wiki, same) > dot(wiki, other) + 0.3, `${dot(wiki, same)} against ${dot(wiki, other)}`);
});

test('a vector does not depend on the texts beside it', async () => {
  const text = 'click the button "Save"';
  const [alone] = await embedder.embed([text]);
  const [, among] = await embedder.embed(['a much longer text '.repeat(60), text, '']);
  assert.deepEqual(among, alone);
});

test('empty, foreign, broken and endless texts all have a vector', async () => {
  const started = performance.now();
  const texts = ['', '   ', '日本語のページ 😀', 'half a pair \ud83d', 'x'.repeat(3_000_000), 'word '.repeat(100_000)];
  for (const vector of await embedder.embed(texts)) {
    assert.equal(vector.length, 384);
    assert.ok(Math.abs(dot(vector, vector) - 1) < 1e-3);
  }
  assert.ok(performance.now() - started < 15_000);
  assert.deepEqual(await embedder.embed([]), []);
});

test('a missing file is an operator error that names it and the command', async () => {
  const copy = await mkdtemp(join(tmpdir(), 'lbi-minilm-'));
  try {
    await cp(folder, copy, { recursive: true });
    await rm(join(copy, 'tokenizer.json'));
    await assert.rejects(localEmbedder(copy), (error) => {
      assert.ok(error instanceof ModelError && error.kind === 'operator');
      assert.match(error.message, /tokenizer\.json is missing.*lbi doctor --fix/s);
      return true;
    });
  } finally {
    await rm(copy, { recursive: true });
  }
});
