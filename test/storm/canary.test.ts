/**
 * Keys in every place where one can stand, vendors that repeat them in errors and in replies, and an agent that looks for them: after a run
 * with failures and a resume, none is in the histories, the database, the logs, the store, the dataset, what commands print, or what other
 * processes are told.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import type { JsonObject } from '../../schemas/common.ts';
import { lastEvent, launch, listed, makePlace, type Place, progressWhen } from '../engine/place.ts';
import { anthropicDialect } from '../models/vendor-servers/anthropic.ts';
import { googleDialect } from '../models/vendor-servers/google.ts';
import { openaiDialect } from '../models/vendor-servers/openai.ts';
import type { Dialect } from '../models/vendor-servers/vendor-server.ts';

/** With characters that look otherwise in an address, in JSON and in base64. */
const canary = (name: string): string => `cnry+${name}/Z0a?9=&"q\\7`;
const keys = {
  anthropic: canary('anthropic'),
  google: canary('google'),
  openai: canary('openai'),
  aws: canary('aws-secret'),
  github: canary('github-token'),
  temporal: canary('temporal-api-key'),
  unrelated: canary('unrelated'),
};

const dialects: Record<string, Dialect> = {
  anthropic: anthropicDialect,
  google: googleDialect,
  openai: openaiDialect,
};

/** What a careless service says back: the key in the forms that it has seen. */
const echo = (key: string): string =>
  `key ${key} ${encodeURIComponent(key)} ${Buffer.from(key).toString('base64')} ${Buffer.from(`user:${key}`).toString('base64')} ${Buffer.from(key).toString('hex')}`;

const bodyOf = async (request: IncomingMessage): Promise<JsonObject> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString()) as JsonObject;
};

/** What each voice is answered, the key repeated in it. */
function replyTo(text: string, key: string): string {
  const reason = `I was called with key ${key}`;
  if (text.includes('invent tasks')) return JSON.stringify({ tasks: ['List what the folder holds'] });
  if (text.includes('judge training data')) {
    const answers = { aligned: 'yes', coherent: 'yes', natural: 'yes', reasonable: 'yes', reason };
    return JSON.stringify(answers);
  }
  if (!text.includes('You are an agent')) return JSON.stringify({ instruction: 'List the folder.' });
  const look = 'env; cat /proc/*/environ | tr "\\\\0" "\\\\n"; cat ../.env ../../.env ../../../.env; echo looked';
  const action = text.includes('cat ../.env') ? { name: 'finish', answer: echo(key) } : { name: 'bash', command: look };
  return JSON.stringify({ reason, action });
}

