/** The example of one's own modules: its place and its model keep the contracts, and its run gives what its comments promise. */
import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { execa } from 'execa';
import { loadModule } from '../../cli/modules.ts';
import type { Model } from '../../index.ts';
import type maskedModel from '../../pipelines/examples/own-modules/masked-model.ts';
import type notesFile from '../../pipelines/examples/own-modules/notes-file.ts';
import { environmentContract, modelContract } from '../../testing.ts';
import { lastEvent } from '../engine/place.ts';

const root = join(import.meta.dirname, '../..');
const example = join(root, 'pipelines/examples/own-modules');
const notes = (await loadModule(example, './notes-file.ts')).exported as typeof notesFile;
const masked = (await loadModule(example, './masked-model.ts')).exported as typeof maskedModel;
const folder = await mkdtemp(join(tmpdir(), 'lbi-example-'));
const lbi = (...args: string[]) =>
  execa(process.execPath, [join(root, 'cli/main.ts'), ...args], { cwd: folder, reject: false, timeout: 200_000 });
after(async () => {
  await lbi('down');
  await rm(folder, { recursive: true, force: true });
});

const common = { sessions: 1, observation: { max_chars: 2000, screenshot: false }, step_timeout: 5 };

environmentContract('notes-file', {
  driver: notes,
  spec: { start: { milk: '2 litres' }, ...common },
  maxChars: 2000,
  changes: (seen) => ({ name: 'set', arguments: { key: 'tea', value: `number ${seen.text.length}` } }),
  looks: () => ({ name: 'remove', arguments: { key: 'nothing' } }),
  fails: () => ({ name: 'remove', arguments: { key: 'nothing' } }),
  unicode: { action: () => ({ name: 'set', arguments: { key: 'tea', value: 'чай 茶' } }), shows: 'чай 茶' },
});

const heard: string[] = [];
const inner: Model = {
  identity: 'inner',
  scripted: false,
  images: false,
  complete: async ({ messages }) => {
    heard.push(JSON.stringify(messages));
    const text = '{"answer":"yes","reason":"It is."}';
    const usage = { calls: 1, input: 10, cached: 0, cacheWrites: 0, output: 5, usd: 0 };
    return { value: JSON.parse(text), text, stop: 'complete', detail: '', usage, model: 'inner' };
  },
  close: async () => {},
};
const open = (): Promise<Model> =>
  masked.open(
    {
      ...{ inner: 'inner', patterns: ['wat[a-z]+'], timeout: 5, temperature: 0, max_tokens: 100 },
      limits: { concurrency: 1 },
    },
    { model: async () => inner, secret: () => '', weights: async () => '', file: (path) => path },
  );

modelContract('masked-model', open);

test('the model around another one masks what it passes on', async () => {
  const model = await open();
  const signal = new AbortController().signal;
  const content = [{ type: 'text' as const, text: 'Is water wet?' }];
  const reply = await model.complete(
    { role: 'x', system: '', messages: [{ role: 'user', content }], schema: { type: 'object' }, maxTokens: 10 },
    { signal },
  );
  assert.equal(reply.stop, 'complete');
  assert.match(heard.at(-1) ?? '', /Is \[masked\] wet/);
});

test('the example validates, runs, and gives a dataset and cards', { timeout: 240_000 }, async () => {
  await cp(join(root, 'pipelines/examples/own-modules'), folder, { recursive: true });
  const valid = await lbi('validate', 'pipeline.yaml');
  assert.equal(valid.exitCode, 0, valid.stderr);
  const done = lastEvent((await lbi('run', 'pipeline.yaml', '--json')).stdout);
  assert.equal(done.status, 'COMPLETED', JSON.stringify(done));
  assert.equal(done.progress.funnel.dropped['forbidden-words: holds "erase everything"'], 1);
  assert.equal(done.progress.dataset?.kept, 2);
  const [cards] = done.progress.dataset?.own ?? [];
  const text = await readFile(join(cards?.folder ?? '', 'train.md'), 'utf8');
  assert.match(text, /^# How to keep notes\n/);
  assert.match(text, /1\. set \{"key":"bread","value":"3 loaves"\}/);
  const checked = await lbi('check', '@last');
  assert.equal(checked.exitCode, 0, checked.stdout);
});
