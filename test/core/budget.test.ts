/** Caps and failure rates: what may begin, what is reached, what ends a run. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { capReached, mayBegin, spentBy, stageCapReached, taskSpent } from '../../core/budget.ts';
import { tooManyFailures } from '../../core/failure-rate.ts';
import type { Usage } from '../../schemas/common.ts';

const none = { usd: null, tokens: null, hours: null };
const nothing = { usd: 0, tokens: 0, hours: 0 };
const amount = fc.double({ min: 0, max: 1e6, noNaN: true });
const amounts = fc.record({ usd: amount, tokens: amount, hours: amount });
const cap = fc.option(amount, { nil: null });
const caps = fc.record({ usd: cap, tokens: cap, hours: cap });

test('without caps everything may begin and nothing is reached', () => {
  fc.assert(
    fc.property(amounts, amounts, (spent, reserved) => {
      assert.equal(mayBegin(none, spent, reserved), true);
      assert.equal(capReached(none, spent, 'r-1'), undefined);
    }),
  );
});

test('what may begin has reached no cap; what is reserved only makes it harder; with nothing reserved the two agree', () => {
  fc.assert(
    fc.property(caps, amounts, amounts, (limits, spent, reserved) => {
      const reached = capReached(limits, spent, 'r-1');
      if (mayBegin(limits, spent, reserved)) assert.equal(reached, undefined);
      assert.equal(mayBegin(limits, spent, nothing), reached === undefined);
    }),
  );
});

test('the message names the cap, what is used, and the command', () => {
  assert.equal(
    capReached({ ...none, usd: 25 }, { ...nothing, usd: 25.1 }, 'r-1'),
    'the budget of $25.00 is spent ($25.10): lbi resume r-1 --budget USD',
  );
  assert.match(capReached({ ...none, hours: 2 }, { ...nothing, hours: 2.5 }, 'r-1') ?? '', /2.0 hours.*--budget-hours/);
});

test('a failure ends the run at once with stop, and by share only after enough items', () => {
  const rule = { stop: false, rate: 0.2, after: 10 };
  assert.equal(tooManyFailures(undefined, 'episodes', 5, 5), undefined);
  assert.equal(tooManyFailures(rule, 'episodes', 9, 9), undefined);
  assert.equal(tooManyFailures(rule, 'episodes', 2, 10), undefined);
  assert.match(tooManyFailures(rule, 'episodes', 3, 10) ?? '', /3 of 10 episodes failed \(30 %\)/);
  assert.match(tooManyFailures({ stop: true, rate: null, after: 1 }, 'documents', 1, 500) ?? '', /on_error is stop/);
  assert.equal(tooManyFailures({ stop: true, rate: null, after: 1 }, 'documents', 0, 500), undefined);
  assert.match(tooManyFailures({ ...rule, rate: 0 }, 'episodes', 1, 100) ?? '', /1 of 100/);
});

const usage = (usd: number, input: number): Usage => ({
  calls: 1,
  input,
  cached: 0,
  cacheWrites: 0,
  output: 0,
  usd,
});

test('a task whose cap no longer fits does not begin, and when none is in flight the run says so: it never waits for nothing', () => {
  fc.assert(
    fc.property(caps, amounts, fc.record({ usd: amount }, { requiredKeys: [] }), (limits, spent, own) => {
      assert.equal(mayBegin(limits, spent, nothing, own), capReached(limits, spent, 'r-1', own) === undefined);
    }),
  );
  assert.match(
    capReached({ ...none, usd: 1 }, { ...nothing, usd: 0.8 }, 'r-1', { usd: 0.5 }) ?? '',
    /the budget of \$1\.00 has no room for a task of \$0\.50 \(\$0\.80 are spent\): lbi resume r-1 --budget USD/,
  );
});

test('a stage is charged for its own accounts; what the query costs belongs to the actions', () => {
  const used = {
    'instruct/a': usage(1, 10),
    'interact/a': usage(2, 20),
    'query/b': usage(4, 40),
    'filter/a': usage(8, 80),
  };
  assert.equal(spentBy(used, 'interact').usd, 6);
  assert.equal(spentBy(used, 'construct').calls, 0);
  assert.equal(stageCapReached({ interactUsd: 6.1 }, used, ['interact', 'filter'], 'r-1'), undefined);
  assert.equal(
    stageCapReached({ interactUsd: 6 }, used, ['interact', 'filter'], 'r-1'),
    'the budget of interact: $6.00 is spent ($6.00): lbi resume r-1 --stage-budget interact=USD',
  );
  assert.match(stageCapReached({ filterTokens: 80 }, used, ['filter'], 'r-1') ?? '', /--stage-tokens filter=N/);
});

test('a task has spent its budget from the call on that reaches it', () => {
  assert.equal(taskSpent(undefined, usage(1e9, 1e9)), undefined);
  assert.equal(taskSpent({ usd: 0.5, tokens: 100 }, usage(0.4, 99)), undefined);
  assert.match(taskSpent({ usd: 0.5 }, usage(0.5, 0)) ?? '', /\$0\.50 of \$0\.50/);
  assert.match(taskSpent({ tokens: 100 }, usage(0, 150)) ?? '', /150 tokens of 100 tokens/);
});
