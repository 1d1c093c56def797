/** Whose Temporal server is used, and numbers from the environment that cannot be right. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readTemporalConfig } from '../../temporal.config.ts';

const folder = await mkdtemp(join(tmpdir(), 'lbi-config-'));
const empty = { HOME: folder, XDG_CONFIG_HOME: folder };
after(() => rm(folder, { recursive: true, force: true }));

test('without a profile there is no server of somebody else, and everything has a value', () => {
  const config = readTemporalConfig(empty, folder);
  assert.equal(config.external, undefined);
  assert.equal(config.queuePrefix, 'lbi');
  assert.deepEqual(config.timeouts, { lostWorker: 30, heartbeat: 15, grace: 15, sweep: 60 });
  assert.ok(Object.isFrozen(config) && Object.isFrozen(config.server) && Object.isFrozen(config.server.pragmas));
});

test('TEMPORAL_* variables name a server; an API key switches TLS on', () => {
  const { external } = readTemporalConfig({ ...empty, TEMPORAL_ADDRESS: 'cloud:7233', TEMPORAL_API_KEY: 'k' }, folder);
  assert.equal(external?.address, 'cloud:7233');
  assert.equal(external?.namespace, 'default');
  assert.equal(external?.connection.tls, true);
});

test('a temporal.toml in the working folder is read, and an unreadable or unknown profile names it', async () => {
  const file = join(folder, 'temporal.toml');
  await writeFile(file, '[profile.default]\naddress = "a:1"\nnamespace = "n"\n[profile.prod]\naddress = "p:2"\n');
  const byDefault = readTemporalConfig(empty, folder).external;
  assert.deepEqual([byDefault?.address, byDefault?.namespace], ['a:1', 'n']);
  assert.equal(readTemporalConfig({ ...empty, TEMPORAL_PROFILE: 'prod' }, folder).external?.address, 'p:2');
  assert.throws(
    () => readTemporalConfig({ ...empty, TEMPORAL_PROFILE: 'pord' }, folder),
    /temporal\.toml.*'pord' not found/,
  );
  await writeFile(file, 'address = [');
  assert.throws(() => readTemporalConfig(empty, folder), /The Temporal profile in .*temporal\.toml cannot be read/);
  await rm(file);
});

test('numbers that cannot be right are named with what was expected', () => {
  for (const text of ['soon', '0', '-1', 'Infinity', 'NaN']) {
    assert.throws(
      () => readTemporalConfig({ ...empty, LBI_LOST_AFTER: text }, folder),
      /LBI_LOST_AFTER is ".*"; expected/,
    );
  }
  for (const text of ['0', '65536', '7233.5', 'http']) {
    assert.throws(
      () => readTemporalConfig({ ...empty, LBI_TEMPORAL_PORT: text }, folder),
      /LBI_TEMPORAL_PORT .*1 to 65535/,
    );
  }
  assert.equal(readTemporalConfig({ ...empty, LBI_LOST_AFTER: '0.5' }, folder).timeouts.lostWorker, 0.5);
});
