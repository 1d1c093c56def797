/** What a shell is told while one types, asked as the shell asks it: `lbi complete -- WORDS…`. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { execa } from 'execa';
import { folderStore } from '../../store/folder.ts';
import { writePage } from '../../store/json.ts';

const main = join(import.meta.dirname, '..', '..', 'cli', 'main.ts');

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lbi-completion-'));
  await mkdir(join(folder, 'sub'));
  await writeFile(join(folder, 'pipeline.yaml'), 'profiles:\n  tiny: {}\n  "two words": {}\n');
  await writeFile(join(folder, 'broken.yaml'), 'profiles: [\n');
  await writeFile(join(folder, 'sub', 'other.yml'), '');
  await writeFile(join(folder, 'notes.txt'), '');
  const store = await folderStore(join(folder, '.lbi', 'store'));
  for (const [run, pipeline] of [
    ['r-2aaa', 'old'],
    ['r-3bbb', 'new'],
  ] as const)
    await writePage(store, `run-records/${run}.json`, {
      run,
      pipeline,
      plan: '',
      file: '',
      workflowId: '',
      createdAt: '2026-01-01T00:00:00Z',
    });
  const entry = { id: 'docs-page-1f2e3d', title: 'Do it' };
  await writePage(store, 'runs/r-3bbb/episodes/000001.json', [entry]);
});
after(() => rm(folder, { recursive: true, force: true }));

const lbi = (args: string[], env: Record<string, string> = {}, cwd = folder) =>
  execa(process.execPath, [main, ...args], {
    cwd,
    env: { PATH: process.env.PATH, HOME: folder, ...env },
    extendEnv: false,
    reject: false,
    timeout: 60_000,
  });

/** The values offered for the last of the words. */
const offered = async (...words: string[]): Promise<string[]> => {
  const { stdout, stderr, exitCode } = await lbi(['complete', '--', ...words]);
  assert.equal(exitCode, 0, stderr);
  assert.equal(stderr, '');
  const lines = stdout.split('\n');
  assert.match(lines.at(-1) ?? '', /^:\d+$/);
  return lines.slice(0, -1).map((line) => line.split('\t')[0] ?? '');
};

test('commands, flags, files, profiles, runs, tasks, stages and keys', async () => {
  const cases: [words: string[], expected: string[]][] = [
    [['va'], ['validate']],
    [['retry', '@last', '--class', 'j'], ['judge']],
    [
      ['prompt', ''],
      ['show', 'list', 'copy', 'help'],
    ],
    [['run', 'pipeline.yaml', '--det'], ['--detach']],
    [
      ['run', ''],
      ['broken.yaml', 'pipeline.yaml', 'sub/'],
    ],
    [['run', 'sub/'], ['sub/other.yml']],
    [['validate', 'pipeline.yaml', 'b'], ['broken.yaml']],
    [
      ['run', 'pipeline.yaml', '--profile', ''],
      ['tiny', 'two words'],
    ],
    [['run', 'broken.yaml', '--profile', ''], []],
    [['run', '--profile', ''], []],
    [
      ['attach', ''],
      ['@last', 'r-3bbb', 'r-2aaa'],
    ],
    [['show', 'r-2'], ['r-2aaa']],
    [['show', '@last', ''], ['docs-page-1f2e3d']],
    [['show', 'r-nothing', ''], []],
    [
      ['prompt', 'show', 'con'],
      ['construct/new-task', 'construct/replicate'],
    ],
    [['prompt', 'show', 'filter', '--from', '@'], ['@last']],
    [
      ['explain', 'filter.committee.acc'],
      [
        'filter.committee.accept',
        'filter.committee.accept.at_least',
        'filter.committee.accept.confidence',
        'filter.committee.accept.share',
      ],
    ],
    [
      ['init', '--provider', 'o'],
      ['openai', 'ollama'],
    ],
    [['init', '--from', 'quick'], ['quickstart']],
    [['completion', 'z'], ['zsh']],
    [['frobnicate', ''], []],
  ];
  for (const [words, expected] of cases)
    assert.deepEqual((await offered(...words)).toSorted(), expected.toSorted(), words.join(' '));
});

test('without a store there are no runs, and none is made', async () => {
  const elsewhere = join(folder, 'sub');
  const { stdout, exitCode, stderr } = await lbi(['complete', '--', 'show', ''], {}, elsewhere);
  assert.deepEqual([exitCode, stdout, stderr], [0, ':4', '']);
  await assert.rejects(import('node:fs/promises').then(({ stat }) => stat(join(elsewhere, '.lbi'))));
});

test('each shell has a script; bash accepts its own, whatever the program was called', async () => {
  for (const shell of ['bash', 'zsh', 'fish', 'powershell']) {
    const { stdout, exitCode } = await lbi(['completion', shell], { LBI_NAME: './lbi' });
    assert.equal(exitCode, 0);
    assert.match(stdout, /complete '?--/);
    assert.doesNotMatch(stdout, /\.\/lbi/);
    if (shell === 'bash') await execa('bash', ['-n'], { input: stdout });
  }
  const wrong = await lbi(['completion', 'tcsh']);
  assert.equal(wrong.exitCode, 2);
  assert.match(wrong.stderr, /Allowed choices are/);
  assert.match((await lbi(['--help'])).stdout, /^ {2}completion .*script/m);
});
