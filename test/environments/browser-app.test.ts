/** Applications are started for a session, and end with it, with the worker, or at the next start. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startApp } from '../../environments/app.ts';
import { browserDriver } from '../../environments/browser/driver.ts';
import { forgetGroup, killGroup, noteGroup, processIsAlive, reapOrphans } from '../../environments/orphans.ts';
import type { BrowserSpec } from '../../schemas/pipeline/environment.ts';
import { contextIn, openPlace, refOf, temporaryFolder } from './browser-place.ts';

/** A server that keeps a count in its folder, and starts a child of its own as real applications do. */
const SERVER = `
const { createServer } = require('node:http');
const { spawn } = require('node:child_process');
const { readFileSync, writeFileSync } = require('node:fs');
const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' });
writeFileSync('pids', process.pid + ' ' + child.pid);
console.log('secret is', process.env.LBI_TEST_SECRET);
const count = () => Number(readFileSync('count', 'utf8'));
createServer((request, response) => {
  if (request.url === '/add') { writeFileSync('count', String(count() + 1)); response.writeHead(302, { location: '/' }); return response.end(); }
  response.setHeader('content-type', 'text/html');
  response.end('<title>Counter</title><p role="status">count ' + count() + '</p><a href="/add">Add</a><p>' + process.env.LBI_TEST_SECRET + '</p>');
}).listen(Number(process.argv[1]), '127.0.0.1');
`;

const spec = {
  command: ['${node}', '-e', SERVER, '${port}'],
  setup: [['sh', '-c', 'echo 4 > count']],
};

const alive = (pids: number[]): number[] => pids.filter(processIsAlive);

const settleDown = async (pids: number[]): Promise<number[]> => {
  for (let wait = 0; wait < 200 && alive(pids).length > 0; wait++) await sleep(50);
  return alive(pids);
};

const pidsOf = async (folder: string): Promise<number[]> => {
  return (await readFile(join(folder, 'pids'), 'utf8')).split(' ').map(Number);
};

test('each session has its own application, reset makes it new, close ends all of it', async (t) => {
  process.env.LBI_TEST_SECRET = 'hush';
  t.after(() => delete process.env.LBI_TEST_SECRET);
  const [one, two] = [await openPlace(t, { app: spec }), await openPlace(t, { app: spec })];
  assert.match(one.first.text, /^Page: Counter\nURL: http:\/\/127\.0\.0\.1:\d+\/\n- status: count 4/);
  assert.match(one.first.text, /undefined/, 'no variable of the worker reaches it');
  assert.notEqual(one.first.state.url, two.first.state.url);
  assert.equal(one.first.stateHash, two.first.stateHash, 'the port is no difference');
  await one.on('click', 'Add');
  assert.match(one.last().text, /count 5/);
  const other = await two.act('goto', { url: String(one.first.state.url) });
  assert.equal(other.error?.class, 'denied', 'the application of another session');
  const before = await pidsOf(join(one.workdir, 'app'));
  const again = await one.session.reset({ id: 'again', seed: 1 });
  assert.match(again.text, /count 4/);
  assert.deepEqual(await settleDown(before), []);
  const pids = [...(await pidsOf(join(one.workdir, 'app'))), ...(await pidsOf(join(two.workdir, 'app')))];
  assert.equal(alive(pids).length, 4);
  await Promise.all([one.session.close(), two.session.close()]);
  assert.deepEqual(await settleDown(pids), []);
  assert.deepEqual(await readdir(one.workdir), ['journal.jsonl']);
});

test('an application that does not come up says why', async (t) => {
  const cases: [Parameters<typeof startApp>[0], string, RegExp][] = [
    [
      { command: ['${node}', '-e', 'console.error("no such wiki"); process.exit(3)'] },
      'operator',
      /exit 3\)\. Its last lines:\nno such wiki/,
    ],
    [{ command: ['no-such-program-here'] }, 'operator', /was not found/],
    [
      { command: ['sleep', '60'], start_timeout: 0.3 },
      'operator',
      /was not ready after 0\.3 s: http:\S+ gave connect ECONNREFUSED/,
    ],
    [
      { ...spec, setup: [['sh', '-c', 'echo broken; exit 1']] },
      'operator',
      /app\.setup: "sh -c .*" failed[\s\S]*broken/,
    ],
    [{ command: ['x', '${prot}'] }, 'spec', /\$\{prot\} is not known here\. Known: \$\{dir\}, \$\{node\}, \$\{port\}/],
    [{ command: ['x', '${package}'] }, 'spec', /app\.package is not set/],
    [{ ...spec, copy: 'no-such-folder' }, 'spec', /app\.copy: .*no-such-folder could not be copied/],
  ];
  for (const [app, kind, message] of cases) {
    const workdir = await temporaryFolder(t);
    await assert.rejects(startApp(app, contextIn(workdir)), { name: 'EnvironmentError', kind, message });
    assert.ok(!(await readdir(workdir)).includes('application.json'), 'no note is left');
  }
});

