/** The embedded server for real: two starts at once, kill -9 and restart on the same file and ports, stale records, stop. */
import assert from 'node:assert/strict';
import { copyFile, mkdtemp, open as openFile, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import { Client, Connection } from '@temporalio/client';
import { defineSearchAttributeKey, TypedSearchAttributes } from '@temporalio/common';
import { compact } from '../../cli/server/database.ts';
import { databaseSize, rotateLogs } from '../../cli/server/disk.ts';
import { listensHere } from '../../cli/server/ports.ts';
import { isRunning } from '../../cli/server/process.ts';
import { readRecord, writeRecord } from '../../cli/server/record.ts';
import { serverStatus, startServer, stopServer } from '../../cli/server/server.ts';
import { readTemporalConfig } from '../../temporal.config.ts';

const folder = await mkdtemp(join(tmpdir(), 'lbi-server-'));
const home = join(folder, '.lbi');
// Ports of its own: the usual ones may belong to a server of somebody who works on this machine.
const config = readTemporalConfig({ LBI_TEMPORAL_PORT: '17233', LBI_TEMPORAL_UI_PORT: '18233' }, folder);

after(async () => {
  await stopServer(home);
  await rm(folder, { recursive: true, force: true });
});

async function within<T>(address: string, use: (client: Client, connection: Connection) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address });
  try {
    return await use(new Client({ connection }), connection);
  } finally {
    await connection.close();
  }
}

const count = (address: string, query: string) =>
  within(address, async (client) => (await client.workflow.count(query)).count);

test('a server is started once, survives kill -9, and is stopped', { timeout: 90_000 }, async (t) => {
  assert.equal((await serverStatus(home, config)).state, 'stopped');
  const [first, second] = await Promise.all([startServer(home, config), startServer(home, config)]);

  await t.test('two starts at once give one server', async () => {
    assert.deepEqual(first, second);
    assert.equal((await serverStatus(home, config)).state, 'running');
  });

  await t.test('retention and search attributes are set, and can be used at once', async () => {
    await within(first.address, async (client, connection) => {
      const { config: namespace } = await connection.workflowService.describeNamespace({ namespace: 'default' });
      assert.equal(Number(namespace?.workflowExecutionRetentionTtl?.seconds), 90 * 86_400);
      const run = defineSearchAttributeKey('LbiRun', 'KEYWORD');
      const done = defineSearchAttributeKey('LbiDone', 'INT');
      await client.workflow.start('waits', {
        taskQueue: 'nobody-polls',
        workflowId: 'kept',
        typedSearchAttributes: new TypedSearchAttributes([
          { key: run, value: 'r-1' },
          { key: done, value: 7 },
        ]),
      });
    });
  });

  await t.test('the web page answers', async () => {
    assert.equal((await fetch(first.uiUrl)).status, 200);
  });

  await t.test('after kill -9 it comes back on the same file and ports, with what was in it', async () => {
    const before = await readRecord(home);
    assert.ok(before?.pid && before.started);
    process.kill(before.pid, 'SIGKILL');
    while (await isRunning(before.pid, { started: before.started })) await new Promise((wake) => setTimeout(wake, 20));
    assert.equal((await serverStatus(home, config)).state, 'stopped');
    const again = await startServer(home, config);
    assert.equal(again.address, first.address);
    assert.equal(again.uiUrl, first.uiUrl);
    assert.notEqual(again.pid, first.pid);
    assert.equal(await count(again.address, 'LbiRun = "r-1" AND LbiDone = 7'), 1);
  });

  await t.test('stop ends it, and a second stop finds nothing', async () => {
    assert.equal(await stopServer(home), true);
    assert.equal((await serverStatus(home, config)).state, 'stopped');
    assert.equal(await stopServer(home), false);
  });
});

test('a record whose pid now belongs to another program is not trusted, and that program is not stopped', async () => {
  const known = await readRecord(home);
  assert.ok(known);
  await writeRecord(home, { ...known, pid: process.pid, started: '1' });
  assert.equal((await serverStatus(home, config)).state, 'stopped');
  assert.equal(await stopServer(home), false);
});

