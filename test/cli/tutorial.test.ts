/** docs/guides/write-a-pipeline.md is followed to the letter, from an empty folder: each snippet is done, each answer is compared. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { execa } from 'execa';

const root = join(import.meta.dirname, '..', '..');
const guide = await readFile(join(root, 'docs/guides/write-a-pipeline.md'), 'utf8');
const folder = await mkdtemp(join(tmpdir(), 'lbi-tutorial-'));
after(() => rm(folder, { recursive: true, force: true }));

interface Snippet {
  language: string;
  text: string;
  line: number;
}

const snippets = [...guide.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(
  ({ 1: language = '', 2: text = '', index }): Snippet => ({
    language,
    text,
    line: guide.slice(0, index).split('\n').length,
  }),
);

/** Runs lines of a shell in which `lbi` is this checkout's; whatever the exit code, what was said comes back. */
const shell = async (lines: string): Promise<string> => {
  const lbi = `lbi() { '${process.execPath}' '${join(root, 'cli/main.ts')}' "$@"; }`;
  const { all } = await execa('bash', ['-c', `${lbi}\n${lines}`], {
    cwd: folder,
    all: true,
    reject: false,
    env: { NO_COLOR: '1', LBI_NAME: 'lbi', COLUMNS: '200' },
  });
  return all;
};

test('the guide begins in an empty folder, has snippets of each kind, and each answer follows a command', async () => {
  assert.deepEqual(await readdir(folder), []);
  for (const language of ['sh', 'yaml', 'text']) assert.ok(snippets.some((snippet) => snippet.language === language));
});

let said = '';
for (const { language, text, line } of snippets) {
  test(`line ${line}: ${language} ${text.split('\n')[0]}`, async () => {
    if (language === 'yaml') {
      const name = /^# (\S+)\n/.exec(text)?.[1];
      assert.ok(name, 'a file begins with its name');
      await writeFile(join(folder, name), text);
    } else if (language === 'sh') said = await shell(text);
    else {
      assert.equal(language, 'text');
      let rest = said;
      for (const expected of text.split('\n').map((row) => row.trim())) {
        const at = rest.indexOf(expected);
        assert.ok(at >= 0, `"${expected}" is not in\n${rest}`);
        rest = rest.slice(at + expected.length);
      }
    }
  });
}

test('the folder holds what the guide made, and nothing of a run', async () => {
  assert.deepEqual((await readdir(folder)).sort(), ['docs', 'pipeline.yaml', 'plan.json']);
  const plan = JSON.parse(await readFile(join(folder, 'plan.json'), 'utf8')) as { schema: string; work: boolean };
  assert.deepEqual([plan.schema, plan.work], ['lbi.plan/1', true]);
});
