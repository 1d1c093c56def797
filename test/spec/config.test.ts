/** lbi config: what comes out of several files loads to the same pipeline, and every value says where it was set. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { Document, parse } from 'yaml';
import { yamlText } from '../../cli/config.ts';
import { withDefaults } from '../../core/spec/defaults.ts';
import { type Setting, settingsOf, writtenSpec } from '../../core/spec/origins.ts';
import { base, goodFiles, type Texts } from './files.ts';

const texts: Texts = {
  'work/p.yaml': `extends: ../base.yaml
stages: { interact: { max_steps: "\${input:steps}" }, construct: { model: writer } }
inputs: { steps: { type: integer, default: 5 } }
profiles:
  small: { stages: { construct: { styles: [new-task] } } }
`,
  'base.yaml': `x-cold: &cold { temperature: 0 }
${base
  .replace('{ provider: scripted,', '{ <<: *cold, provider: scripted,')
  .replace(
    '{ kind: shell }',
    () => '{ kind: shell, variables: { TOKEN: "a-${env:A_TOKEN}", HOST: "${env:HOST:-here}" } }',
  )}`,
};
const more = { environment: { A_TOKEN: 'hush' }, profile: 'small', set: ['seed=9'], input: ['steps=3'] };

const settings = (): Setting[] => settingsOf(goodFiles(texts, more).tree, withDefaults(goodFiles(texts, more).spec));

test('every value says where it was set', () => {
  const shown = new Map(settings().map(({ path, ...rest }) => [path, rest]));
  const at = (path: string): unknown => shown.get(path);
  assert.deepEqual(at('name'), { value: 'demo', from: 'base.yaml:3:7' });
  assert.deepEqual(at('seed'), { value: 9, from: '--set seed=9' });
  assert.deepEqual(at('inputs.steps'), { value: 3, from: '--input steps=3' });
  const steps = { value: 3, from: '--input steps=3', input: 'steps', used: 'work/p.yaml:2:34' };
  assert.deepEqual(at('stages.interact.max_steps'), steps);
  const style = { value: 'new-task', from: 'work/p.yaml:5:44', profile: 'small' };
  assert.deepEqual(at('stages.construct.styles[0]'), style);
  assert.deepEqual(at('stages.construct.uses'), { value: 'construct', from: 'work/p.yaml:2:54' });
  assert.deepEqual(at('models.writer.temperature'), { value: 0, from: 'base.yaml:1:30', used: 'base.yaml:5:13' });
  assert.deepEqual(at('models.writer.script'), { value: '../writer.yaml', from: 'base.yaml:5:52' });
  const host = { value: 'here', from: 'base.yaml:7:69', variables: ['HOST'] };
  assert.deepEqual(at('environments.box.variables.HOST'), host);
  assert.deepEqual(at('stages.interact.attempts'), { value: 1, from: 'default' });
});

test('a sensitive value is shown as the variable that it comes from', () => {
  const token = settings().find(({ path }) => path.endsWith('TOKEN'));
  assert.deepEqual([token?.value, token?.variables], ['a-${env:A_TOKEN}', ['A_TOKEN']]);
  assert.doesNotMatch(JSON.stringify([settings(), writtenSpec(goodFiles(texts, more).tree)]), /hush/);
});

test('the settings are all values of the full pipeline, each once', () => {
  const { spec } = goodFiles(texts, more);
  const leaves = (value: unknown): number => {
    const below = typeof value === 'object' && value !== null ? Object.values(value) : undefined;
    return below === undefined ? 1 : below.reduce<number>((sum, each) => sum + leaves(each), 0);
  };
  const paths = settings().map(({ path }) => path);
  assert.equal(new Set(paths).size, paths.length);
  assert.equal(paths.length, leaves(withDefaults(spec)));
});

test('what is printed loads to the same pipeline, whatever its texts hold', () => {
  const part = fc.constantFrom(
    '$',
    '$$',
    '{',
    '}',
    '${',
    '${dir}',
    '${port}',
    '${x}',
    'a',
    ' ',
    '"',
    "'",
    '#',
    ': ',
    '\n',
    '${input:w}',
    '${env:V}',
  );
  const text = fc.array(part, { maxLength: 8 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(text, text, (one, two) => {
      // What a person writes for a text is the text with its `$` doubled.
      const setup = [one.replaceAll('$', '$$$$'), '${input:w}', '${env:V:-none}', '${dir}'];
      const pipeline = {
        inputs: { w: { type: 'text' } },
        ...parse(base),
        environments: { box: { kind: 'shell', setup } },
      };
      const flags = { input: [`w=${two}`] };
      const { spec, tree } = goodFiles({ 'p.yaml': yamlText(new Document(pipeline)) }, flags);
      assert.deepEqual(spec.environments.box, { kind: 'shell', setup: [one, two, 'none', '${dir}'] });
      const again = goodFiles({ 'p.yaml': yamlText(new Document(writtenSpec(tree))) }).spec;
      const { inputs: _values, ...rest } = spec;
      assert.deepEqual(again, rest);
    }),
  );
});

let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'lbi-config-'));
  for (const [path, text] of Object.entries({ ...texts, 'writer.yaml': '- reply: x\n' })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
});
after(() => rmSync(folder, { recursive: true, force: true }));

const lbi = (...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> =>
  new Promise((done) => {
    const options = { cwd: folder, env: { PATH: process.env.PATH, NO_COLOR: '1', A_TOKEN: 'hush', LBI_NAME: 'lbi' } };
    const main = join(import.meta.dirname, '../../cli/main.ts');
    execFile(process.execPath, [main, ...args], options, (error, stdout, stderr) =>
      done({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
    );
  });

test('lbi config prints the pipeline, with defaults where they are asked for', async () => {
  const plain = await lbi('config', 'work/p.yaml');
  assert.deepEqual([plain.code, plain.stderr], [0, '']);
  assert.match(
    plain.stdout,
    /^# work\/p\.yaml over base\.yaml\n# inputs\.steps = 5 {3}work\/p\.yaml:3:44\nversion: "1"\n/,
  );
  assert.match(plain.stdout, /max_steps: 5\n/);
  assert.doesNotMatch(plain.stdout, /hush|default/);
  const full = await lbi('config', 'work/p.yaml', '--defaults');
  assert.match(full.stdout, /attempts: 1 # default\n/);
  assert.match(full.stdout, /max_steps: 5\n/);
});

test('lbi config --sources aligns its columns; --json holds the same', async () => {
  const { code, stdout } = await lbi('config', 'work/p.yaml', '--sources', '--set', 'steps=4', '--profile', 'small');
  assert.equal(code, 0);
  const rows = stdout.trimEnd().split('\n');
  const starts = new Set(rows.map((row) => row.search(/(?<= {2})(\S+:\d+:\d+|--set .*)( {2}|$)/)));
  assert.equal(starts.size, 1, stdout);
  assert.match(stdout, /styles\[0\] +new-task +work\/p\.yaml:5:44 +profile small\n/);
  const document = JSON.parse((await lbi('config', 'work/p.yaml', '--sources', '--json', '--input', 'steps=4')).stdout);
  assert.deepEqual(
    [document.schema, document.data.files, document.data.inputs],
    ['lbi.config/1', ['work/p.yaml', 'base.yaml'], { steps: 4 }],
  );
  assert.equal(document.data.settings.length > 10, true);
  assert.doesNotMatch(JSON.stringify(document), /hush/);
});

test('lbi config answers 3 for a wrong pipeline and 2 for a missing file', async () => {
  const wrong = await lbi('config', 'work/p.yaml', '--input', 'step=4');
  assert.deepEqual([wrong.code, wrong.stdout], [3, '']);
  assert.match(wrong.stderr, /did you mean "steps"/);
  assert.equal((await lbi('config', 'none.yaml')).code, 2);
});

test('lbi validate reads all files, names them, and takes inputs', async () => {
  writeFileSync(join(folder, 'work/wrong.yaml'), 'extends: p.yaml\nmodels: { writer: { temperature: hot } }\n');
  const { code, stdout } = await lbi('validate', 'work/wrong.yaml', 'work/p.yaml', '--json', '--input', 'steps=4');
  assert.equal(code, 3);
  const [wrong, right] = JSON.parse(stdout).data;
  assert.deepEqual(
    [wrong.files, wrong.problems[0].file],
    [['work/wrong.yaml', 'work/p.yaml', 'base.yaml'], 'work/wrong.yaml'],
  );
  assert.equal(right.valid, true);
  writeFileSync(join(folder, 'work/folder.yaml'), 'extends: ..\n');
  assert.match((await lbi('validate', 'work/folder.yaml')).stderr, /there is no file/);
});
