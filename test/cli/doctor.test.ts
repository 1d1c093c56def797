/** `lbi doctor FILE`: all that a pipeline needs and only that, each missing piece with its fix, and no key in sight. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { execa } from 'execa';

const main = join(import.meta.dirname, '..', '..', 'cli', 'main.ts');
const key = 'sk-very-secret-key-0123456789';

let folder = '';
let server: Server;
let address = '';
let asked = 0;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lbi-doctor-test-'));
  await mkdir(join(folder, 'docs'));
  await writeFile(join(folder, 'docs', 'one.md'), '# One\n');
  await writeFile(join(folder, 'replies.yaml'), 'rules: []\n');
  await writeFile(join(folder, 'broken.yaml'), 'rules: 3\n');
  await writeFile(join(folder, 'bad-prompt.md'), '# System\n\nx\n\n# User\n\n{{ documnt }}\n');
  server = createServer((request, response) => {
    asked += 1;
    if (request.url === '/robots.txt')
      return void response.writeHead(200, { 'content-type': 'text/plain' }).end('User-agent: *\nDisallow: /private/\n');
    if (/^\/(docs|private)\//.test(request.url ?? ''))
      return void response
        .writeHead(200, { 'content-type': 'text/html' })
        .end('<title>Lamps</title><main><h1>Lamps</h1><p>They burn.</p></main>');
    const known = /\/models(\/claude-x|\?.*)$/.test(request.url ?? '');
    const right = request.headers['x-api-key'] === key;
    response.writeHead(right ? (known ? 200 : 404) : 401).end('{"data":[{"id":"claude-x"}]}');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(async () => {
  server.close();
  await rm(folder, { recursive: true, force: true });
});

const pipeline = (model: string, more = ''): string => `version: "1"
name: examined
models:
  writer: ${model}
environments:
  board: { kind: scripted }
sources:
  - files: docs/*.md
stages:
  - { uses: instruct, model: writer${more} }
  - { uses: interact, environment: board, model: writer }
`;

interface Check {
  what: string;
  ok: boolean;
  needed: boolean;
  detail: string;
  fix?: string;
}

const doctor = async (text: string, args: string[] = [], env: Record<string, string> = {}) => {
  const file = `p${Math.random().toString(36).slice(2)}.yaml`;
  await writeFile(join(folder, file), text);
  const { stdout, stderr, exitCode } = await execa(process.execPath, [main, 'doctor', file, '--json', ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: folder, XDG_CACHE_HOME: join(process.env.HOME ?? '', '.cache'), ...env },
    extendEnv: false,
    reject: false,
    timeout: 60_000,
  });
  assert.ok(stdout !== '', stderr);
  assert.ok(!`${stdout}${stderr}`.includes(key), 'the key was printed');
  const { data } = JSON.parse(stdout) as { data: Check[] };
  return { data, exitCode, find: (what: string) => data.find((each) => each.what === what) };
};

const scripted = '{ provider: scripted, script: replies.yaml }';
const remote = (name = 'claude-x') =>
  `{ provider: anthropic, model: ${name}, api_key: "\${secret:DOCTOR_KEY}", base_url: "${address}" }`;

test('what a pipeline needs is checked, and nothing else', async () => {
  const { data, find } = await doctor(pipeline(scripted));
  assert.equal(find('model writer')?.ok, true);
  assert.match(find('source 1')?.detail ?? '', /^1 document from docs/);
  assert.equal(find('board: scripted environment')?.ok, true);
  for (const what of ['Node', 'temporal', 'server', 'folder', 'disk', 'prompts']) assert.ok(find(what), what);
  for (const what of ['Chromium', 'Ollama', 'keys', 'local models', 'bubblewrap', 'fonts'])
    assert.equal(
      data.some((check) => check.what.includes(what)),
      false,
      what,
    );
});

test('a key that is not set, refused, or right; a model that is not there', async () => {
  const unset = await doctor(pipeline(remote()));
  assert.equal(unset.exitCode, 6);
  assert.deepEqual(unset.find('model writer')?.fix, 'echo DOCTOR_KEY=… >> .env');
  const refused = await doctor(pipeline(remote()), [], { DOCTOR_KEY: 'sk-wrong' });
  assert.equal(refused.exitCode, 6);
  assert.match(refused.find('model writer')?.detail ?? '', /refuses the key \(401\)/);
  const right = await doctor(pipeline(remote()), [], { DOCTOR_KEY: key });
  assert.match(right.find('model writer')?.detail ?? '', /claude-x is there, the key works/);
  const other = await doctor(pipeline(remote('claude-y')), [], { DOCTOR_KEY: key });
  assert.match(other.find('model writer')?.detail ?? '', /did you mean claude-x\?/);
  assert.equal(other.exitCode, 6);
});

test('--no-online asks nobody', async () => {
  const before = asked;
  const { find } = await doctor(pipeline(remote()), ['--no-online'], { DOCTOR_KEY: key });
  assert.match(find('model writer')?.detail ?? '', /DOCTOR_KEY is set; not asked/);
  assert.equal(asked, before);
});

test('each broken piece is named with its fix, and the exit code is 6', async () => {
  const cases: [string, string, RegExp, RegExp][] = [
    ['model writer', pipeline('{ provider: scripted, script: broken.yaml }'), /broken\.yaml:1/, /correct broken\.yaml/],
    [
      'pipeline',
      pipeline(scripted, ', prompt: bad-prompt.md'),
      /1 mistake, the first in line \d+: .*bad-prompt\.md.*documnt/,
      /lbi validate/,
    ],
    ['source 1', pipeline(scripted).replace('docs/*.md', 'dics/*.md'), /no file matches "dics/, /correct `sources`/],
    [
      'pipeline',
      pipeline(scripted).replace('uses: interact', 'uses: intercat'),
      /1 mistake, the first in line 11: .*intercat/,
      /lbi validate/,
    ],
    [
      'model writer',
      pipeline('{ provider: local, model: ./none.gguf }'),
      /none\.gguf: its weights are not here/,
      /doctor --fix/,
    ],
    [
      'board: site',
      pipeline(scripted).replace('kind: scripted', 'kind: browser, url: "http://127.0.0.1:9/"'),
      /does not answer/,
      /start the site/,
    ],
    [
      'knowledge',
      pipeline(scripted).replace('board, model', 'board, knowledge: { index: r-none, observation: { k: 1 } }, model'),
      /no index in .*r-none/,
      /stage index/,
    ],
  ];
  await Promise.all(
    cases.map(async ([what, text, says, mends]) => {
      const { exitCode, find, data } = await doctor(text);
      const check = find(what);
      assert.ok(check, `${what} in ${data.map((each) => each.what).join()}`);
      assert.equal(check.ok, false, check.detail);
      assert.match(check.detail, says);
      assert.match(check.fix ?? '', mends);
      assert.equal(exitCode, 6);
    }),
  );
});

test('a site is read as a run would: its first page, and not what robots.txt forbids', async () => {
  const from = (path: string): string => pipeline(scripted).replace('files: docs/*.md', `site: ${address}${path}`);
  const read = await doctor(from('/docs/'));
  assert.match(read.find('source 1')?.detail ?? '', /\/docs\/ is read, beginning with "Lamps"/);
  const forbidden = await doctor(from('/private/'));
  assert.equal(forbidden.exitCode, 6);
  assert.match(forbidden.find('source 1')?.detail ?? '', /robots\.txt/);
  const silent = await doctor(from('/docs/'), ['--no-online']);
  assert.match(silent.find('source 1')?.detail ?? '', /not asked/);
});

test('a folder that cannot be used, and a file that is not there', async () => {
  await writeFile(join(folder, 'plain'), '');
  const { exitCode, find } = await doctor(pipeline(scripted), [], { LBI_HOME: join(folder, 'plain') });
  assert.equal(exitCode, 6);
  assert.match(find('folder')?.detail ?? '', /plain is a file/);
  const none = await execa(process.execPath, [main, 'doctor', 'none.yaml'], { cwd: folder, reject: false });
  assert.equal(none.exitCode, 2);
  assert.match(none.stderr, /no such file/);
  assert.doesNotMatch(none.stderr, /\n\s+at /);
});
