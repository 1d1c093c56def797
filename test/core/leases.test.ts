/** The rules of a lease, whatever is asked, given back, lost or taken, in whatever order. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { askFor, freshLease, giveTurns, takeOut } from '../../core/leases.ts';

const names = ['ada', 'ben', 'cleo', 'dan'];
const event = fc.oneof(
  fc.record({ kind: fc.constant('ask' as const), holder: fc.constantFrom(...names), slots: fc.constantFrom(1, 1, 2) }),
  fc.record({ kind: fc.constant('ask again' as const), holder: fc.constantFrom(...names) }),
  fc.record({ kind: fc.constant('give back' as const), holder: fc.constantFrom(...names) }),
);

test('never more holders than slots, epochs only rise, and those who wait keep their order', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const state = freshLease('wiki', 1);
      let ticket = 0;
      let epoch = 0;
      for (const [at, each] of events.entries()) {
        const line = state.waiting.map(({ holder }) => holder);
        const { holder } = each;
        if (each.kind === 'ask') {
          ticket += 1;
          const held = state.holders.some((other) => other.holder === holder);
          askFor(state, { holder, ticket, slots: each.slots }, at);
          const after = state.waiting.map((other) => other.holder);
          if (held) assert.equal(after[0], holder, 'a holder with a new session goes first');
          else assert.deepEqual(after, line.includes(holder) ? line : [...line, holder]);
        } else if (each.kind === 'give back') takeOut(state, [holder]);
        else {
          const known = [...state.holders, ...state.waiting].find((other) => other.holder === holder);
          if (known === undefined) continue;
          const before = structuredClone(state);
          const told = askFor(state, { holder, ticket: known.ticket, slots: known.slots }, at);
          assert.deepEqual(state, before, 'the same request again changes nothing');
          assert.equal(
            told !== undefined,
            before.holders.some((other) => other.holder === holder),
          );
        }
        const first = state.waiting.map((other) => other.holder);
        const turns = giveTurns(state, at);
        assert.deepEqual(
          turns.map((turn) => turn.holder),
          first.slice(0, turns.length),
          'in turn',
        );
        for (const turn of turns) {
          assert.ok(turn.epoch > epoch);
          epoch = turn.epoch;
        }
        const all = [...state.holders, ...state.waiting].map((other) => other.holder);
        assert.equal(new Set(all).size, all.length, 'nobody is there twice');
        if (turns.length > 0) assert.ok(state.holders.length <= Math.max(...state.holders.map(({ slots }) => slots)));
        if (state.waiting.length > 0) assert.ok(state.holders.length > 0, 'nobody waits for a free lease');
      }
    }),
  );
});

test('epochs rise over an end of the workflow: the next begins with the clock', () => {
  const before = freshLease('wiki', 1);
  askFor(before, { holder: 'ada', ticket: 1, slots: 1 }, 1000);
  const [first] = giveTurns(before, 1000);
  const next = freshLease('wiki', 1);
  askFor(next, { holder: 'ben', ticket: 1, slots: 1 }, 2000);
  const [second] = giveTurns(next, 2000);
  assert.ok((second?.epoch ?? 0) > (first?.epoch ?? Number.POSITIVE_INFINITY));
});
