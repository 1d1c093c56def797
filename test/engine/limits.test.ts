/** Limits over two workers: a provider's limit that nobody declared is found and kept, and `lbi limits` changes what is in force. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from '@temporalio/client';
import { execa } from 'execa';
import { type Look, openRegister } from '../../cli/limits/register.ts';
import type { Standing } from '../../cli/limits.ts';
import type { Pace } from '../../core/rate.ts';
import { type LimitedServer, limitedServer } from './limited-server.ts';
import { type CountingServer, countingServer } from './model-server.ts';
import { makePlace, type Place } from './place.ts';

const main = join(import.meta.dirname, '..', '..', 'cli', 'main.ts');
let limit = 3;
let behind: CountingServer;
let provider: LimitedServer;
let place: Place;
let second: ReturnType<typeof startSecond>;

/** A worker with a folder of its own, on the same store and server. */
const startSecond = (address: string) =>
  execa(process.execPath, [main, 'worker'], {
    cwd: place.folder,
    env: {
      ...place.environment,
      LBI_HOME: join(place.folder, '.lbi-2'),
      LBI_STORE: join(place.folder, '.lbi', 'store'),
      TEMPORAL_ADDRESS: address,
    },
    reject: false,
    stdio: 'ignore',
  });

const limits = async (...args: string[]): Promise<Standing> => {
  const { stdout, stderr, exitCode } = await place.lbi('limits', ...args, '--json');
  assert.equal(exitCode, 0, stderr);
  const { schema, queues } = JSON.parse(stdout) as { schema: string; queues: Standing[] };
  assert.equal(schema, 'lbi.limits/1');
  const [only] = queues;
  assert.ok(only !== undefined && queues.length === 1, stdout);
  return only;
};

before(async () => {
  behind = await countingServer(join(import.meta.dirname, 'lamps.script.yaml'), 300);
  provider = await limitedServer({
    behind: behind.url,
    limit: () => limit,
    burst: 6,
    retryAfter: true,
    headers: false,
  });
  place = await makePlace({
    documents: 60,
    models: `  writer: { provider: openai, model: m, base_url: "${provider.url}", limits: { concurrency: 20 } }`,
    change: (text) =>
      text.replace('members: [writer, judge]', 'members: [writer]').replace('sessions: 8', 'sessions: 20'),
  });
  await place.lbi('up');
  const { connection } = await place.client();
  second = startSecond((connection as Connection).options.address);
});
after(async () => {
  second?.kill('SIGKILL');
  await second;
  await place?.close();
  await provider?.close();
  await behind?.close();
});

const since = (times: number[], from: number): number => times.filter((at) => at >= from).length;