let place: Place;
let url = '';
let judged = false;
const server = createServer(async (request, response) => {
  const [, vendor = '', ...rest] = (request.url ?? '').split('/');
  const received = { path: `/${rest.join('/')}`, headers: request.headers, body: await bodyOf(request) };
  const key = keys[vendor as keyof typeof keys];
  const text = JSON.stringify(received.body);
  const say = (status: number, body: unknown): void => {
    response.writeHead(status, { 'content-type': 'application/json', 'x-echo': encodeURIComponent(key) });
    response.end(JSON.stringify(body));
  };
  if (text.includes('Page of the barred'))
    return say(400, { error: { message: `bad request ${echo(key)}`, code: 400 } });
  if (vendor === 'openai' && !judged)
    return say(401, { error: { message: `wrong key: ${echo(key)}`, type: 'x', code: 'invalid_api_key' } });
  return say(200, dialects[vendor]?.reply({ text: replyTo(text, key) }, received));
});

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  place = await makePlace({
    documents: 0,
    change: () => `version: "1"
name: lamps
models:
  writer: { provider: google, model: gemini-2.5-flash, base_url: "${url}/google", api_key: "\${secret:CANARY_GOOGLE}" }
  actor: { provider: anthropic, model: claude-haiku-4-5, base_url: "${url}/anthropic", api_key: "\${secret:CANARY_ANTHROPIC}" }
  judge: { provider: openai, model: gpt-5-mini, base_url: "${url}/openai/v1", api_key: "\${secret:CANARY_OPENAI}" }
environments:
  box: { kind: shell, files: { notes.txt: "milk" } }
sources:
  - files: docs/*.md
stages:
  - { uses: instruct, model: writer, per_document: 1, retry: { attempts: 2, first_wait: 0.2 } }
  - { uses: interact, environment: box, model: actor, max_steps: 3 }
  - { uses: construct, model: writer, styles: [new-task] }
  - { uses: filter, committee: { members: [judge], reasons: one } }
  - { uses: export, formats: [openai, parquet, atif] }
`,
    environment: {
      CANARY_ANTHROPIC: keys.anthropic,
      AWS_SECRET_ACCESS_KEY: keys.aws,
      GITHUB_TOKEN: keys.github,
      TEMPORAL_API_KEY: keys.temporal,
      CANARY_UNRELATED: keys.unrelated,
      LBI_DEBUG: '1',
    },
  });
  await writeFile(join(place.folder, 'docs', 'a.md'), '# Page of the folder\n\nFiles can be listed.\n');
  await writeFile(join(place.folder, 'docs', 'b.md'), '# Page of the barred\n\nNobody is told.\n');
  await writeFile(join(place.folder, '.env'), `CANARY_GOOGLE='${keys.google}'\nCANARY_OPENAI='${keys.openai}'\n`);
});
after(async () => {
  await place.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** Every form in which a value can be found again. */
function formsOf(value: string): string[] {
  const plain = [
    value,
    encodeURIComponent(value),
    JSON.stringify(value).slice(1, -1),
    Buffer.from(value).toString('hex'),
  ];
  const shifted = ['', 'x', 'xx'].map((before) => {
    const bytes = Buffer.from(before + value);
    return bytes
      .subarray(0, bytes.length - (bytes.length % 3))
      .toString('base64')
      .slice(before === '' ? 0 : 4);
  });
  return [...new Set([...plain, ...shifted, ...shifted.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'))])];
}
const wanted = Object.entries(keys).flatMap(([name, value]) =>
  formsOf(value).map((form) => ({ name, form: Buffer.from(form) })),
);

/** Where a key is found, in words. */
const found: string[] = [];
let searched = 0;
function search(where: string, bytes: Uint8Array): void {
  searched += 1;
  const text = Buffer.from(bytes);
  for (const { name, form } of wanted)
    if (text.includes(form))
      found.push(
        `${name} as ${form.toString().slice(0, 12)}… in ${where}: …${text.toString('latin1', Math.max(0, text.indexOf(form) - 80), text.indexOf(form))}`,
      );
}

function searchFolder(folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name === '.env') continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = readFileSync(path);
    search(path, bytes);
    if (path.includes('/objects/')) search(`${path} (unpacked)`, zstdDecompressSync(bytes));
  }
}

/** Payloads in a history stand there in base64. */
const decoded = (json: string): string =>
  json.replaceAll(/"data":"([A-Za-z0-9+/=]+)"/g, (_, data: string) => Buffer.from(data, 'base64').toString());

test('the search finds a key in each of its forms', () => {
  for (const { form } of wanted) search('a plant', Buffer.from(`before${form}after`));
  assert.ok(found.length >= wanted.length);
  found.length = 0;
});

test('no key is found anywhere but where it was put', async (context) => {
  const run = await launch(place, '--yes');
  const client = await place.client();
  const held = await progressWhen(client, run, ({ blocked }) => Object.keys(blocked).length > 0);
  assert.match(Object.values(held.blocked)[0] ?? '', /CANARY_OPENAI is rejected/);
  const printed = [await place.lbi('show', run), await place.lbi('show', run, '--json')];
  judged = true;
  await place.lbi('resume', run);
  const attached = await place.lbi('attach', run, '--json');
  const done = lastEvent(attached.stdout);
  assert.equal(done.status, 'COMPLETED', JSON.stringify(done));
  assert.equal(done.progress.funnel.documentsFailed, 1);
  assert.ok((done.progress.dataset?.kept ?? 0) > 0, JSON.stringify(done.progress));
  const [task] = await listed(client, `WorkflowType = 'episode'`);
  printed.push(
    attached,
    await place.lbi('runs', '--json'),
    await place.lbi('explain', run),
    await place.lbi('show', 'nobody'),
  );
  for (const flag of ['--json', '--examples', '--dropped']) printed.push(await place.lbi('show', run, flag));
  const trajectory = await place.lbi('show', run, task?.split('/').at(-1) ?? '');
  printed.push(trajectory, await place.lbi('show', run, task?.split('/').at(-1) ?? '', '--json'));
  // The agent looked, and saw the variables of its own place: the test would find a key there.
  assert.match(trajectory.stdout, /HOME=\/home\/user/);
  assert.match(trajectory.stdout, /I was called with key \[key\]/);

  for (const [index, { stdout, stderr }] of printed.entries()) search(`output ${index}`, Buffer.from(stdout + stderr));
  for (const workflowId of await listed(client, `WorkflowType = 'pipeline' OR WorkflowType = 'episode'`)) {
    const history = historyToJSON(await client.workflow.getHandle(workflowId).fetchHistory());
    search(`history of ${workflowId}`, Buffer.from(history));
    search(`payloads of ${workflowId}`, Buffer.from(decoded(history)));
  }
  searchFolder(place.folder);
  const holders = processes();
  for (const { pid, command } of holders)
    search(`arguments of ${pid}: ${command}`, readFileSync(`/proc/${pid}/cmdline`));
  const server = holders.filter(({ command }) => command.includes('start-dev'));
  assert.equal(server.length, 1);
  for (const { pid } of server) search('environment of the Temporal server', readFileSync(`/proc/${pid}/environ`));
  context.diagnostic(`${searched} places searched for ${wanted.length} forms of ${Object.keys(keys).length} keys`);
  assert.ok(searched > 60);
  assert.deepEqual(found, []);
});

/** The processes of the folder: its server, worker and supervisor. */
function processes(): { pid: string; command: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        const home = readFileSync(`/proc/${pid}/environ`, 'utf8') + command;
        return home.includes(place.folder) ? [{ pid, command }] : [];
      } catch {
        return [];
      }
    });
}

test('a password in an address, in clear or out of a variable, is refused and not shown', async () => {
  const text = await readFile(join(place.folder, 'pipeline.yaml'), 'utf8');
  for (const [name, address] of Object.entries({
    clear: 'http://me:pass-w0rd@127.0.0.1:1/v1',
    variable: '${env:ADDRESS}',
  })) {
    const file = join(place.folder, `${name}.yaml`);
    await writeFile(file, text.replace(/base_url: "[^"]*openai[^"]*"/, `base_url: "${address}"`));
    process.env.ADDRESS = 'http://me:pass-w0rd@127.0.0.1:1/v1';
    const { exitCode, stdout, stderr } = await place.lbi('validate', file);
    assert.equal(exitCode, 3);
    assert.match(stdout + stderr, /\[secret\] .*password.* address/);
    assert.ok(!(stdout + stderr).includes('pass-w0rd'));
  }
  delete process.env.ADDRESS;
});
