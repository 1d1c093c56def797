/** A run whose payloads are encrypted: nothing of it is in the server's file in the clear, the UI reads it, and keys can be changed and lost. */
import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Client, Connection } from '@temporalio/client';
import { encryptionCodec } from '../../cli/encryption/codec.ts';
import { newKey, parseKeys } from '../../cli/encryption/keys.ts';
import type { ServerRecord } from '../../cli/server/record.ts';
import { lastEvent, launch, makePlace, type Place, progressWhen, until } from './place.ts';

const [first, second] = [newKey(), newKey()];
const canary = 'Zwetschgenknoedel';
let place: Place;
before(async () => {
  place = await makePlace({
    documents: 3,
    oneTask: true,
    models:
      '  writer: { provider: scripted, script: lamps.script.yaml, delay: 0.1 }\n  judge: { provider: scripted, script: lamps.script.yaml }',
  });
  const script = join(place.folder, 'lamps.script.yaml');
  // The first word of every instruction is one that nothing else contains.
  const text = await readFile(script, 'utf8');
  await writeFile(script, text.replaceAll('Switch', canary));
  await keys(first);
});
after(() => place.close());

const keys = (...all: string[]): Promise<void> =>
  writeFile(join(place.folder, '.env'), all.length === 0 ? '' : `LBI_ENCRYPTION_KEY=${all.join(',')}\n`);

const idOf = (key: string): string => parseKeys(key).first?.id ?? '';

const record = async (): Promise<ServerRecord> =>
  JSON.parse(await readFile(join(place.folder, '.lbi', 'server.json'), 'utf8')) as ServerRecord;

/** A client of the folder's server that reads with the key. */
async function reader(key: string, work: (client: Client) => Promise<void>): Promise<void> {
  const connection = await Connection.connect({ address: `127.0.0.1:${(await record()).port}` });
  const ring = parseKeys(key);
  try {
    await work(new Client({ connection, dataConverter: { payloadCodecs: [encryptionCodec(() => ring)] } }));
  } finally {
    await connection.close();
  }
}

/** Everything that the server has written. */
async function database(): Promise<Buffer> {
  const folder = join(place.folder, '.lbi');
  const names = (await readdir(folder)).filter((name) => name.includes('.sqlite'));
  assert.ok(names.length > 0);
  return Buffer.concat(await Promise.all(names.map((name) => readFile(join(folder, name)))));
}

test('a run works, and its tasks, titles and keys of the store are in the server in no readable form', async () => {
  const { stdout, stderr, exitCode } = await place.lbi('run', 'pipeline.yaml', '--json');
  assert.equal(exitCode, 0, stderr);
  const done = lastEvent(stdout);
  assert.equal(done.status, 'COMPLETED');
  const shown = await place.lbi('show', done.run);
  assert.match(shown.stdout, new RegExp(canary), 'the test means nothing where no task has the word');
  const bytes = await database();
  assert.ok(bytes.includes('binary/encrypted'));
  assert.ok(bytes.includes(idOf(first)));
  for (const text of [canary, canary.toLowerCase(), 'documents to dataset', 'Current details'])
    assert.ok(!bytes.includes(text), text);
});

test('the page of the UI may have payloads decoded; other pages, names and forms may not', async () => {
  const { uiPort, codecPort } = await record();
  const settings = (await (await fetch(`http://127.0.0.1:${uiPort}/api/v1/settings`)).json()) as {
    Codec: { Endpoint: string };
  };
  assert.equal(settings.Codec.Endpoint, `http://127.0.0.1:${codecPort}`);
  const client = await place.client();
  const { executions } = await client.workflowService.listWorkflowExecutions({ namespace: 'default' });
  const memo = executions?.find(({ type }) => type?.name === 'pipeline')?.memo?.fields?.plan;
  assert.ok(memo?.data);
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
  const metadata = Object.fromEntries(
    Object.entries(memo.metadata ?? {}).map(([name, value]) => [name, base64(value)]),
  );
  const body = JSON.stringify({ payloads: [{ metadata, data: base64(memo.data) }] });
  const ask = (
    headers: Record<string, string>,
    method = 'POST',
  ): Promise<{ status: number; text: string; allowed: unknown }> =>
    new Promise((done, failed) => {
      const asking = request(
        {
          host: '127.0.0.1',
          port: codecPort,
          path: '/decode',
          method,
          headers: { 'content-type': 'application/json', ...headers },
        },
        async (response) => {
          const text = (await response.toArray()).join('');
          done({ status: response.statusCode ?? 0, text, allowed: response.headers['access-control-allow-origin'] });
        },
      );
      asking.on('error', failed);
      asking.end(method === 'POST' ? body : undefined);
    });
  const origin = `http://127.0.0.1:${uiPort}`;
  const preflight = await ask({ origin, 'access-control-request-method': 'POST' }, 'OPTIONS');
  assert.deepEqual([preflight.status, preflight.allowed], [204, origin]);
  const answered = await ask({ origin });
  assert.equal(answered.status, 200, answered.text);
  assert.equal(answered.allowed, origin);
  const { payloads } = JSON.parse(answered.text) as { payloads: { data: string }[] };
  assert.match(Buffer.from(payloads[0]?.data ?? '', 'base64').toString(), /^"[0-9a-f]{64}"$/);
  for (const headers of [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: `http://127.0.0.1:${uiPort}.evil.example` },
    { host: 'rebound.example' },
    { origin, 'content-type': 'text/plain' },
  ] as Record<string, string>[]) {
    const refused = await ask(headers);
    assert.ok(refused.status === 403 || refused.status === 415, JSON.stringify(headers));
    assert.doesNotMatch(refused.text, /[0-9a-f]{64}/);
    if (headers.origin !== origin) assert.equal(refused.allowed, undefined);
  }
});