test('two workers keep to a limit that nobody told them, and to what a person sets meanwhile', {
  timeout: 300_000,
}, async (t) => {
  assert.equal((await place.lbi('run', 'pipeline.yaml', '--yes', '--detach')).exitCode, 0);
  while (provider.refused.length === 0) await sleep(50);

  await t.test('the limit is found, and few calls are refused once it is', async () => {
    await sleep(7000);
    // On a machine that is busy otherwise the search takes longer: the limit has to be found, not by a certain second.
    for (let tries = 1; ; tries += 1) {
      const from = Date.now();
      await sleep(6000);
      const [accepted, refused] = [since(provider.accepted, from), since(provider.refused, from)];
      if (accepted >= 0.7 * 6 * limit && refused <= 3) break;
      assert.ok(tries < 6, `${accepted} calls in 6 s of a limit of ${limit} a second, ${refused} refused`);
    }
    const found = await limits();
    assert.ok(found.pace.limit !== undefined && found.pace.limit < 3 * limit, JSON.stringify(found));
    assert.equal(found.workers, 2);
    assert.ok((found.lastMinute?.calls ?? 0) > 10 && (found.lastMinute?.refused ?? 0) > 0, JSON.stringify(found));
    assert.ok((found.lastMinute?.tokens ?? 0) >= 110 * 10);
  });

  await t.test('what is set holds for both workers at once, and setting it twice changes nothing', async () => {
    const first = await limits('--model', 'writer', '--rpm', '60', '--concurrency', '1');
    assert.deepEqual(first.set, { rpm: 60, concurrency: 1 });
    await limits('--model', 'writer', '--rpm', '60');
    await sleep(2000);
    provider.peak = 0;
    const from = Date.now();
    await sleep(4000);
    const accepted = since(provider.accepted, from);
    assert.ok(accepted >= 1 && accepted <= 5, `${accepted} calls in 4 s at 60 a minute`);
    assert.equal(provider.peak, 1, 'calls in flight over both workers');
    const table = await place.lbi('limits');
    assert.match(table.stdout, /writer +60\* +– +\d of 1\* +60\/min/);
  });

  await t.test(
    '--reset goes back, also when the server holds a rate of somebody else; a worker that is gone is not missed',
    async () => {
      const { connection } = await place.client();
      const { queue } = await limits('--model', 'writer', '--tpm', '100000');
      second.kill('SIGKILL');
      await (connection as Connection).workflowService.updateTaskQueueConfig({
        ...{ namespace: 'default', identity: 'a person', taskQueue: queue, taskQueueType: 2 },
        updateQueueRateLimit: { rateLimit: { requestsPerSecond: 0.01 }, reason: 'quiet, please' },
      });
      await sleep(1500);
      assert.equal((await limits()).foreign, true);
      limit = Number.POSITIVE_INFINITY;
      const back = await limits('--reset');
      assert.deepEqual([back.set, back.foreign, back.pace], [{}, false, {}]);
      const from = Date.now();
      await sleep(4000);
      assert.ok(since(provider.accepted, from) >= 6, `${since(provider.accepted, from)} calls in 4 s without a limit`);
    },
  );

  await t.test('what cannot be is said: an unknown model, two wishes at once', async () => {
    const unknown = await place.lbi('limits', '--model', 'wirter');
    assert.deepEqual(
      [unknown.exitCode, /no model is called "wirter".*writer/.test(unknown.stderr)],
      [3, true],
      unknown.stderr,
    );
    assert.equal((await place.lbi('limits', '--reset', '--rpm', '5')).exitCode, 2);
  });
});

test('the register takes what others wrote for what it is', async () => {
  const { connection } = await place.client();
  const register = openRegister(connection as Connection, 'default', 'test');
  /** A look may lag behind what was set. */
  const look = async (since: number): Promise<Look> => {
    for (;;) {
      const seen = await register.look('nobody');
      if (seen.revision >= since) return seen;
      await sleep(20);
    }
  };
  const nothing = { revision: 0, inForce: null, pace: {}, foreign: false, set: {}, waiting: 0, limited: false };
  assert.deepEqual(await register.look('nobody'), nothing);
  await register.setLimits('nobody', { rpm: 5 });
  const pace: Pace = { at: 1_700_000_000_000, until: 1_700_000_001_000, search: true };
  const kept = await register.setPace('nobody', 0, { ...pace, limit: 1 / 3, mean: 12.4 });
  const { waiting: _, limited: __, ...read } = await look(kept.revision);
  assert.deepEqual(read, kept);
  assert.deepEqual([kept.inForce, kept.set, kept.foreign], [0, { rpm: 5 }, false]);
  assert.deepEqual(kept.pace, { ...pace, limit: 0.3333, mean: 12 });
  let { revision } = kept;
  for (const reason of ['lbi: {"limit":"fast"}', 'lbi: [1]', 'lbi: {', 'lbi: {"limit":-1}', '']) {
    await (connection as Connection).workflowService.updateTaskQueueConfig({
      ...{ namespace: 'default', identity: 'test', taskQueue: 'nobody', taskQueueType: 2 },
      updateQueueRateLimit: { rateLimit: { requestsPerSecond: 2 }, reason },
    });
    const seen = await look(revision + 0.001);
    revision = seen.revision;
    assert.deepEqual([seen.foreign, seen.pace, seen.inForce], [true, {}, 2], reason);
  }
});
