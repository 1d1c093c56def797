/** The parts of `lbi limits` that need no server: slots whose number changes, and the table. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SlotReserveContext } from '@temporalio/worker';
import { openKeeper } from '../../cli/limits/keeper.ts';
import type { Look, Register } from '../../cli/limits/register.ts';
import { limitsLines } from '../../cli/limits/render.ts';
import { changingSlots } from '../../cli/limits/slots.ts';
import type { Standing } from '../../cli/limits.ts';
import type { Limits } from '../../core/rate.ts';

const context = {} as SlotReserveContext;

test('slots follow their number: fewer are taken after calls end, more at once, and a reservation can be given up', async () => {
  const slots = changingSlots(2);
  const { signal } = new AbortController();
  const first = await slots.supplier.reserveSlot(context, signal);
  await slots.supplier.reserveSlot(context, signal);
  assert.equal(slots.supplier.tryReserveSlot(context), null);
  let got = 0;
  const waiting = [1, 2].map(() => slots.supplier.reserveSlot(context, signal).then(() => (got += 1)));
  slots.resize(1);
  slots.supplier.releaseSlot({ permit: first } as never);
  await new Promise((next) => setImmediate(next));
  assert.equal(got, 0, 'one is still taken, and one is all there is');
  slots.resize(3);
  await Promise.all(waiting);
  assert.equal(got, 2);
  const gone = new AbortController();
  const given = slots.supplier.reserveSlot(context, gone.signal);
  gone.abort();
  await assert.rejects(given, { name: 'AbortError' });
  slots.resize(4);
  assert.notEqual(slots.supplier.tryReserveSlot(context), null, 'what was given up takes no slot');
});

interface Shared extends Register {
  state: Look;
  writes: number;
  fails: boolean;
  /** what is read instead of what was written, as if it had not arrived yet */
  stale: Look | undefined;
}

/** A register in memory, shared by keepers as the server is by workers. */
function shared(): Shared {
  const change = (part: Partial<Look>): Look => {
    register.state = { ...register.state, ...part, revision: register.state.revision + 1 };
    return register.state;
  };
  const register: Shared = {
    ...{ writes: 0, fails: false, stale: undefined },
    state: { revision: 1, inForce: null, pace: {}, foreign: false, set: {}, waiting: 0, limited: false },
    look: async () => {
      if (register.fails) throw new Error('the server is away');
      return { ...(register.stale ?? register.state) };
    },
    setPace: async (_queue, inForce, pace) => {
      register.writes += 1;
      return change({ inForce, pace });
    },
    setLimits: async (_queue, set) => change({ set }),
  };
  return register;
}

const show = () => ({ stop: () => {} });
const soon = (ms: number): Promise<void> => new Promise((next) => setTimeout(next, ms));
const declared = (limits: Limits & { concurrency: number }) => ({ limits, alone: false, expected: 1000 });

test('two keepers share calls in flight, back off together once, and wait as long as the provider says', async () => {
  const register = shared();
  const problem = (): void => assert.fail('nothing went wrong');
  const [a, b] = ['a', 'b'].map((me) => openKeeper({ me, register, workers: async () => ['a', 'b'], problem, show }));
  assert.ok(a !== undefined && b !== undefined);
  const run = {};
  const slots = [a, b].map((keeper) => keeper.declare('q', run, declared({ concurrency: 5, rpm: 600 })));
  await soon(50);
  assert.deepEqual(
    slots.map((one) => one.size()),
    [3, 2],
  );
  assert.equal(register.state.inForce, 10);
  const calls = [a, b].flatMap((keeper) => Array.from({ length: 12 }, () => keeper.begin('q')));
  calls.slice(0, 20).forEach((call) => void call.answered(100));
  assert.equal(a.minute().q?.inFlight, 0);
  assert.equal(b.minute().q?.inFlight, 4);
  const before = Date.now();
  for (const call of calls.slice(20)) call.refused(1200);
  await soon(300);
  assert.equal(register.state.inForce, 0);
  const { limit, at } = register.state.pace;
  assert.ok(limit !== undefined && limit <= 10);
  // What the others hear of the same moment is the same refusal.
  a.begin('q').refused(0);
  await soon(300);
  assert.deepEqual([register.state.pace.limit, register.state.pace.at], [limit, at]);
  await soon(1400);
  assert.ok((register.state.inForce ?? 0) > 0, 'it goes on by itself');
  assert.ok(Date.now() - before >= 1200);
  assert.deepEqual([a.minute().q?.refused, b.minute().q?.refused, b.minute().q?.tokens], [1, 4, 800]);
  a.stop();
  b.stop();
});

