/** Who may ask a broken model, and when. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ModelError } from '../../core/errors.ts';
import { openCircuit } from '../../models/circuit.ts';

const revoked = new ModelError('operator', 'the key is rejected');
const signal = new AbortController().signal;

/** A provider that takes a while, counts, and is well or not. */
function provider() {
  const state = { asked: 0, at: [] as number[], broken: true };
  const call = async (): Promise<string> => {
    state.asked += 1;
    state.at.push(performance.now());
    const { broken } = state;
    await sleep(5);
    if (broken) throw revoked;
    return 'reply';
  };
  return { state, call };
}

const outcomes = async (calls: Promise<unknown>[]): Promise<string[]> =>
  (await Promise.allSettled(calls)).map(({ status }) => status);

test('a thousand calls that come while a model is broken cost a few requests', async () => {
  const circuit = openCircuit(40);
  const { state, call } = provider();
  const queued = Date.now();
  await outcomes([circuit.through(call, { signal })]);
  assert.equal(state.asked, 1);
  // They waited in the queue while the first one failed.
  await outcomes(Array.from({ length: 500 }, () => circuit.through(call, { signal, since: queued - 1 })));
  assert.equal(state.asked, 1, 'who waited shares the failure');
  const late = Array.from({ length: 500 }, () => circuit.through(call, { signal }));
  assert.deepEqual(new Set(await outcomes(late)), new Set(['rejected']));
  assert.equal(state.asked, 2, 'one of the late ones tries');
  assert.ok((state.at[1] ?? 0) - (state.at[0] ?? 0) >= 40, 'and not at once');
});

test('once it is mended, the first try lets all through, those that were asked for before the mending too', async () => {
  const circuit = openCircuit(20);
  const { state, call } = provider();
  await outcomes([circuit.through(call, { signal })]);
  state.broken = false;
  const calls = Array.from({ length: 50 }, () => circuit.through(call, { signal }));
  assert.deepEqual(new Set(await outcomes(calls)), new Set(['fulfilled']));
  assert.equal(state.asked, 51);
});

test('another kind of failure closes it, and a cancelled call does not hang', async () => {
  const circuit = openCircuit(20);
  const { state, call } = provider();
  await outcomes([circuit.through(call, { signal })]);
  const busy = () => Promise.reject(new ModelError('rate-limited', 'slow down'));
  const [tried] = await outcomes([circuit.through(busy, { signal })]);
  assert.equal(tried, 'rejected');
  state.broken = false;
  assert.equal(await circuit.through(call, { signal }), 'reply');

  state.broken = true;
  await outcomes([circuit.through(call, { signal })]);
  const stop = new AbortController();
  const never = new Promise<never>((_, reject) => stop.signal.addEventListener('abort', () => reject(revoked)));
  const waiting = [
    circuit.through(() => never, { signal: stop.signal }),
    circuit.through(() => never, { signal: stop.signal }),
  ];
  setTimeout(() => stop.abort(), 40);
  assert.deepEqual(await outcomes(waiting), ['rejected', 'rejected']);
});
