/** What the background processes tell: logs with ids, a scrape, traces and metrics at a collector; and that none of it holds a secret. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { execa } from 'execa';
import protobuf from 'protobufjs';
import { freePort } from '../../cli/server/ports.ts';
import { telemetrySettings } from '../../cli/telemetry/settings.ts';
import { lastEvent, makePlace, type Place, until } from './place.ts';

const root = join(import.meta.dirname, '..', '..');
const canary = 'sk-canary-4f6a1e9d7c';
const instruction = /lamp/;

/** A collector that keeps what it is sent, by path. */
interface Collector {
  url: string;
  bodies: { path: string; body: Buffer; authorization: string | undefined }[];
  close(): void;
}

const listening = async (server: Server): Promise<number> => {
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  return (server.address() as AddressInfo).port;
};

async function startCollector(): Promise<Collector> {
  const bodies: Collector['bodies'] = [];
  const server = createServer(async (request, response) => {
    const body = Buffer.concat((await request.toArray()) as Buffer[]);
    bodies.push({ path: request.url ?? '', body, authorization: request.headers.authorization });
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
  });
  const port = await listening(server);
  return {
    url: `http://127.0.0.1:${port}`,
    bodies,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** A provider that is too busy at first, then refuses the key and repeats it in its answer. */
async function startVendor(): Promise<{ port: number; close(): void }> {
  let calls = 0;
  const server = createServer(async (request, response) => {
    await request.toArray();
    calls += 1;
    const busy = calls <= 2;
    response.writeHead(busy ? 429 : 401, { 'content-type': 'application/json', 'retry-after': '1' });
    const message = busy ? 'slow down' : `Incorrect API key provided: ${canary}`;
    response.end(JSON.stringify({ error: { message, type: 'invalid_request_error' } }));
  });
  const port = await listening(server);
  return {
    port,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

let place: Place;
let collector: Collector;
let vendor: Awaited<ReturnType<typeof startVendor>>;
let metrics = '';
before(async () => {
  [collector, vendor] = [await startCollector(), await startVendor()];
  metrics = `127.0.0.1:${await freePort('127.0.0.1', [])}`;
  place = await makePlace({
    documents: 2,
    oneTask: true,
    environment: {
      LBI_METRICS: metrics,
      LBI_LOG: 'debug',
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer%20${canary}-otlp`,
      OTEL_BSP_SCHEDULE_DELAY: '300',
    },
  });
});
after(async () => {
  await place?.close();
  vendor?.close();
  collector?.close();
});

const log = (name: string): Promise<string> => readFile(join(place.folder, '.lbi', `${name}.log`), 'utf8');
const scrape = async (): Promise<string> => (await fetch(`http://${metrics}/metrics`)).text();

/** Sum of a counter over the samples whose labels all match. */
function counted(text: string, name: string, labels: Record<string, string> = {}): number {
  const samples = text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  const wanted = samples.filter((line) =>
    Object.entries(labels).every(([label, value]) => line.includes(`${label}="${value}"`)),
  );
  return wanted.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

interface SentSpan {
  traceId: Buffer;
  spanId: Buffer;
  parentSpanId: Buffer;
  name: string;
  attributes: { key: string; value: { stringValue?: string } }[];
}

const messages = protobuf.parse(`syntax = "proto3";
message Request { repeated ResourceSpans resource_spans = 1; }
message ResourceSpans { repeated ScopeSpans scope_spans = 2; }
message ScopeSpans { repeated Span spans = 2; }
message Value { string string_value = 1; }
message Attribute { string key = 1; Value value = 2; }
message Span { bytes trace_id = 1; bytes span_id = 2; bytes parent_span_id = 4; string name = 5; repeated Attribute attributes = 9; }`).root;

function spans(): SentSpan[] {
  const sent = collector.bodies.filter(({ path }) => path === '/v1/traces');
  const type = messages.lookupType('Request');
  interface Request {
    resourceSpans?: { scopeSpans?: { spans?: SentSpan[] }[] }[];
  }
  return sent.flatMap(({ body }) =>
    ((type.decode(body) as unknown as Request).resourceSpans ?? []).flatMap(({ scopeSpans = [] }) =>
      scopeSpans.flatMap((scope) => scope.spans ?? []),
    ),
  );
}

let run = '';

test('a scrape counts what the run did', { timeout: 120_000 }, async () => {
  const { stdout, stderr, exitCode } = await place.lbi('run', 'pipeline.yaml', '--json');
  assert.equal(exitCode, 0, stderr);
  const done = lastEvent(stdout);
  run = done.run;
  const text = await scrape();
  const { funnel, usage } = done.progress;
  const calls = Object.values(usage).reduce((sum, used) => sum + used.calls, 0);
  assert.equal(counted(text, 'lbi_model_calls_total'), calls, text);
  assert.equal(
    counted(text, 'lbi_model_calls_total', { role: 'vote', model: 'judge', pipeline: 'lamps' }),
    usage['filter/judge']?.calls,
  );
  assert.equal(counted(text, 'lbi_episodes_total', { outcome: 'finished', pipeline: 'lamps' }), funnel.episodes);
  assert.equal(counted(text, 'lbi_steps_total'), funnel.steps);
  assert.equal(counted(text, 'lbi_examples_accepted_total'), funnel.kept);
  assert.match(text, /^temporal_activity_schedule_to_start_latency/m);
});

test('each episode is one trace of its activities and model calls, under ids that any worker would give', async () => {
  const sent = await until(async () => {
    const all = spans();
    return all.some(({ name }) => name === 'run') ? all : undefined;
  }, 'the span of the run');
  const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  const episodes = sent.filter(({ name }) => name === 'episode');
  assert.equal(episodes.length, 2);
  for (const root of episodes) {
    const trace = sent.filter(({ traceId }) => hexOf(traceId) === hexOf(root.traceId));
    assert.equal(root.parentSpanId.length, 0);
    const names = trace.map(({ name }) => name);
    for (const name of ['open', 'decide', 'act', 'seal', 'relabel', 'vote', 'conclude'])
      assert.ok(names.includes(name), `${name} is not among ${names.join(', ')}`);
    const known = new Set(trace.map(({ spanId }) => hexOf(spanId)));
    assert.equal(known.size, trace.length, 'ids are told apart');
    for (const { parentSpanId, name } of trace)
      if (name !== 'episode') assert.ok(known.has(hexOf(parentSpanId)), `${name} hangs in the air`);
  }
  // Episodes that ask the same share one answer: a model's call is in the trace of the one that asked.
  for (const name of ['chat writer', 'chat judge'])
    assert.ok(
      sent.some((span) => span.name === name),
      name,
    );
  const attributes = episodes[0]?.attributes.map(({ key, value }) => [key, value?.stringValue] as const) ?? [];
  assert.equal(Object.fromEntries(attributes)['lbi.run'], run);
});

test('the log has a JSON object a line with run, task and activity; lbi logs reads it', async () => {
  const lines = (await log('worker'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.ok(lines.every(({ level, time, msg }) => level !== undefined && time !== undefined && msg !== undefined));
  const act = lines.find(({ activity }) => activity === 'act');
  assert.equal(act?.run, run);
  assert.match(String(act?.task), /^docs-/);
  const { stdout } = await place.lbi('logs', run, '--level', 'debug');
  assert.match(stdout, new RegExp(`debug +worker ${run} docs-\\S+ act +Activity`));
  const all = await place.lbi('logs', '--json', '--lines', '3');
  assert.equal(
    all.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object).length,
    3,
  );
  assert.match((await place.lbi('logs')).stdout, /supervisor +a worker is started/);
  const none = await place.lbi('logs', run, '--level', 'error');
  assert.deepEqual([none.exitCode, none.stdout], [0, '']);
});

test('a key that a provider repeats, and the collector`s own, are in no log, metric or span; 429s are counted', {
  timeout: 120_000,
}, async () => {
  await writeFile(join(place.folder, '.env'), `VENDOR_KEY=${canary}\n`);
  const text = (await readFile(join(place.folder, 'pipeline.yaml'), 'utf8'))
    .replace('name: lamps', 'name: refused')
    .replace(
      /writer: \{ provider.*\}/,
      `writer: { provider: openai, model: m, base_url: "http://127.0.0.1:${vendor.port}/v1", api_key: "\${secret:VENDOR_KEY}", price: { input: 0, output: 0 } }`,
    );
  await writeFile(join(place.folder, 'refused.yaml'), text);
  const { stdout, stderr } = await place.lbi('run', 'refused.yaml', '--json', '--yes', '--detach');
  assert.match(stdout, /"run"/, stderr);
  const scraped = await until(async () => {
    const now = await scrape();
    return counted(now, 'lbi_model_errors_total', { kind: 'operator', status: '401' }) > 0 ? now : undefined;
  }, 'the key is refused');
  assert.equal(
    counted(scraped, 'lbi_model_errors_total', { kind: 'rate-limited', status: '429', role: 'instruct' }),
    2,
  );
  assert.ok(counted(scraped, 'lbi_activity_failures_total', { activity: 'instruct', kind: 'operator' }) > 0);
  await until(async () => (spans().some(({ name }) => name === 'instruct') ? true : undefined), 'its spans');
  await place.lbi('cancel', 'refused');
  await place.lbi('down');
  const written = `${await log('worker')}${await log('supervisor')}`;
  assert.match(written, /Activity failed/);
  const sent = Buffer.concat(collector.bodies.map(({ body }) => body));
  for (const [what, content] of [
    ['log', written],
    ['scrape', scraped],
    ['collector', sent.toString('latin1')],
  ] as const)
    assert.ok(!content.includes(canary), `the key is in the ${what}`);
  // Nor what models are asked: instructions are the user's.
  assert.doesNotMatch(sent.toString('latin1').replaceAll(/lamps(\.script\.yaml)?/g, ''), instruction);
  assert.ok(collector.bodies.every(({ authorization }) => authorization === `Bearer ${canary}-otlp`));
});

test('metrics go to the collector where nobody scrapes, and an address that is taken is named', {
  timeout: 60_000,
}, async () => {
  const script = `
    import { Runtime } from '@temporalio/worker';
    import { openTelemetry } from './cli/telemetry/telemetry.ts';
    const telemetry = await openTelemetry('probe').catch(({ message }) => { console.log(message); process.exit(6); });
    Runtime.instance().metricMeter.createCounter('lbi_probe').add(3, { model: 'writer' });
    setTimeout(() => process.exit(0), 1200);`;
  const probe = (env: Record<string, string>) =>
    execa(process.execPath, ['--input-type=module', '--eval', script], { cwd: root, env, reject: false });
  const sent = await probe({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_METRIC_EXPORT_INTERVAL: '200' });
  assert.equal(sent.exitCode, 0, sent.stderr);
  const bodies = collector.bodies
    .filter(({ path }) => path === '/v1/metrics')
    .map(({ body }) => body.toString('latin1'));
  assert.ok(
    bodies.some((body) => body.includes('lbi_probe') && body.includes('writer')),
    `${bodies.length} bodies`,
  );
  const taken = await probe({ LBI_METRICS: `127.0.0.1:${vendor.port}` });
  assert.equal(taken.exitCode, 6);
  assert.match(
    taken.stdout,
    /LBI_METRICS: nothing can listen at 127\.0\.0\.1:\d+ .*each worker needs an address of its own/,
  );
});

test('variables that cannot be right are named with what was expected', () => {
  const wrong: [Record<string, string>, RegExp][] = [
    [{ LBI_METRICS: '9464' }, /LBI_METRICS is "9464"; expected an address and a port/],
    [{ LBI_METRICS: '127.0.0.1:99999' }, /LBI_METRICS/],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317' }, /OTEL_EXPORTER_OTLP_ENDPOINT is "collector:4317"; expected/],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4317', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
      /only http\/protobuf .* 4318/,
    ],
  ];
  for (const [environment, says] of wrong) assert.throws(() => telemetrySettings(environment), says);
  assert.deepEqual(telemetrySettings({}), { prometheus: undefined, otlp: undefined });
  assert.deepEqual(telemetrySettings({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318/', OTEL_SERVICE_NAME: 'x' }).otlp, {
    metrics: 'http://c:4318/v1/metrics',
    traces: 'http://c:4318/v1/traces',
    headers: {},
    service: 'x',
  });
});
