/** A key that is revoked while 64 episodes are in flight, and a ledger that says what a killed worker had paid for. One server, one folder. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Usage } from '../../schemas/common.ts';
import type { Progress } from '../../schemas/flow.ts';
import type { CallLedger } from '../../schemas/ledger.ts';
import { type CountingServer, countingServer } from '../engine/model-server.ts';
import { lastEvent, launch, makePlace, type Place, progressWhen, until } from '../engine/place.ts';

const script = join(dirname(fileURLToPath(import.meta.url)), '..', 'engine', 'lamps.script.yaml');
const episodes = 64;
const kills = 2;

const pipeline = (url: string, more: { documents: string; stages: string }): string => `version: "1"
name: lamps
models:
  writer: { provider: scripted, script: lamps.script.yaml }
  actor: { provider: openai, model: actor, base_url: "${url}", api_key: "\${secret:LAMPS_KEY}" }
environments:
  board: { kind: scripted, items: 4, sessions: ${episodes} }
sources:
  - files: docs/${more.documents}
stages:
  - { uses: instruct, model: writer, per_document: 1, concurrency: 64 }
${more.stages}
`;

let place: Place;
let quick: CountingServer;
let slow: CountingServer;
let accepted = 'nobody has it';
before(async () => {
  const refuse = (_: string, key: string): number | undefined => (key === accepted ? undefined : 401);
  place = await makePlace({
    documents: episodes,
    oneTask: true,
    // What the worker is started with is older than what the file says later.
    environment: { LAMPS_KEY: 'revoked' },
    change: () => '',
  });
  await writeFile(
    join(place.folder, 'quick.yaml'),
    'rules:\n  - { role: decide, reply: { reason: "Done.", action: { name: finish, answer: "" } } }\n',
  );
  quick = await countingServer(join(place.folder, 'quick.yaml'), 20, refuse);
  slow = await countingServer(script, 120, refuse);
  await writeFile(
    join(place.folder, 'pipeline.yaml'),
    pipeline(quick.url, {
      documents: '*.md',
      stages: `  - { uses: interact, environment: board, model: actor, max_steps: 2, concurrency: ${episodes} }`,
    }),
  );
});
after(async () => {
  await place.close();
  await quick.close();
  await slow.close();
});

test('a revoked key costs a few requests, not one for each episode; the key in .env is taken though the worker began with another', async (context) => {
  const began = Date.now();
  const run = await launch(place, '--yes');
  const client = await place.client();
  const held = await progressWhen(client, run, ({ blocked }) => Object.keys(blocked).length === episodes);
  const [why] = Object.values(held.blocked);
  assert.match(why ?? '', /The key in LAMPS_KEY is rejected\. Put a valid one into the file \.env/);
  context.diagnostic(`${episodes} episodes on a revoked key: ${quick.asked} requests`);
  // The eight that are in flight at once, and then one in three seconds for as long as episodes come (a few on a quiet machine).
  const bound = (since: number): number => 8 + Math.ceil((Date.now() - since) / 3000);
  assert.ok(quick.asked <= Math.min(bound(began), episodes / 2), `${quick.asked} requests`);

  // Nothing was mended: all try again, and one of them at a time asks.
  const before = quick.asked;
  const resumed = Date.now();
  await place.lbi('resume', run);
  await progressWhen(client, run, ({ blocked }) => Object.keys(blocked).length < episodes).catch(() => undefined);
  await progressWhen(client, run, ({ blocked }) => Object.keys(blocked).length === episodes);
  assert.ok(
    quick.asked - before <= Math.min(bound(resumed), episodes / 2),
    `${quick.asked - before} requests after a resume that mended nothing`,
  );

  accepted = 'fresh';
  await writeFile(join(place.folder, '.env'), 'LAMPS_KEY=fresh\n');
  const mended = quick.asked;
  await place.lbi('resume', run);
  const done = lastEvent((await place.lbi('attach', run, '--json')).stdout);
  assert.equal(done.status, 'COMPLETED', JSON.stringify(done));
  assert.deepEqual(done.progress.funnel.outcomes, { finished: episodes });
  assert.ok(quick.asked - mended <= episodes + 8, `${quick.asked - mended} requests for ${episodes} replies`);
});

const sum = (usage: Record<string, Usage>, of: (one: Usage) => number): number =>
  Object.values(usage).reduce((all, one) => all + of(one), 0);

test('after kill -9 in the middle of calls the ledger holds every call: what was answered is in the costs, what was lost is counted', async (context) => {
  const stages = `  - { uses: interact, environment: board, model: actor, max_steps: 6, concurrency: 6 }
  - { uses: construct, model: actor, styles: [new-task, replicate] }
  - { uses: filter, committee: { members: [actor], reasons: one } }`;
  await writeFile(join(place.folder, 'pipeline.yaml'), pipeline(slow.url, { documents: '000?.md', stages }));
  const run = await launch(place, '--yes');
  const answered = (): number => [...slow.replies.values()].flat().length;
  for (let kill = 1; kill <= kills; kill += 1) {
    const enough = answered() + 6;
    await until(
      async () => (answered() >= enough && slow.asked > answered() ? true : undefined),
      'a call on its way',
      120,
    );
    const state = await readFile(join(place.folder, '.lbi', 'worker.json'), 'utf8');
    process.kill((JSON.parse(state) as { pid: number }).pid, 'SIGKILL');
  }
  const done = lastEvent((await place.lbi('attach', run, '--json')).stdout);
  assert.equal(done.status, 'COMPLETED', JSON.stringify(done));
  const shown = await place.lbi('show', run, '--json');
  const { usage, ledger } = JSON.parse(shown.stdout) as Progress & { ledger: CallLedger };
  const lost = Object.values(ledger.lost).reduce((all, one) => all + one, 0);
  context.diagnostic(
    `asked ${slow.asked}, answered ${answered()}, paid ${sum(ledger.paid, ({ calls }) => calls)}, lost ${lost}`,
  );
  assert.equal(ledger.inFlight, 0);
  const costs = Object.fromEntries(Object.entries(usage).filter(([account]) => account !== 'instruct/writer'));
  assert.deepEqual(ledger.paid, costs, 'what the run was charged is what its workers paid');
  // Every question has one reply that is kept; the server reports 100 tokens in and 10 out for each.
  assert.equal(
    sum(ledger.paid, ({ calls }) => calls),
    slow.replies.size,
  );
  assert.equal(
    sum(ledger.paid, ({ input }) => input),
    slow.replies.size * 100,
  );
  assert.equal(
    sum(ledger.paid, ({ output }) => output),
    slow.replies.size * 10,
  );
  assert.ok(lost >= 1, 'no kill hit a call');
  // A worker may die between writing a call down and making it: never the other way round.
  const all = slow.replies.size + lost;
  const asked = slow.asked - slow.refused.length;
  assert.ok(all >= asked && all <= asked + kills * 8, `${all} calls for ${asked} requests`);
  assert.match(
    (await place.lbi('show', run)).stdout,
    /\d+ calls? ended without a reply that the provider may charge for/,
  );
});
