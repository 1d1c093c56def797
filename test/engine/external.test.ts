/** A cluster that somebody else runs: TLS with a client certificate, an API key, a namespace; two projects side by side; attributes that may not be made. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Client, Connection } from '@temporalio/client';
import { execa } from 'execa';
import { findTemporal } from '../../cli/server/find.ts';
import { startServer, stopServer } from '../../cli/server/server.ts';
import { readTemporalConfig } from '../../temporal.config.ts';
import { lastEvent, launch, makePlace, type Place, progressWhen, until } from './place.ts';
import { type Cluster, makeCertificates, startCluster } from './tls-proxy.ts';

const apiKey = 'tc-key-2b7e151628aed2a6';
const folder = await mkdtemp(join(tmpdir(), 'lbi-cluster-'));
const closing: (() => Promise<unknown>)[] = [];
after(async () => {
  for (const close of closing.reverse()) await close();
  await rm(folder, { recursive: true, force: true });
});

let cluster: Cluster;
let client: Client;
let environment: Record<string, string>;
let two: Place;
before(async () => {
  await makeCertificates(folder);
  // The server is set up for another project's namespace: ours is made by hand, without search attributes.
  const config = readTemporalConfig({ LBI_TEMPORAL_PORT: '27233', LBI_TEMPORAL_UI_PORT: '28233' }, folder);
  const { address } = await startServer(join(folder, 'server'), config);
  closing.push(() => stopServer(join(folder, 'server')));
  const { path } = await findTemporal();
  await execa(path, [
    'operator',
    'namespace',
    'create',
    '--namespace',
    'team',
    '--retention',
    '72h',
    '--address',
    address,
  ]);
  const connection = await Connection.connect({ address });
  closing.push(() => connection.close());
  client = new Client({ connection, namespace: 'team' });
  await until(
    () =>
      client.workflow.count('').then(
        () => true,
        () => undefined,
      ),
    'the namespace can be used',
  );
  cluster = await startCluster(folder, address, apiKey);
  closing.push(cluster.close);
  environment = {
    TEMPORAL_ADDRESS: cluster.address,
    TEMPORAL_NAMESPACE: 'team',
    TEMPORAL_API_KEY: apiKey,
    TEMPORAL_TLS_SERVER_CA_CERT_PATH: join(folder, 'ca.pem'),
    TEMPORAL_TLS_CLIENT_CERT_PATH: join(folder, 'client.pem'),
    TEMPORAL_TLS_CLIENT_KEY_PATH: join(folder, 'client.key'),
  };
});

const slow = (text: string): string => text.replaceAll('lamps.script.yaml }', 'lamps.script.yaml, delay: 1 }');

async function placeFor(change: (text: string) => string, variables: Record<string, string>): Promise<Place> {
  const place = await makePlace({ documents: 3, oneTask: true, change, environment: variables });
  closing.push(place.close);
  return place;
}

/** The same as the variables say, as a profile. */
const profile = (): string => {
  const file = (name: string): string => JSON.stringify(join(folder, name));
  const tls = `[profile.default.tls]\nserver_ca_cert_path = ${file('ca.pem')}\nclient_cert_path = ${file('client.pem')}\nclient_key_path = ${file('client.key')}\n`;
  return `[profile.default]\naddress = "${cluster.address}"\nnamespace = "team"\napi_key = "${apiKey}"\n${tls}`;
};

const said = async (place: Place, extra: Record<string, string>): Promise<string> => {
  const { stderr, exitCode } = await execa(
    process.execPath,
    [join(import.meta.dirname, '../../cli/main.ts'), 'attach', '@last'],
    {
      cwd: place.folder,
      env: { ...place.environment, ...extra },
      reject: false,
    },
  );
  assert.equal(exitCode, 6, stderr);
  assert.doesNotMatch(stderr, /\n\s+at /);
  return stderr;
};

interface Checks {
  data: { what: string; ok: boolean; detail: string; fix?: string }[];
}
const doctor = async (place: Place): Promise<Checks['data']> =>
  (JSON.parse((await place.lbi('doctor', '--json')).stdout) as Checks).data;

