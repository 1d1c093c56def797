/** The ledger of calls: what is open when a worker dies is settled by what the store holds, and nothing is counted twice. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { openLedger, readLedger } from '../../activities/ledger.ts';
import type { Usage } from '../../schemas/common.ts';
import { folderStore } from '../../store/folder.ts';
import { putJson } from '../../store/json.ts';
import type { Store } from '../../store/store.ts';

let folder: string;
let store: Store;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lbi-ledger-'));
  store = await folderStore(folder, { durable: 'process' });
});
after(() => rm(folder, { recursive: true, force: true }));

const usage = (input: number): Usage => ({ calls: 1, input, cached: 0, cacheWrites: 0, output: 1, usd: 0 });
type Fate =
  | 'paid'
  | 'lost'
  | 'free'
  | 'killed before the reply'
  | 'killed after the reply'
  | 'killed, asked by another';
const fates: Fate[] = [
  'paid',
  'lost',
  'free',
  'killed before the reply',
  'killed after the reply',
  'killed, asked by another',
];
let runs = 0;

test('whatever becomes of calls that are made at the same time, each is in the sum once', async () => {
  const call = fc.record({ fate: fc.constantFrom(...fates), tokens: fc.nat(1000), worker: fc.nat(2) });
  await fc.assert(
    fc.asyncProperty(fc.array(call, { maxLength: 12 }), async (calls) => {
      runs += 1;
      const run = `r-${runs}`;
      const workers = [0, 1, 2].map((name) => openLedger(store, `worker.${name}`));
      await Promise.all(
        calls.map(async ({ fate, tokens, worker }, index) => {
          const key = `${run}/${index}`;
          const until = Date.now() + 60_000;
          const begun = await workers[worker]?.begin(run, { account: 'interact/actor', key, until });
          assert.ok(begun);
          const keep = async (id: string) =>
            store.remember(key, await putJson(store, { call: id, reply: { usage: usage(tokens) } }));
          if (fate === 'paid') await begun.end(usage(tokens));
          if (fate === 'lost' || fate === 'free') await begun.end(fate);
          if (fate === 'killed after the reply') await keep(begun.id);
          if (fate === 'killed, asked by another') await keep('another');
        }),
      );
      const wanted = (...names: Fate[]) => calls.filter(({ fate }) => names.includes(fate));
      const paid = wanted('paid', 'killed after the reply');
      const input = paid.reduce((sum, { tokens }) => sum + tokens, 0);
      const live = await readLedger(store, run, false, Date.now());
      assert.equal(live.paid['interact/actor']?.calls ?? 0, paid.length);
      assert.equal(live.paid['interact/actor']?.input ?? 0, input);
      assert.equal(live.lost['interact/actor'] ?? 0, wanted('lost', 'killed, asked by another').length);
      assert.equal(live.inFlight, wanted('killed before the reply').length);
      const over = await readLedger(store, run, true, Date.now());
      assert.equal(over.inFlight, 0);
      assert.equal((over.lost['interact/actor'] ?? 0) + paid.length + wanted('free').length, calls.length);
    }),
    { numRuns: 25 },
  );
});

test('a call is not made when it cannot be written down, and a later one is', async () => {
  let full = true;
  const stubborn: Store = {
    ...store,
    write: (path, bytes) => (full ? Promise.reject(new Error('the disk is full')) : store.write(path, bytes)),
  };
  const ledger = openLedger(stubborn, 'worker.full');
  const call = { account: 'a', key: 'k', until: 0 };
  await assert.rejects(ledger.begin('r-full', call), /disk is full/);
  full = false;
  const begun = await ledger.begin('r-full', call);
  full = true;
  await begun.end('lost');
  full = false;
  await (await ledger.begin('r-full', call)).end('free');
  assert.deepEqual(await readLedger(store, 'r-full', true, Date.now()), { paid: {}, lost: { a: 1 }, inFlight: 0 });
});
