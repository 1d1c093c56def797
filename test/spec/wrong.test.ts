/** Wrong pipelines of the kinds that newcomers write: each must print what the text file beside it holds. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadSpec } from '../../core/spec/load.ts';
import { renderProblems } from '../../core/spec/render.ts';
import { docsMissing } from '../../environments/environments.ts';

const folder = join(import.meta.dirname, 'wrong');
/** Set to rewrite the expected texts; read every one of them before keeping it. */
const rewrite = process.env.LBI_REWRITE_EXPECTED === '1';

const printed = (file: string): string => {
  const text = readFileSync(join(folder, file), 'utf8');
  const loaded = loadSpec({
    text,
    file,
    environment: { LBI_HOST: '127.0.0.1', LBI_STEPS: 'many', GEMINI_API_KEY: 'value-that-must-not-be-shown' },
    knownPrice: (_provider, model) => model.startsWith('claude-sonnet'),
    docsMissing,
    fileExists: (path) => path !== 'prompts/missing.md',
  });
  assert.ok('problems' in loaded, `${file} is accepted`);
  return renderProblems(loaded.problems, { [file]: text }, { color: false });
};

for (const file of readdirSync(folder).filter((name) => name.endsWith('.yaml'))) {
  test(`${file} is refused in words that help`, () => {
    const expected = join(folder, file.replace(/\.yaml$/, '.txt'));
    const output = printed(file);
    assert.doesNotMatch(output, /must-not-be-shown|sk-not-a-real/);
    if (rewrite) writeFileSync(expected, output);
    else assert.equal(output, readFileSync(expected, 'utf8'));
  });
}