test('a port that somebody else took is left to them', { timeout: 60_000 }, async () => {
  const known = await readRecord(home);
  assert.ok(known);
  const squatter = createServer().listen(known.port, '127.0.0.1');
  await new Promise((ready) => squatter.once('listening', ready));
  try {
    const server = await startServer(home, config);
    assert.notEqual(server.address, `127.0.0.1:${known.port}`);
    assert.equal(await count(server.address, 'LbiRun = "r-1"'), 1);
    await stopServer(home);
  } finally {
    await new Promise((closed) => squatter.close(closed));
  }
});

test('a port that is taken while the server starts is not mistaken for the server', { timeout: 60_000 }, async () => {
  const { port } = (await readRecord(home)) ?? { port: 0 };
  assert.equal(await listensHere(process.pid, port), false);
  const squatter = createServer().listen(0, '127.0.0.1');
  await new Promise((ready) => squatter.once('listening', ready));
  const own = (squatter.address() as AddressInfo).port;
  assert.equal(await listensHere(process.pid, own), process.platform === 'linux' ? true : undefined);
  assert.equal(await listensHere(process.ppid, own), process.platform === 'linux' ? false : undefined);
  await new Promise((closed) => squatter.close(closed));
});

test('open runs in the file of another version are not left behind unsaid; one without is', {
  timeout: 60_000,
}, async () => {
  await stopServer(home);
  const { db = '' } = await serverStatus(home, config);
  const older = join(home, 'temporal-0.9.sqlite');
  await copyFile(db, older);
  await copyFile(`${db}-wal`, `${older}-wal`).catch(() => undefined);
  await assert.rejects(startServer(home, config), (error: Error) => {
    assert.match(error.message, /temporal-0\.9\.sqlite holds 1 open workflow of a server by temporal 0\.9/);
    assert.match(error.message, /LBI_TEMPORAL=\/path\/to\/temporal-0\.9 .*up[\s\S]*mv .*\.old/);
    return true;
  });
  const database = new DatabaseSync(older, { enableDoubleQuotedStringLiterals: true });
  database.exec('UPDATE executions_visibility SET status = 2');
  database.close();
  const server = await startServer(home, config);
  assert.equal(await count(server.address, 'LbiRun = "r-1"'), 1);
  await stopServer(home);
});

test('compacting gives room back and loses nothing', { timeout: 60_000 }, async () => {
  const { db = '' } = await serverStatus(home, config);
  const database = new DatabaseSync(db, { enableDoubleQuotedStringLiterals: true });
  database.exec('CREATE TABLE ballast (x BLOB)');
  database.exec('INSERT INTO ballast SELECT randomblob(4000000)');
  database.exec('DROP TABLE ballast');
  database.close();
  const size = await databaseSize(db);
  assert.ok(size !== undefined && size.free > 3.9e6 && size.bytes > size.free, JSON.stringify(size));
  const { before, after: left } = await compact(db);
  assert.ok(before - left > 3.9e6, `${before} → ${left}`);
  assert.equal((await databaseSize(db))?.free, 0);
  const server = await startServer(home, config);
  assert.equal(await count(server.address, 'LbiRun = "r-1"'), 1);
});

test('logs are moved aside when they have grown long, and go on in the same open file', async () => {
  const path = join(home, 'worker.log');
  await writeFile(path, `${'x'.repeat(99)}\n`.repeat(20));
  const open = await openFile(path, 'a');
  await rotateLogs(home, 1000);
  await open.write('later\n');
  await open.close();
  assert.equal(await readFile(path, 'utf8'), 'later\n');
  assert.equal((await stat(`${path}.1`)).size, 2000);
});

test('a damaged record and a lock of a dead owner do not stand in the way', { timeout: 60_000 }, async () => {
  await stopServer(home);
  await writeFile(join(home, 'server.json'), '{"pid": 12');
  await writeFile(join(home, 'server.lock'), JSON.stringify({ pid: 999_999_999, started: '5' }));
  const server = await startServer(home, config);
  assert.equal(server.address, '127.0.0.1:17233');
  const record = JSON.parse(await readFile(join(home, 'server.json'), 'utf8'));
  assert.equal(record.pid, server.pid);
});