test('failures are encrypted too, and the run that they end says why', async () => {
  const vendor = createServer((_, response) => {
    response.writeHead(400, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ error: { message: `${canary} is no good`, type: 'invalid_request_error' } }));
  });
  await new Promise<void>((ready) => vendor.listen(0, '127.0.0.1', ready));
  try {
    const { port } = vendor.address() as AddressInfo;
    const model = `{ provider: openai, model: m, base_url: "http://127.0.0.1:${port}/v1", price: { input: 0, output: 0 } }`;
    const text = (await readFile(join(place.folder, 'pipeline.yaml'), 'utf8'))
      .replace(/writer: \{ provider.*\}/, `writer: ${model}`)
      .replace('name: lamps', 'name: failing')
      .replace('uses: instruct,', 'uses: instruct, on_error: stop,');
    await writeFile(join(place.folder, 'failing.yaml'), text);
    const { stdout, stderr } = await place.lbi('run', 'failing.yaml', '--json', '--yes');
    const done = lastEvent(stdout || stderr);
    assert.equal(done.status, 'FAILED', stdout);
    assert.match(done.failure ?? '', /on_error is stop/);
  } finally {
    vendor.closeAllConnections();
    vendor.close();
  }
  const bytes = await database();
  assert.ok(!bytes.includes(canary));
  assert.ok(!bytes.includes('on_error is stop'));
});

test('a run goes on over a lost key, with a clear word at each command, and over a changed one', async () => {
  await writeFile(
    join(place.folder, 'pipeline.yaml'),
    (await readFile(join(place.folder, 'pipeline.yaml'), 'utf8'))
      .replace('max_steps: 6', 'max_steps: 5')
      .replaceAll('delay: 0.1', 'delay: 0.6'),
  );
  const run = await launch(place);
  await reader(first, async (client) => {
    await progressWhen(client, run, ({ inFlight }) => inFlight > 0);
  });
  await place.lbi('down');
  await keys();
  const blind = await place.lbi('up');
  assert.equal(blind.exitCode, 6);
  assert.match(
    blind.stderr,
    new RegExp(`encrypted with the key ${idOf(first)}, and LBI_ENCRYPTION_KEY is not set here: put that key .*\\.env`),
  );
  assert.doesNotMatch(blind.stderr, /\n\s+at /);
  const doctor = JSON.parse((await place.lbi('doctor', '--json')).stdout) as {
    data: { what: string; ok: boolean; detail: string }[];
  };
  const line = doctor.data.find(({ what }) => what === 'encryption');
  assert.equal(line?.ok, false);
  assert.match(line?.detail ?? '', new RegExp(`1 open run with the key ${idOf(first)}`));
  await keys(second);
  const wrong = await place.lbi('attach', run);
  assert.equal(wrong.exitCode, 6);
  assert.match(wrong.stderr, new RegExp(`LBI_ENCRYPTION_KEY has ${idOf(second)} here: add that key, after a comma`));

  // The key comes back behind a new one: the worker that waits sees it by itself.
  await keys(second, first);
  const ended = await place.lbi('attach', run, '--json');
  assert.equal(ended.exitCode, 0, ended.stderr);
  assert.equal(lastEvent(ended.stdout).status, 'COMPLETED');
  await reader(second, async (client) => {
    assert.match(JSON.stringify(await client.workflow.getHandle(`lamps/${run}`).result()), /"kept"/);
  });
  await until(async () => ((await database()).includes(idOf(second)) ? true : undefined), 'the new key is used');
});

test('a text that is no key is refused with what was expected', async () => {
  for (const text of ['passphrase', 'AAAA', `${first},${first.slice(0, 40)}`, `${first}!`]) {
    await keys(text);
    const { exitCode, stderr } = await place.lbi('up');
    assert.equal(exitCode, 6, stderr);
    assert.match(stderr, /LBI_ENCRYPTION_KEY holds no key in its \d\. place: expected 32 bytes in base64/);
    assert.ok(!stderr.includes(text));
  }
});
