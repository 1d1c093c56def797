/** Documents of a place itself: what drivers say of it, and what is seen of it at the start. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { openSessions } from '../../activities/sessions.ts';
import { NotReadYet, type SourceContext } from '../../activities/sources/context.ts';
import { cachedContext, sourceContext } from '../../activities/sources/open.ts';
import { readSources } from '../../activities/sources/sources.ts';
import { repositories } from '../../cli/repositories.ts';
import { makePlan } from '../../core/plan.ts';
import { withDefaults } from '../../core/spec/defaults.ts';
import type { EnvironmentDriver } from '../../environments/environment.ts';
import { docsMissing, openDriver } from '../../environments/environments.ts';
import { shellDocs } from '../../environments/shell/docs.ts';
import type { Document } from '../../schemas/document.ts';
import type { EnvironmentKind, FullEnvironment } from '../../schemas/pipeline/environment.ts';
import type { PipelineSpec } from '../../schemas/pipeline/pipeline.ts';
import type { Plan } from '../../schemas/plan.ts';
import { folderStore } from '../../store/folder.ts';
import { temporaryContext } from '../environments/contract.ts';
import { siteServer } from './site-server.ts';

const folder = await mkdtemp(join(tmpdir(), 'lbi-place-'));
after(() => rm(folder, { recursive: true, force: true }));

const planOf = (environments: PipelineSpec['environments'], sources: PipelineSpec['sources'], seed = 5): Plan =>
  makePlan(
    withDefaults({ version: '1', name: 'x', seed, models: {}, environments, sources, stages: [] }),
    folder,
    {},
    { stages: {}, environments: {}, contents: {} },
  );

const store = await folderStore(join(folder, 'store'), { durable: 'process' });
const sessionsFolder = join(folder, 'sessions');
let opened = 0;
const deps = (sessions = openSessions(sessionsFolder)) => ({
  store,
  packageFolder: async (name: string) => assert.fail(`the package ${name} was asked for`),
  repositories,
  driver: async (_plan: Plan, { kind }: FullEnvironment) => {
    opened += 1;
    return (await openDriver(kind as EnvironmentKind)) as unknown as EnvironmentDriver<FullEnvironment>;
  },
  sessions,
  queues: { model: () => 'model', environment: () => 'environment' },
  caller: () => 'run-1/7',
  cancelled: () => new AbortController().signal,
  signal: new AbortController().signal,
});

const all = async (plan: Plan, context: SourceContext): Promise<Document[]> => {
  const documents: Document[] = [];
  for await (const document of readSources(plan.spec.sources, context)) documents.push(document);
  return documents;
};
const live = (plan: Plan, given = deps()) => sourceContext(given, plan, { run: 'r-1', note: () => undefined });

test('a driver has documentation exactly where the pipeline may take it', async () => {
  for (const kind of ['shell', 'browser', 'scripted'] as const) {
    const { docs } = await openDriver(kind);
    assert.equal(docs !== undefined, docsMissing({ kind, packages: ['npm'] }) === undefined, kind);
  }
  assert.match(docsMissing({ kind: 'shell' }) ?? '', /names no packages/);
});

test('the documentation of a place is read like any other', async () => {
  const plan = planOf({ board: { kind: 'scripted', items: 2 } }, [{ environment: 'board', license: 'MIT' }]);
  const [page] = await all(plan, live(plan));
  assert.deepEqual(
    [page?.id, page?.source, page?.title, page?.license],
    ['board', 'scripted board', 'The board of lamps', 'MIT'],
  );
  assert.match(page?.text ?? '', /The board has 2 lamps.*`switch`/s);
});

test('what is seen of a fresh place is a document; the session is closed, and looked at once for good', async () => {
  const source = { environment: 'board', take: 'observation', count: 3 } as const;
  const plan = planOf({ board: { kind: 'scripted' } }, [source], 6);
  await assert.rejects(
    all(plan, cachedContext(deps(), plan)),
    (error) => error instanceof NotReadYet && error.what === 'the environment board',
  );
  const sessions = openSessions(sessionsFolder);
  opened = 0;
  const documents = await all(plan, live(plan, deps(sessions)));
  assert.deepEqual(
    documents.map(({ id, source, title, kind }) => [id, source, title, kind]),
    [1, 2, 3].map((number) => [
      `observation-${number}`,
      'environment board',
      'The current state of board',
      'observation',
    ]),
  );
  // Seed 6 is binary 110: the second and third lamp burn, as an episode with the pipeline's seed finds them.
  assert.match(documents[0]?.text ?? '', /lamp-1: off\nlamp-2: on\nlamp-3: on\nlamp-4: off$/);
  assert.deepEqual([opened, sessions.ids(), readdirSync(sessionsFolder)], [3, [], []]);
  assert.deepEqual(await all(plan, live(plan)), documents);
  assert.deepEqual(await all(plan, cachedContext(deps(), plan)), documents);
  assert.equal(opened, 3);
  const other = planOf({ board: { kind: 'scripted', items: 5 } }, [source], 6);
  await assert.rejects(all(other, cachedContext(deps(), other)), NotReadYet);
});

test('a place that looks the same whatever the seed is one document', async () => {
  const site = await siteServer();
  site.serve({ '/': '<h1>Shop</h1><button>Buy</button>' });
  const plan = planOf({ shop: { kind: 'browser', url: `${site.origin}/` } }, [
    { environment: 'shop', take: 'observation', count: 2 },
  ]);
  const documents = await all(plan, live(plan));
  assert.equal(documents.length, 1);
  assert.match(documents[0]?.text ?? '', /button "Buy"/);
});

test('a session that cannot be opened leaves nothing behind', async () => {
  const plan = planOf({ box: { kind: 'shell', setup: ['exit 3'] } }, [{ environment: 'box', take: 'observation' }]);
  const sessions = openSessions(sessionsFolder);
  await assert.rejects(all(plan, live(plan, deps(sessions))), /The setup command "exit 3".*exit code 3/);
  assert.deepEqual([sessions.ids(), readdirSync(sessionsFolder)], [[], []]);
});

const found = [dirname(process.execPath), ...(process.env.PATH ?? '').split(delimiter)]
  .map((bin) => join(bin, 'npm'))
  .find((path) => existsSync(path));
const npm = found === undefined ? undefined : dirname(dirname(realpathSync(found)));

test('a shell tells the help of the commands of its packages, and of those below them', {
  skip: npm === undefined,
}, async () => {
  const context = await temporaryContext({ packageFolder: async () => npm ?? '' });
  const documents: Document[] = [];
  try {
    for await (const document of shellDocs({ kind: 'shell', packages: ['npm@any'] }, context)) {
      documents.push(document);
      if (documents.length === 6) break;
    }
    assert.deepEqual(readdirSync(context.workdir), []);
  } finally {
    await rm(context.workdir, { recursive: true, force: true });
  }
  const { version } = JSON.parse(readFileSync(join(npm ?? '', 'package.json'), 'utf8')) as { version: string };
  assert.ok(documents.every(({ source }) => source === `npm@${version}`));
  assert.deepEqual(
    documents.slice(0, 2).map(({ title }) => title),
    ['npm --help', 'npm access --help'],
  );
  assert.match(documents[0]?.text ?? '', /All commands:/);
  assert.match(documents[1]?.text ?? '', /Usage:\nnpm access/);
});

test('packages without commands, and commands without help, are an error that says so', async () => {
  const none = join(folder, 'none');
  const { mkdir, writeFile } = await import('node:fs/promises');
  await mkdir(none, { recursive: true });
  await writeFile(
    join(none, 'package.json'),
    JSON.stringify({
      name: 'none',
      version: '1.0.0',
      bin: { fails: 'fails.js', '../../evil; touch /tmp/x': 'fails.js' },
    }),
  );
  await writeFile(join(none, 'fails.js'), '#!/usr/bin/env node\nprocess.exit(1)\n');
  const context = await temporaryContext({ packageFolder: async () => none });
  try {
    await assert.rejects(async () => {
      for await (const document of shellDocs({ kind: 'shell', packages: ['none'] }, context)) assert.fail(document.id);
    }, /No command of the packages of the shell environment shows a help/);
  } finally {
    await rm(context.workdir, { recursive: true, force: true });
  }
});

test('goals: one task for each state, begun in it, and read once', async () => {
  const plan = planOf({ board: { kind: 'scripted', items: 3, verify: 2 } }, [
    { environment: 'board', take: 'goals', seeds: { from: 4, count: 2 } },
  ]);
  const documents = await all(plan, live(plan));
  assert.deepEqual(
    documents.map(({ id, text, kind, start }) => ({ id, text, kind, start })),
    [4, 5].map((seed) => ({
      id: `lamps#${seed}`,
      text: 'Switch lamps until 2 of 3 are on.',
      kind: 'goal',
      start: { seed, setup: null },
    })),
  );
  const before = opened;
  assert.deepEqual(await all(plan, cachedContext(deps(), plan)), documents);
  assert.equal(opened, before, 'what was seen is kept');
});

test('observations of states begin in them; names choose among tasks, and a name that is not there is said', async () => {
  const seen = planOf({ board: { kind: 'scripted', items: 3 } }, [
    { environment: 'board', take: 'observation', tasks: ['lamp*'], seeds: { from: 3 } },
  ]);
  const [document] = await all(seen, live(seen));
  assert.equal(document?.kind, 'observation');
  assert.match(document?.text ?? '', /lamp-1: on\nlamp-2: on\nlamp-3: off/);
  assert.deepEqual(document?.start, { seed: 3, setup: null });
  const wrong = planOf({ board: { kind: 'scripted' } }, [{ environment: 'board', take: 'goals', tasks: ['lmaps'] }]);
  await assert.rejects(all(wrong, live(wrong)), /no task "lmaps"; did you mean lamps/);
  const shell = planOf({ box: { kind: 'shell' } }, [{ environment: 'box', take: 'goals' }]);
  await assert.rejects(all(shell, live(shell)), /sets no goals itself/);
});
