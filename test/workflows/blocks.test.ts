/** What is blocked, by reason: five thousand episodes on one key are one line, and a resume in vain is no new beginning. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { blocksOf } from '../../workflows/blocks.ts';

const timing = { first: 60, longest: 900 };

test('five thousand on one key are one line, since the first of them', (context) => {
  context.mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
  const blocks = blocksOf({}, {}, timing);
  for (let index = 0; index < 5000; index += 1) {
    blocks.note(`lamps/r/${index}`, `answered 401 (req_${index}abc): the key is rejected`);
    context.mock.timers.tick(1);
  }
  blocks.note('lamps/r/x', 'the program tool is missing');
  const waits = blocks.waits().map(({ count, since, next }) => ({ count, since, next }));
  assert.deepEqual(waits, [
    { count: 5000, since: 1_000_000, next: 1_060_000 },
    { count: 1, since: 1_005_000, next: 1_065_000 },
  ]);
});

test('a resume in vain keeps the time; what is blocked again much later is blocked anew', (context) => {
  context.mock.timers.enable({ apis: ['Date'], now: 0 });
  const blocks = blocksOf({}, {}, timing);
  blocks.note('a', 'no key');
  context.mock.timers.tick(600_000);
  blocks.note('a', null);
  assert.deepEqual(blocks.waits(), []);
  context.mock.timers.tick(5000);
  blocks.note('a', 'no key');
  assert.equal(blocks.waits()[0]?.since, 0);
  blocks.note('a', null);
  context.mock.timers.tick(600_000);
  blocks.note('a', 'no key');
  assert.equal(blocks.waits()[0]?.since, 1_205_000);
});

test('whatever is told in whatever order, the lines are what is blocked; a run that continues as new knows the same', () => {
  const told = fc.array(
    fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.option(fc.constantFrom('one 1', 'one 2', 'two', 'constructor'))),
  );
  fc.assert(
    fc.property(told, (reports) => {
      const blocked: Record<string, string> = {};
      const blocks = blocksOf(blocked, {}, timing);
      const expected = new Map<string, string>();
      for (const [id, on] of reports) {
        blocks.note(id, on);
        if (on === null) expected.delete(id);
        else expected.set(id, on);
      }
      assert.deepEqual(blocked, Object.fromEntries(expected));
      const reasons = new Set([...expected.values()].map((on) => on.replace(/\d/, '#')));
      assert.equal(blocks.waits().length, reasons.size);
      assert.equal(
        blocks.waits().reduce((sum, { count }) => sum + count, 0),
        expected.size,
      );
      for (const reason of reasons) assert.ok(blocks.idsOf(reason).length > 0);
      const again = blocksOf({ ...blocked }, blocks.times(), timing);
      const bare = (all: typeof blocks) => all.waits().map(({ on, since, ...rest }) => [rest.count, since]);
      assert.deepEqual(bare(again).sort(), bare(blocks).sort());
    }),
  );
});
