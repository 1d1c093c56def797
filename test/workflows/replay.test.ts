/** The workflows of today replay what runs of every release recorded: a change that would break open runs fails here. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { workflowBundle } from '../../cli/bundle.ts';

const folder = join(dirname(fileURLToPath(import.meta.url)), '..', 'histories');
const cache = await mkdtemp(join(tmpdir(), 'lbi-replay-'));
after(() => rm(cache, { recursive: true, force: true }));

const recorded = new Map<string, string>();
let bundle: Awaited<ReturnType<typeof workflowBundle>>;
before(async () => {
  const telemetryOptions = { logging: { filter: 'ERROR', forward: {} } };
  Runtime.install({ logger: new DefaultLogger('ERROR', () => {}), shutdownSignals: [], telemetryOptions });
  for (const name of (await readdir(folder, { recursive: true })).sort())
    if (name.endsWith('.json')) recorded.set(name, await readFile(join(folder, name), 'utf8'));
  bundle = await workflowBundle(cache);
});

/** What replay says against each of the histories, by name. */
async function replay(histories: Iterable<[string, string]>): Promise<Map<string, Error>> {
  const wrong = new Map<string, Error>();
  const feed = async function* (): AsyncGenerator<{ workflowId: string; history: ReturnType<typeof historyFromJSON> }> {
    for (const [workflowId, json] of histories) yield { workflowId, history: historyFromJSON(JSON.parse(json)) };
  };
  for await (const { workflowId, error } of Worker.runReplayHistories({ workflowBundle: bundle }, feed()))
    if (error !== undefined) wrong.set(workflowId, error);
  return wrong;
}

/** A copy in which an activity is called otherwise than it was. */
const renamed = (json: string, from: string, to: string): string =>
  json.replaceAll(`"activityType":{"name":"${from}"}`, `"activityType":{"name":"${to}"}`);

test('there is a history of every shape, and each carries the flags that make replay strict', () => {
  const names = [...recorded.keys()];
  for (const shape of [
    ...'undisturbed killed key unreadable committee cancelled continued'.split(' '),
    ...'paused retried long leased stopped'.split(' '),
  ])
    assert.ok(
      names.some((name) => name.includes(`/${shape}-pipeline`)),
      `no run of ${shape}`,
    );
  assert.ok(names.filter((name) => name.includes('-episode-')).length >= 5);
  for (const [name, json] of recorded) assert.match(json, /"coreUsedFlags":\[\d/, name);
});

test('every recorded history replays', async () => {
  assert.deepEqual(await replay(recorded), new Map());
});

test('replay bites: a renamed activity, another order and a renamed activity of a run are found', async () => {
  const episode = recorded.get('0.1.0/undisturbed-episode-1.json') ?? '';
  const run = recorded.get('0.1.0/undisturbed-pipeline.json') ?? '';
  const wrong = await replay([
    ['renamed', renamed(episode, 'decide', 'choose')],
    ['reordered', renamed(renamed(renamed(episode, 'seal', 'tmp'), 'conclude', 'seal'), 'tmp', 'conclude')],
    ['renamed run', renamed(run, 'admit', 'accept')],
    ['whole', episode],
  ]);
  assert.deepEqual([...wrong.keys()], ['renamed', 'reordered', 'renamed run']);
  for (const [name, error] of wrong) assert.equal(error.name, 'DeterminismViolationError', `${name}: ${error}`);
});