test('attributes that may not be made: the run works without, and the commands are named', {
  timeout: 200_000,
}, async () => {
  cluster.deny.push('AddSearchAttributes');
  two = await placeFor((text) => text, environment);
  const place = two;
  const run = await place.lbi('run', 'pipeline.yaml', '--json');
  cluster.deny.length = 0;
  assert.equal(run.exitCode, 0, run.stderr);
  assert.equal(lastEvent(run.stdout).status, 'COMPLETED');
  assert.match(run.stderr, /lacks search attributes, and they cannot be made from here \(.*unauthorized/i);
  assert.match(run.stderr, /temporal operator search-attribute create --namespace team --name LbiRun --type Keyword/);
  assert.match(run.stderr, /tcld namespace search-attributes add --namespace team --sa "LbiRun=Keyword"/);
  const lines = await doctor(place);
  const line = (what: string) => lines.find((each) => each.what === what);
  assert.deepEqual([line('server')?.ok, line('retention')?.ok, line('search attributes')?.ok], [true, false, false]);
  assert.match(line('retention')?.detail ?? '', /3 days/);
  assert.ok(!existsSync(join(place.folder, '.lbi', 'server.json')), 'an embedded server was started');
});

test('two projects on one cluster: each run is worked on by its own worker, over kill and resume, to the end or to cancel', {
  timeout: 300_000,
}, async () => {
  const one = await placeFor(slow, {});
  await writeFile(join(one.folder, 'temporal.toml'), profile());
  const first = await launch(one);
  await progressWhen(client, first, ({ inFlight }) => inFlight > 0);
  // The worker of the first dies, with no supervisor to start another: the second's must not take over.
  const state = async (name: string) =>
    JSON.parse(await readFile(join(one.folder, '.lbi', `${name}.json`), 'utf8')) as { pid: number };
  const [supervisor, worker] = [await state('supervisor'), await state('worker')];
  process.kill(supervisor.pid, 'SIGKILL');
  process.kill(worker.pid, 'SIGKILL');
  await writeFile(join(two.folder, 'docs', 'hall.md'), '# Page of the hall\n\nEach lamp can be switched.\n');
  const second = await launch(two);
  const info = async (run: string) => client.workflow.getHandle(`lamps/${run}`).describe();
  const queues = [(await info(first)).taskQueue, (await info(second)).taskQueue];
  assert.match(queues[0] ?? '', /^lbi\.[0-9a-f]{8}$/);
  assert.notEqual(queues[0], queues[1]);
  assert.ok((await client.workflow.count(`LbiRun = '${first}'`)).count > 0, 'the attributes were made this time');
  assert.equal(lastEvent((await two.lbi('attach', second, '--json')).stdout).status, 'COMPLETED');
  assert.equal((await info(first)).status.name, 'RUNNING');
  const resumed = await one.lbi('resume', first);
  assert.equal(resumed.exitCode, 0, resumed.stderr);
  assert.equal(lastEvent((await one.lbi('attach', first, '--json')).stdout).status, 'COMPLETED');

  for (const name of ['attic', 'cellar', 'pantry'])
    await writeFile(join(one.folder, 'docs', `${name}.md`), `# Page of the ${name}\n\nEach lamp can be switched.\n`);
  const third = await launch(one, '--set', 'models.writer.delay=6');
  await progressWhen(client, third, ({ inFlight }) => inFlight > 0);
  await one.lbi('cancel', third);
  assert.equal(lastEvent((await one.lbi('attach', third, '--json')).stdout).status, 'CANCELLED');
  assert.ok([...cluster.passed].some((path) => path.endsWith('/RespondActivityTaskCompleted')));
  assert.ok((await doctor(one)).find(({ what }) => what === 'search attributes')?.ok);

  // Who is not let in is told why, at once.
  const [key, namespace, authority, address] = await Promise.all([
    said(one, { TEMPORAL_API_KEY: 'wrong' }),
    said(one, { TEMPORAL_NAMESPACE: 'nobody' }),
    said(one, { TEMPORAL_TLS_SERVER_CA_CERT_PATH: join(folder, 'client.pem') }),
    said(one, { TEMPORAL_ADDRESS: '127.0.0.1:1' }),
  ]);
  assert.match(key, /does not accept these credentials.*\n.*TEMPORAL_API_KEY/);
  assert.match(namespace, /there is no such namespace.*\n.*TEMPORAL_NAMESPACE/);
  assert.match(authority, /no secure connection.*\n.*TEMPORAL_TLS|does not answer/);
  assert.match(address, /127\.0\.0\.1:1.* does not answer.*\n.*TEMPORAL_ADDRESS/);

  // The key is nowhere that outlives the commands.
  for (const name of ['worker.log', 'supervisor.log', 'worker.json'])
    assert.ok(!(await readFile(join(one.folder, '.lbi', name), 'utf8').catch(() => '')).includes(apiKey), name);
});
