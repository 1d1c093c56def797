/** Wrong pipelines of several files: each folder must print what its `expected.txt` holds. Flags stand in `flags.json`. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadSpec } from '../../core/spec/load.ts';
import { renderProblems } from '../../core/spec/render.ts';

const folder = join(import.meta.dirname, 'wrong-files');
/** Set to rewrite the expected texts; read every one of them before keeping it. */
const rewrite = process.env.LBI_REWRITE_EXPECTED === '1';

const printed = (at: string): string => {
  const read = (path: string): string | undefined =>
    existsSync(join(at, path)) ? readFileSync(join(at, path), 'utf8') : undefined;
  const loaded = loadSpec({
    ...(JSON.parse(read('flags.json') ?? '{}') as { input?: string[]; set?: string[]; profile?: string }),
    text: read('pipeline.yaml') ?? assert.fail(`${at} has no pipeline.yaml`),
    file: 'pipeline.yaml',
    environment: { A_TOKEN: 'value-that-must-not-be-shown' },
    files: { read, list: (path) => readdirSync(join(at, path)) },
    fileExists: (path) => existsSync(join(at, path)),
  });
  assert.ok('problems' in loaded, `${at} is accepted`);
  return renderProblems(loaded.problems, loaded.sources, { color: false });
};

for (const name of readdirSync(folder)) {
  test(`${name} is refused in words that help`, () => {
    const expected = join(folder, name, 'expected.txt');
    const output = printed(join(folder, name));
    assert.doesNotMatch(output, /must-not-be-shown|sk-not-a-real/);
    if (rewrite) writeFileSync(expected, output);
    else assert.equal(output, readFileSync(expected, 'utf8'));
  });
}
