/** The dependency rule bites: every kind of forbidden import and habit, written to a file of its own, is reported for the right reason. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = await mkdtemp(join(tmpdir(), 'lbi-lint-'));
after(() => rm(folder, { recursive: true, force: true }));

const use = (from: string) => `import { thing } from '${from}';\nconsole.log(thing);\n`;
const store = '../store/folder.ts';
const driver = '../environments/browser.ts';

/** file, content, words of the expected report; no words = nothing may be reported */
const cases: [file: string, content: string, expected?: string][] = [
  ['schemas/a.ts', use('../core/plan.ts'), 'import nothing of the house'],
  ['schemas/b.ts', use('node:fs'), 'plain data'],
  ['schemas/c.ts', use('./common.ts')],
  ['core/a.ts', use(store), 'imports schemas alone'],
  ['core/b.ts', use('node:crypto'), 'core is pure'],
  ['core/c.ts', use('@temporalio/common'), 'core is pure'],
  ['core/d.ts', 'export const now = () => Date.now();\n', 'global variable Date'],
  ['core/e.ts', 'export const home = () => process.env.HOME;\n', 'global variable process'],
  ['core/f.ts', use('../cli/main.ts'), 'Only cli composes'],
  ['core/g.ts', use('../schemas/common.ts')],
  ['core/deep/h.ts', use('../../activities/act.ts'), 'imports schemas alone'],
  ['workflows/a.ts', use(store), 'Workflows are deterministic'],
  ['workflows/b.ts', use('node:path'), 'sandbox'],
  ['workflows/c.ts', use('@temporalio/client'), 'alone'],
  ['workflows/d.ts', use('@temporalio/common/lib/time.js'), 'alone'],
  ['workflows/e.ts', use('typebox'), 'slower'],
  [
    'workflows/f.ts',
    `${use('@temporalio/workflow')}import type { Act } from '../activities/act.ts';\nexport type { Act };\n`,
  ],
  ['workflows/g.ts', use('../activities/act.ts'), 'only types from activities'],
  ['activities/a.ts', use(driver), 'through Deps'],
  ['activities/b.ts', use('../models/openai.ts'), 'through Deps'],
  ['activities/c.ts', use(store), 'through Deps'],
  ['activities/d.ts', use('../workflows/episode.ts'), 'do not know the workflows'],
  [
    'activities/e.ts',
    `${use('../store/store.ts')}${use('../environments/environment.ts').replaceAll('thing', 'other')}`,
  ],
  ['activities/f.ts', use('../cli/view.ts'), 'Only cli composes'],
  ['environments/a.ts', use(store), 'never import each other'],
  ['environments/browser/b.ts', use('../../models/model.ts'), 'never import each other'],
  ['environments/c.ts', use('../temporal.config.ts'), 'stand below'],
  ['models/a.ts', use(driver), 'never import each other'],
  ['models/b.ts', use('@temporalio/activity'), 'knows Temporal'],
  ['models/c.ts', use('../core/errors.ts')],
  ['store/a.ts', use('../models/model.ts'), 'never import each other'],
  ['store/b.ts', use('../activities/act.ts'), 'stand below'],
  ['setup/a.mjs', use('../core/errors.ts'), 'setup runs before'],
  ['cli/a.ts', use('../store/folder.ts')],
  ['cli/b.ts', 'export default 1;\n', 'default export'],
  ['cli/c.ts', 'export const read = (value: any) => value;\n', 'any'],
  ['cli/d.ts', 'export const read = (value?: string) => value!;\n', 'non-null'],
  ['cli/e.ts', use('left-pad'), 'left-pad'],
  ['store/cycle.ts', `${use('./ring.ts')}export const other = 1;\n`, 'cycle'],
  ['store/ring.ts', `import { other } from './cycle.ts';\nexport const thing = other;\n`, 'cycle'],
];

interface Report {
  diagnostics: { severity: string; message: string; location?: { path?: string } }[];
}

function lint(): Promise<Report> {
  const biome = join(root, 'node_modules', '.bin', 'biome');
  return new Promise((done) => {
    execFile(
      biome,
      ['lint', '--reporter=json', '--max-diagnostics=none', '.'],
      { cwd: folder, maxBuffer: 1e8 },
      (_error, stdout) => done(JSON.parse(stdout)),
    );
  });
}

test('each forbidden import and habit is reported in its file, each allowed one is not', async (t) => {
  for (const name of ['biome.json', 'package.json', 'setup/types-only.grit'])
    await cp(join(root, name), join(folder, name));
  for (const [file, content] of cases) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), content);
  }
  const { diagnostics } = await lint();
  for (const [file, , expected] of cases) {
    await t.test(`${file}: ${expected ?? 'allowed'}`, () => {
      const found = diagnostics.filter(({ severity, location }) => severity === 'error' && location?.path === file);
      const messages = found.map(({ message }) => message);
      if (expected === undefined) assert.deepEqual(messages, []);
      else
        assert.ok(
          messages.some((message) => message.includes(expected)),
          `reported instead: ${JSON.stringify(messages)}`,
        );
    });
  }
});
