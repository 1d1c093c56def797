/** Lines of the log: levels, ids, and values of secrets that must not get out. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { idsOf, logLevel, openLog, temporalLogger } from '../../cli/telemetry/log.ts';

const folder = await mkdtemp(join(tmpdir(), 'lbi-log-'));
process.env.LBI_HOME = join(folder, '.lbi');
after(() => rm(folder, { recursive: true, force: true }));

test('secrets of the environment and of .env are replaced wherever they stand; settings are not', async () => {
  process.env.SOME_API_KEY = 'sk-"quoted"-0001';
  await writeFile(
    join(folder, '.env'),
    'PLAIN=from-the-file-0002\nLBI_ENCRYPTION_KEY=first-key-0003,second-key-0004\nLBI_STORE=s3://bucket/prefix\nSHORT=no\n',
  );
  const lines: string[] = [];
  const log = openLog('worker', 'debug', (line) => lines.push(line));
  const said = 'sk-"quoted"-0001 from-the-file-0002 second-key-0004 s3://bucket/prefix no';
  temporalLogger(log).warn(said, { workflowId: 'p/r-1/t-1', activityType: 'act', error: new Error(said) });
  const line = JSON.parse(lines[0] ?? '') as Record<string, string>;
  assert.equal(line.msg, '*** *** *** s3://bucket/prefix no');
  assert.equal(line.error, line.msg);
  assert.deepEqual([line.run, line.task, line.activity, line.level], ['r-1', 't-1', 'act', 'warn']);
});

test('what a server that is away makes the core repeat every second is written once', () => {
  const lines: string[] = [];
  const logger = temporalLogger(openLog('worker', 'debug', (line) => lines.push(line)));
  for (let count = 0; count < 50; count += 1) logger.warn('gRPC call failed', { sdkComponent: 'core' });
  for (let count = 0; count < 2; count += 1) logger.warn('Activity failed', { sdkComponent: 'worker' });
  assert.equal(lines.length, 3);
});

test('levels, and ids of runs and episodes', () => {
  assert.equal(logLevel(''), 'info');
  assert.equal(logLevel('WARN'), 'warn');
  assert.throws(() => logLevel('loud'), /LBI_LOG is "loud"; expected one of trace, debug, info, warn, error, silent/);
  assert.deepEqual(idsOf('p/r-1'), { run: 'r-1' });
  assert.deepEqual(idsOf('p/r-1/docs-a'), { run: 'r-1', task: 'docs-a' });
  const lines: string[] = [];
  openLog('worker', 'silent', (line) => lines.push(line)).error('x');
  assert.deepEqual(lines, []);
});
