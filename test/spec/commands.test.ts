/** init, validate and schema as a person runs them: what they write, print and answer. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';

let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'lbi-commands-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs one command function in a process of its own, in the test's folder. */
const run = (file: string, call: string): Promise<Ended> =>
  new Promise((done) => {
    const at = pathToFileURL(join(import.meta.dirname, '../../cli', file)).href;
    const code = `import * as c from ${JSON.stringify(at)}; process.exitCode = await c.${call};`;
    const options = { cwd: folder, env: { PATH: process.env.PATH, NO_COLOR: '1' } };
    execFile(process.execPath, ['--input-type=module', '-e', code], options, (error, stdout, stderr) => {
      done({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });

const validate = (files: string[], options = {}): Promise<Ended> =>
  run('validate.ts', `validateCommand(${JSON.stringify(files)}, ${JSON.stringify(options)})`);

test('init writes a pipeline that is valid at once, and refuses to write over it', async () => {
  const first = await run('init.ts', 'initCommand("one")');
  assert.equal(first.code, 0);
  assert.match(first.stderr, /cd one\n {2}lbi doctor pipeline\.yaml\n/);
  assert.equal((await validate(['one/pipeline.yaml'])).code, 0);
  writeFileSync(join(folder, 'one/pipeline.yaml'), 'mine');
  const second = await run('init.ts', 'initCommand("one")');
  assert.equal(second.code, 1); // 2 by cli/main.ts, which knows a wrong call
  assert.match(second.stderr, /already there/);
  assert.equal(readFileSync(join(folder, 'one/pipeline.yaml'), 'utf8'), 'mine');
});

test('init leaves settings alone and adds what is missing to .gitignore', async () => {
  mkdirSync(join(folder, 'two/.vscode'), { recursive: true });
  writeFileSync(join(folder, 'two/.vscode/settings.json'), '// mine\n{}');
  writeFileSync(join(folder, 'two/.gitignore'), 'dist');
  const { code, stdout } = await run(
    'init.ts',
    'initCommand("two", { environment: "browser", provider: "local", json: true })',
  );
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(stdout).data.written, [
    'two/pipeline.yaml',
    'two/pipeline.schema.json',
    'two/.gitignore',
  ]);
  assert.equal(readFileSync(join(folder, 'two/.vscode/settings.json'), 'utf8'), '// mine\n{}');
  assert.equal(readFileSync(join(folder, 'two/.gitignore'), 'utf8'), 'dist\n.lbi/\n.env\n');
});

test('validate answers 3 for an invalid file, 2 for a missing one, and shows no stack', async () => {
  writeFileSync(join(folder, 'wrong.yaml'), 'version: 1\n');
  const wrong = await validate(['wrong.yaml']);
  assert.deepEqual([wrong.code, wrong.stdout], [3, '']);
  assert.match(wrong.stderr, /^wrong\.yaml:1:10: error\[type\]/m);
  for (const files of [['missing.yaml'], ['.'], []]) {
    const { code, stderr } = await validate(files);
    assert.equal(code, 2);
    assert.doesNotMatch(stderr, /\n\s+at /);
  }
});

test('validate --json prints one document with every problem and nothing else', async () => {
  const { code, stdout, stderr } = await validate(['wrong.yaml'], { json: true });
  assert.deepEqual([code, stderr], [3, '']);
  const document = JSON.parse(stdout);
  assert.equal(document.schema, 'lbi.validate/1');
  assert.equal(document.data[0].valid, false);
  assert.equal(document.data[0].problems[0].line, 1);
});

test('validate looks into profiles too, and names files that are not there', async () => {
  const text = readFileSync(join(folder, 'two/pipeline.yaml'), 'utf8');
  writeFileSync(join(folder, 'profile.yaml'), `${text}  typo: { budgte: { usd: 1 } }\n`);
  const { code, stderr } = await validate(['profile.yaml']);
  assert.equal(code, 3);
  assert.match(stderr, /unknown key "budgte"[\s\S]*did you mean "budget"/);
  writeFileSync(join(folder, 'prompt.yaml'), text.replace('per_document: 2', 'per_document: 2, prompt: mine.md'));
  assert.match((await validate(['prompt.yaml'])).stderr, /the prompt file "mine\.md" does not exist/);
});

test('--strict turns warnings into a refusal', async () => {
  writeFileSync(join(folder, 'warned.yaml'), readFileSync(join(folder, 'two/pipeline.yaml')));
  assert.equal((await validate(['warned.yaml'])).code, 0);
  assert.equal((await validate(['warned.yaml'], { strict: true })).code, 3);
});

test('schema prints JSON Schema draft-07', async () => {
  const { code, stdout } = await run('schema.ts', 'schemaCommand()');
  assert.equal(code, 0);
  assert.equal(JSON.parse(stdout).$schema, 'http://json-schema.org/draft-07/schema#');
});
