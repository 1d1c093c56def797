/** Errors that nobody foresaw end what they belong to after a bounded number of attempts, in words, and leave nothing running. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Context } from '@temporalio/activity';
import { Client, Connection, WorkflowFailedError } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { alive } from '../../activities/failures.ts';
import { workflowBundle } from '../../cli/bundle.ts';
import { startServer, stopServer } from '../../cli/server/server.ts';
import type { Activities } from '../../schemas/activities.ts';
import type { Flow, Progress } from '../../schemas/flow.ts';

const home = await mkdtemp(join(tmpdir(), 'lbi-bug-'));
const closing: (() => Promise<unknown>)[] = [() => rm(home, { recursive: true, force: true })];
after(async () => {
  for (const close of closing.reverse()) await close();
});

const flow: Flow = {
  pipeline: 'bug',
  run: 'r-bug',
  plan: 'plan' as Flow['plan'],
  seed: 0,
  queues: { instruct: 'bug', decide: 'bug', query: null, relabel: 'bug', votes: [], environment: 'bug' },
  accounts: { instruct: 'instruct/a', decide: 'interact/a', query: 'query/none', relabel: 'construct/a' },
  interact: { environment: 'place', maxSteps: 3, stuckAfter: 3 },
  construct: null,
  filter: null,
  index: false,
  export: false,
  concurrency: 2,
  ahead: 1,
  budgetUsd: null,
  timing: {
    lostAfterSeconds: 5,
    heartbeatSeconds: 5,
    modelSeconds: 30,
    stepSeconds: 30,
    sweepSeconds: 5,
    historyEvents: null,
  },
};

const ref = (name: string): Flow['plan'] => name as Flow['plan'];
const usage = { calls: 0, input: 0, cached: 0, cacheWrites: 0, output: 0, usd: 0 };
/** The first document gives a task whose session never opens; the second meets a bug. */
const attempts: string[] = [];
let summary: Progress | undefined;
const activities: Partial<Activities> = {
  prepare: alive(async () => flow),
  read: alive(async () => ({ pages: 1, documents: 2 })),
  page: alive(async () => ['one', 'two'].map((id) => ({ ref: ref(id), id, title: id }))),
  instruct: alive(async ({ document }) => {
    attempts.push(document.id);
    if (document.id === 'two') throw new TypeError('undefined is not a lamp');
    return { tasks: ref('tasks'), count: 1, usage, readable: true, detail: '' };
  }),
  admit: alive(async () => ({
    fresh: [{ ref: ref('task'), id: 'task-1', title: 'a task' }],
    finished: [],
    duplicates: 0,
  })),
  open: alive(async () => Context.current().cancelled),
  record: alive(async () => undefined),
  finish: alive(async ({ summary: written }) => {
    summary = written as Progress;
  }),
};

test('a bug in one activity fails the run after four attempts, in words, and no episode goes on without it', {
  timeout: 120_000,
}, async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR', () => {}), shutdownSignals: [] });
  const { address } = await startServer(home);
  closing.push(() => stopServer(home));
  const connection = await NativeConnection.connect({ address });
  const { codePath } = (await workflowBundle(home)) as { codePath: string };
  const workflow = { code: await readFile(codePath, 'utf8') };
  const worker = await Worker.create({
    connection,
    taskQueue: 'bug',
    workflowBundle: workflow,
    activities,
    shutdownForceTime: '5s',
  });
  const running = worker.run();
  const client = new Client({ connection: await Connection.connect({ address }) });
  closing.push(async () => {
    worker.shutdown();
    await running;
    await client.connection.close();
    await connection.close();
  });
  const input = { pipeline: 'bug', run: 'r-bug', plan: 'plan' };
  const handle = await client.workflow.start('pipeline', { taskQueue: 'bug', workflowId: 'bug/r-bug', args: [input] });
  await assert.rejects(handle.result(), (error: unknown) => {
    assert.ok(error instanceof WorkflowFailedError);
    let inner: unknown = error;
    while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
    assert.match(String(inner), /unexpected: undefined is not a lamp/);
    return true;
  });
  assert.equal(attempts.filter((id) => id === 'two').length, 4);
  assert.equal(summary?.phase, 'failed');
  assert.deepEqual(summary?.funnel.outcomes, { failed: 1 });
  const episode = await client.workflow.getHandle('bug/r-bug/task-1').describe();
  assert.notEqual(episode.status.name, 'RUNNING');
});
