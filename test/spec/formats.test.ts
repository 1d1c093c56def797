/** `lbi validate` for machines: JSON, GitHub workflow commands, SARIF; folders, several files, and watching. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Log } from 'sarif';
import { codes } from '../../core/spec/codes.ts';

const main = join(import.meta.dirname, '../../cli/main.ts');
let folder = '';

const good = `version: "1"
name: demo
models:
  writer: { provider: scripted, script: a.yaml }
environments:
  box: { kind: shell }
sources:
  - files: docs/*.md
stages:
  - { uses: instruct, model: writer, prompt: own.md }
  - { uses: interact, model: writer, environment: box }
`;
const prompt = '# System\n\nRules.\n\n# User\n\n{{ document }} {{ count }}\n';

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'lbi-formats-'));
  mkdirSync(join(folder, 'some/deep, 100%'), { recursive: true });
  for (const place of ['', 'some', 'some/deep, 100%']) {
    writeFileSync(join(folder, place, 'a.yaml'), 'rules: []\n');
    writeFileSync(join(folder, place, 'own.md'), prompt);
  }
  writeFileSync(join(folder, 'good.yaml'), good);
  writeFileSync(join(folder, 'some/good.yaml'), good);
  writeFileSync(
    join(folder, 'some/deep, 100%/wrong.yaml'),
    good.replace('uses: interact', 'uses: interact, atempts: 2'),
  );
  writeFileSync(join(folder, 'warned.yaml'), good.replace('  box:', '  spare: { kind: shell }\n  box:'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

const start = (args: string[]): ChildProcess => {
  const { PATH, LBI_CACHE, HOME } = process.env;
  return spawn(process.execPath, [main, 'validate', ...args], {
    cwd: folder,
    env: { PATH, HOME, LBI_CACHE, NO_COLOR: '1' },
  });
};

const run = (...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> =>
  new Promise((done) => {
    const child = start(args);
    const said = { stdout: '', stderr: '' };
    child.stdout?.on('data', (text) => {
      said.stdout += text;
    });
    child.stderr?.on('data', (text) => {
      said.stderr += text;
    });
    child.on('close', (code) => done({ code, ...said }));
  });

test('a folder is every pipeline in it, and a line at the end counts', async () => {
  const { code, stdout, stderr } = await run('some', 'warned.yaml', 'good.yaml');
  assert.equal(code, 3);
  assert.match(stdout, /^some\/good\.yaml: valid[\s\S]*^warned\.yaml: valid[\s\S]*^good\.yaml: valid/m);
  assert.match(stderr, /^some\/deep, 100%\/wrong\.yaml:11:23: error\[unknown-key\]/m);
  assert.match(stderr, /^4 files: 1 not valid; 1 error, 1 warning$/m);
  assert.doesNotMatch(stdout + stderr, /a\.yaml:/);
});

test('--format json is --json', async () => {
  const [one, other] = [await run('some', '--format', 'json'), await run('some', '--json')];
  assert.deepEqual(one, other);
  assert.deepEqual(
    JSON.parse(one.stdout).data.map((report: { valid: boolean }) => report.valid),
    [false, true],
  );
  assert.equal((await run('some', '--format', 'yaml')).code, 2);
});

test('--format github writes workflow commands that GitHub reads back', async () => {
  const { code, stdout } = await run('.', '--format', 'github');
  assert.equal(code, 3);
  const commands = stdout
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [, severity, properties = '', message = ''] = /^::(error|warning) ([^:]*)::(.*)$/.exec(line) ?? [];
      const read = (text: string) =>
        text.replaceAll('%2C', ',').replaceAll('%3A', ':').replaceAll('%0A', '\n').replaceAll('%25', '%');
      const pairs = properties.split(',').map((pair) => pair.split('=').map(read));
      return { severity, ...Object.fromEntries(pairs), message: read(message) };
    });
  assert.deepEqual(commands, [
    {
      ...{
        severity: 'error',
        file: 'some/deep, 100%/wrong.yaml',
        line: '11',
        endLine: '11',
        col: '23',
        endColumn: '30',
      },
      title: 'lbi: unknown-key',
      message: commands[0]?.message,
    },
    {
      ...{ severity: 'warning', file: 'warned.yaml', line: '6', endLine: '6', col: '3', endColumn: '8' },
      title: 'lbi: unused',
      message: 'environments.spare is not used by any stage',
    },
  ]);
  assert.match(
    commands[0]?.message ?? '',
    /^unknown key "atempts" in stages\.interact\nDid you mean "attempts"\?\nExpected: uses, /,
  );
});

test('--format sarif has a rule for each code, regions inside the lines, and relative addresses', async () => {
  const { code, stdout } = await run('.', '--format', 'sarif', '--set', 'nothing=');
  assert.equal(code, 3);
  const log = JSON.parse(stdout) as Log;
  const [scan] = log.runs;
  assert.ok(scan !== undefined && log.version === '2.1.0' && log.$schema?.endsWith('sarif-schema-2.1.0.json'));
  const rules = scan.tool.driver.rules ?? [];
  assert.deepEqual(
    rules.map(({ id }) => id),
    Object.keys(codes),
  );
  for (const { shortDescription, fullDescription, help } of rules)
    assert.ok(
      shortDescription?.text &&
        fullDescription?.text &&
        help?.text.includes('Right:') &&
        help.markdown?.includes('```yaml'),
    );
  const results = scan.results ?? [];
  assert.ok(results.length > 4);
  for (const { ruleId, ruleIndex, level, message, locations } of results) {
    assert.equal(rules[ruleIndex ?? -1]?.id, ruleId);
    assert.ok(level === 'error' || level === 'warning');
    assert.ok((message.text ?? '').length > 10);
    const { artifactLocation, region } = locations?.[0]?.physicalLocation ?? {};
    assert.equal(artifactLocation?.uriBaseId, '%SRCROOT%');
    assert.doesNotMatch(artifactLocation?.uri ?? '', /^\/|^\w+:|[\s\\]/);
    assert.ok(region?.startLine === region?.endLine && (region?.endColumn ?? 0) > (region?.startColumn ?? 1));
  }
  const wrong = results.find(({ message }) => message.text?.includes('atempts'));
  const place = wrong?.locations?.[0]?.physicalLocation;
  assert.equal(place?.artifactLocation?.uri, 'some/deep%2C%20100%25/wrong.yaml');
  assert.deepEqual(place?.region, { startLine: 11, startColumn: 23, endLine: 11, endColumn: 30 });
});

test('validate loads what it needs: no schema library, no SDK', async () => {
  const listing = `import { registerHooks } from 'node:module';
registerHooks({ load: (url, context, next) => (process._rawDebug('loads ' + url), next(url, context)) });`;
  const hook = ['--import', `data:text/javascript,${encodeURIComponent(listing)}`];
  const { stderr } = spawnSync(process.execPath, [...hook, main, 'validate', 'good.yaml'], {
    cwd: folder,
    encoding: 'utf8',
  });
  const loaded = [...stderr.matchAll(/^loads .*node_modules\/((?:@[^/]+\/)?[^/]+)/gm)].map(([, name]) => name);
  assert.deepEqual([...new Set(loaded)].toSorted(), ['commander', 'yaml']);
});

/** Resolves when a running program has said something of a form. */
const says = (child: ChildProcess, pattern: RegExp): Promise<string> =>
  new Promise((done, fail) => {
    let said = '';
    const hear = (text: Buffer): void => {
      said += text;
      if (pattern.test(said)) done(said);
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    child.on('close', () => fail(new Error(`it ended and said: ${said}`)));
  });

test('--watch checks again when the pipeline or its prompt changes, and ends with the last verdict', {
  timeout: 60_000,
}, async () => {
  const child = start(['some/good.yaml', '--watch']);
  const closed = new Promise((done) => child.on('close', done));
  try {
    const first = await says(child, /watching/);
    assert.match(first, /some\/good\.yaml: valid/);
    assert.ok(!first.includes('\u001b'), 'no screen is cleared where there is none');
    const second = says(child, /watching/);
    writeFileSync(join(folder, 'some/own.md'), prompt.replace('document', 'documnt'));
    assert.match(await second, /error\[prompt\] own\.md:7: there is no variable "documnt"/);
    const third = says(child, /watching/);
    writeFileSync(join(folder, 'some/own.md'), prompt);
    assert.match(await third, /valid/);
    const fourth = says(child, /watching/);
    writeFileSync(join(folder, 'some/good.yaml'), good.replace('box: {', 'box: { colour: red,'));
    assert.match(await fourth, /unknown key "colour"/);
    child.kill('SIGINT');
    assert.equal(await closed, 3);
  } finally {
    child.kill('SIGKILL');
  }
});
