import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ModelError } from '../../core/errors.ts';
import {
  fileSha256,
  findWeights,
  knownEmbedder,
  knownModels,
  knownWeights,
  weightsSha256,
} from '../../models/weights.ts';

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lbi-weights-'));
  await mkdir(join(folder, 'models'));
});
after(() => rm(folder, { recursive: true }));

const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';

test('the table is whole: every file has a hash, a size, a licence and sources that can be read', () => {
  const files = [...knownModels, ...knownEmbedder.files];
  assert.equal(new Set(files.map((file) => file.sha256)).size, files.length);
  for (const file of files) {
    assert.match(file.sha256, /^[0-9a-f]{64}$/);
    assert.ok(Number.isInteger(file.bytes) && file.bytes > 0);
    assert.ok(file.sources.length > 0);
    for (const source of file.sources) {
      if (source.kind === 'hub') assert.ok(URL.canParse(source.url));
      else {
        assert.equal(source.kind, 'python');
        for (const part of source.parts) {
          assert.match(part.version, /^\d+\.\d+\.\d+$/);
          assert.ok(part.member.startsWith(`${part.package.replaceAll('-', '_')}/`));
        }
      }
    }
  }
  for (const known of [...knownModels, knownEmbedder]) assert.equal(known.license, 'Apache-2.0');
});

test('a model is known by its name and by its hash, in any case', () => {
  const known = knownWeights('Qwen2.5-Coder-0.5B');
  assert.equal(known?.bytes, 491_400_064);
  assert.equal(knownWeights(known.sha256.toUpperCase()), known);
  assert.equal(knownWeights('qwen'), undefined);
  assert.equal(weightsSha256('./model.gguf'), undefined);
  assert.equal(weightsSha256(abc), abc, 'a hash that is not in the table is still a hash');
});

test('weights are found by path and by hash; what is not there is undefined', async () => {
  const path = join(folder, 'mine.gguf');
  await writeFile(path, 'abc');
  assert.deepEqual(await findWeights(path, folder), { path, sha256: abc });
  assert.equal(await findWeights(abc, folder), undefined);
  assert.equal(await findWeights('qwen2.5-coder-1.5b', folder), undefined);
  assert.equal(await findWeights(folder, folder), undefined, 'a folder is not weights');
  await writeFile(join(folder, 'models', `${abc}.gguf`), 'abc');
  assert.equal((await findWeights(abc, folder))?.sha256, abc);
});

test('a damaged file of the cache is an operator error that says what to do', async () => {
  const sha256 = knownWeights('qwen2.5-coder-0.5b')?.sha256 ?? '';
  await writeFile(join(folder, 'models', `${sha256}.gguf`), 'half a download');
  await assert.rejects(findWeights('qwen2.5-coder-0.5b', folder), (error) => {
    assert.ok(error instanceof ModelError && error.kind === 'operator');
    assert.match(error.message, /damaged.*sha256.*lbi doctor --fix/s);
    return true;
  });
});

test('a changed file is hashed again', async () => {
  const path = join(folder, 'changing.gguf');
  await writeFile(path, 'abc');
  assert.equal(await fileSha256(path), abc);
  await writeFile(path, 'abcd');
  assert.notEqual(await fileSha256(path), abc);
  await rm(path);
  await assert.rejects(fileSha256(path), { code: 'ENOENT' });
});
