/** The agent's loop over a place that is lost, that answers otherwise, and that is walked in pieces. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { noUsage } from '../../core/usage.ts';
import { type Walk, type WalkCalls, walkSoFar, walkTask } from '../../core/walk.ts';
import type { Ref, Usage } from '../../schemas/common.ts';
import type { Flow } from '../../schemas/flow.ts';

const flowOf = (maxSteps: number, stuckAfter: number): Flow =>
  ({
    plan: 'plan' as Ref,
    interact: { environment: 'board', maxSteps, stuckAfter },
    accounts: { instruct: '', decide: 'interact/writer', query: '', relabel: '' },
  }) as unknown as Flow;

const once: Usage = { ...noUsage, calls: 1, input: 10 };

/** A place whose heads are what was done in it; an agent that does the given actions, then finishes. */
function calls(
  actions: string[],
  {
    lose = () => false,
    diverge = () => null,
    pause,
  }: {
    lose?: (done: number) => boolean;
    diverge?: (head: string) => number | null;
    pause?: () => boolean;
  } = {},
): WalkCalls & { opened: number; spent: number } {
  let held = false;
  const counted = { opened: 0, spent: 0 };
  return Object.assign(counted, {
    ...(pause === undefined ? {} : { pause }),
    open: async (head: Ref | null) => {
      held = true;
      counted.opened += 1;
      const parted = head === null ? null : diverge(head);
      const there = head === null || parted !== null ? '' : head;
      return { session: 's', queue: 'q', head: there as Ref, state: 'start', diverged: parted };
    },
    act: async (head: Ref, decision: Ref) => {
      const done = head === '' ? 0 : head.split(',').length;
      if (!held || lose(done)) {
        held = false;
        return undefined;
      }
      const next = head === '' ? decision : `${head},${decision}`;
      const facts = { index: done + 1, action: decision, state: next, failed: false, changed: true };
      return { head: next as Ref, facts, error: '' };
    },
    decide: async ({ head }: { head: Ref }) => {
      held = true;
      const action = actions[head === '' ? 0 : head.split(',').length];
      const said = {
        usage: once,
        readable: true,
        detail: '',
        title: action ?? 'done',
        decision: (action ?? 'end') as Ref,
      };
      return { ...said, kind: action === undefined ? ('finish' as const) : ('act' as const) };
    },
    spend: () => {
      counted.spent += 1;
    },
  });
}

const outcome = ({ head, steps, outcome: how, detail, usage, unreadable, initialState }: Walk) => ({
  ...{ head, steps, how, detail, usage, unreadable, initialState },
});

test('walked in pieces, each told no more than the last steps, it is the walk of one piece', async () => {
  const actions = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 25 });
  await fc.assert(
    fc.asyncProperty(
      actions,
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 30 }),
      async (list, piece, most) => {
        const flow = flowOf(most, 3);
        const whole = await walkTask(flow, 't' as Ref, calls(list));
        let left = piece;
        const pause = () => left-- <= 0;
        let walk = await walkTask(flow, 't' as Ref, calls(list, { pause }));
        while (walk.paused === true) {
          left = piece;
          const soFar = JSON.parse(JSON.stringify(walkSoFar(walk, flow.interact.stuckAfter)));
          assert.ok(soFar.recent.length <= flow.interact.stuckAfter + 1);
          walk = await walkTask(flow, 't' as Ref, calls(list, { pause }), soFar);
        }
        assert.deepEqual(outcome(walk), outcome(whole));
        assert.equal(walk.whole, walk.facts.length === walk.steps);
      },
    ),
  );
});

test('a lost session costs no step; a place that answers otherwise makes it begin anew, a bounded number of times', async () => {
  const flow = flowOf(10, 5);
  let losses = 0;
  const lost = calls(['a', 'b', 'c'], { lose: (done) => done === 1 && losses++ < 3 });
  const walk = await walkTask(flow, 't' as Ref, lost);
  assert.deepEqual([walk.head, walk.steps, walk.diverged, lost.opened], ['a,b,c', 3, [], 4]);

  let times = 0;
  const once = calls(['a', 'b', 'c'], { lose: (done) => done === 2 && times++ < 1, diverge: () => 1 });
  const anew = await walkTask(flow, 't' as Ref, once);
  assert.deepEqual([anew.head, anew.steps, anew.diverged, anew.outcome], ['a,b,c', 3, [1], 'finished']);

  const never = await walkTask(
    flow,
    't' as Ref,
    calls(['a', 'b', 'c'], { lose: (done) => done === 2, diverge: () => 2 }),
  );
  assert.equal(never.outcome, 'failed');
  assert.deepEqual(never.diverged, [2, 2, 2, 2]);
  assert.match(never.detail, /lost 4 times, and each time the place answered otherwise.*after action 2, 2, 2, 2/);
});