test('the application ends when its worker is killed', async (t) => {
  const workdir = await temporaryFolder(t);
  const source = `
    import { startApp } from ${JSON.stringify(join(import.meta.dirname, '../../environments/app.ts'))};
    const context = { workdir: ${JSON.stringify(workdir)}, signal: new AbortController().signal };
    const app = await startApp(${JSON.stringify(spec)}, context);
    console.log(app.dir);
    setInterval(() => {}, 1000);`;
  const worker = spawn(process.execPath, ['--input-type=module-typescript', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => worker.kill('SIGKILL'));
  const [said] = (await once(worker.stdout, 'data')) as [Buffer];
  const pids = await pidsOf(said.toString().trim());
  assert.equal(alive(pids).length, 2);
  worker.kill('SIGKILL');
  assert.deepEqual(await settleDown(pids), []);
});

test('the next start ends what a dead worker left, and nothing else', async (t) => {
  const root = await temporaryFolder(t);
  const group = (name: string) => {
    const child = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
    const pid = child.pid ?? 0;
    t.after(() => killGroup(pid));
    return { folder: join(root, name), pid, ended: once(child, 'exit') };
  };
  const [orphan, reused, kept] = [group('orphan'), group('reused'), group('kept')];
  for (const { folder, pid } of [orphan, reused, kept]) {
    await mkdir(folder);
    await noteGroup(folder, pid);
  }
  const rewrite = async (folder: string, change: object): Promise<void> => {
    const path = join(folder, 'application.json');
    await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, 'utf8')), ...change }));
  };
  await rewrite(orphan.folder, { ownerStarted: 'another time' });
  await rewrite(reused.folder, { ownerStarted: 'another time', groupStarted: 'another time' });
  await mkdir(join(root, 'damaged'));
  await writeFile(join(root, 'damaged', 'application.json'), '{"group": -1');
  assert.deepEqual(await reapOrphans(root), [orphan.pid]);
  await orphan.ended;
  assert.deepEqual(alive([reused.pid, kept.pid]), [reused.pid, kept.pid]);
  assert.deepEqual(await reapOrphans(root), []);
  await forgetGroup(kept.folder);
  assert.deepEqual(await reapOrphans(join(root, 'nowhere')), []);
});

test('a first page that is no page, or not allowed, is a mistake in the pipeline', async (t) => {
  const workdir = await temporaryFolder(t);
  const cases: [Omit<BrowserSpec, 'kind'>, RegExp][] = [
    [{}, /not the address of a first page/],
    [{ url: 'ftp://host/' }, /not the address of a first page/],
    [{ url: 'http://127.0.0.1:1/', allow: ['http://127.0.0.1:2/*'] }, /not among what `allow` lets through/],
    [{ url: 'http://127.0.0.1:1/', allow: ['everything'] }, /not a URL pattern/],
  ];
  for (const [part, message] of cases) {
    const session = await browserDriver.open({ kind: 'browser', ...part }, contextIn(workdir));
    await assert.rejects(session.reset({ id: 'x', seed: 1 }), { kind: 'spec', message });
    await session.close();
  }
  const closed = await browserDriver.open({ kind: 'browser', url: 'http://127.0.0.1:1/' }, contextIn(workdir));
  await assert.rejects(closed.reset({ id: 'x', seed: 1 }), { kind: 'transient', message: /could not be opened/ });
  await closed.close();
});

test('the worker going down closes the session', async (t) => {
  const stop = new AbortController();
  const place = await openPlace(t, { app: spec }, { signal: stop.signal });
  const pids = await pidsOf(join(place.workdir, 'app'));
  refOf(place.first, 'Add');
  stop.abort();
  assert.deepEqual(await settleDown(pids), []);
  await assert.rejects(place.session.step({ name: 'back', arguments: {} }, 1), { kind: 'session-lost' });
});