test('without limits nothing is written; of two runs the strictest holds; what a person set comes first; a foreign rate stays', async () => {
  const register = shared();
  const keeper = openKeeper({ me: 'a', register, workers: async () => [], problem: () => {}, show });
  const slots = keeper.declare('q', {}, declared({ concurrency: 8 }));
  await soon(30);
  assert.deepEqual([register.writes, slots.size()], [0, 8]);
  keeper.declare('q', {}, declared({ concurrency: 4, rpm: 120 }));
  register.state.set = { concurrency: 2 };
  keeper.begin('q').refused(0);
  await soon(100);
  assert.equal(slots.size(), 2);
  assert.ok(register.state.inForce !== null && register.state.inForce <= 2);
  register.state = { ...register.state, foreign: true, pace: {}, inForce: 0.5 };
  const { writes } = register;
  keeper.begin('q').refused(0);
  await soon(100);
  assert.equal(register.writes, writes);
  keeper.stop();
});

test('a look that lags behind what was written undoes nothing', async () => {
  const register = shared();
  const keeper = openKeeper({ me: 'a', register, workers: async () => ['a'], problem: () => {}, show });
  keeper.declare('q', {}, declared({ concurrency: 8, rpm: 600 }));
  await soon(30);
  register.stale = register.state;
  keeper.begin('q').refused(0);
  await soon(100);
  const { pace, inForce } = register.state;
  assert.ok(pace.at !== undefined && inForce !== null && inForce < 10);
  const { writes } = register;
  // The call ends after the decrease, but began before it.
  keeper.begin('q').refused(0);
  await soon(1300);
  assert.deepEqual([register.state.pace.at, register.state.pace.limit], [pace.at, pace.limit]);
  assert.ok(register.writes - writes <= 1);
  keeper.stop();
});

test('where the server cannot say, a worker keeps what its plan declares', async () => {
  const register = shared();
  register.fails = true;
  const problems: unknown[] = [];
  const keeper = openKeeper({
    me: 'a',
    register,
    workers: async () => [],
    problem: (_queue, error) => void problems.push(error),
    show,
  });
  const slots = keeper.declare('q', {}, declared({ concurrency: 6 }));
  await soon(30);
  assert.deepEqual([slots.size(), problems.length], [6, 1]);
  keeper.stop();
});

test('the table says what holds and why', () => {
  const one: Standing = {
    ...{ queue: 'lbi.x', provider: 'openai', model: 'm', names: ['writer', 'judge'], alone: false },
    declared: { concurrency: 8, rpm: 300 },
    set: { rpm: 120 },
    callsPerMinute: 0,
    concurrency: 8,
    pace: { limit: 1.5, at: 90_000, until: 112_000 },
    foreign: false,
    lastMinute: { calls: 90, tokens: 12_345, refused: 2, inFlight: 3 },
    waiting: 41,
    workers: 2,
  };
  const text = limitsLines(
    [one, { ...one, names: ['local'], set: {}, lastMinute: null, pace: {}, callsPerMinute: null }],
    100_000,
  ).join('\n');
  assert.match(text, /writer, judge +120\* +– +3 of 8 +paused +90 +12\.3K +2 +41/);
  assert.match(text, /local +300 +– +\? of 8 +open +\? +\? +\? +41/);
  assert.match(text, /writer: the provider asks to wait 12s more/);
  assert.match(text, /writer: it was last refused 10s ago, at 90 calls a minute/);
  assert.match(text, /2 workers/);
  assert.match(text, /--reset/);
});
