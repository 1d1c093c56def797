/** Sides of a dataset: decided by the family alone, whatever else is there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type FamilyFacts, familyOf, splitOf } from '../../core/split.ts';
import type { SplitBy } from '../../schemas/dataset.ts';

const pages = Array.from({ length: 4000 }, (_, at) => `docs/page-${at}.md`);
const share = fc.integer({ min: 0, max: 50 }).map((hundredths) => hundredths / 100);
const seed = fc.integer({ min: 0, max: 2 ** 31 });
const facts: fc.Arbitrary<FamilyFacts> = fc.record({
  documentId: fc.option(
    fc.oneof(fc.constantFrom('a.md', 'a.md#1', 'a.md#2', 'b.md#1', 'C#/x.md', 'C#/y.md'), fc.string()),
  ),
  task: fc.constantFrom('Switch it on', 'Read it', 'switch it on'),
  environment: fc.constantFrom('wiki', 'shop'),
});
const by = fc.constantFrom<SplitBy>('document', 'task', 'environment');

test('about the asked shares are held out', () => {
  for (const [test, validation] of [
    [0.1, 0.1],
    [0.5, 0],
    [0.3, 0.2],
  ] as const) {
    for (const number of [0, 1, 99]) {
      const sides = pages.map((page) => splitOf(page, { test, validation }, number));
      const shareOf = (side: string) => sides.filter((each) => each === side).length / sides.length;
      assert.ok(Math.abs(shareOf('test') - test) < 0.03, `test ${number}: ${shareOf('test')}`);
      assert.ok(Math.abs(shareOf('validation') - validation) < 0.03, `validation ${number}: ${shareOf('validation')}`);
    }
  }
  assert.ok(pages.every((page) => splitOf(page, { test: 0, validation: 0 }, 5) === 'train'));
});

test('a family has one side, whatever examples it has', () => {
  fc.assert(
    fc.property(fc.array(facts, { maxLength: 30 }), by, share, share, seed, (all, how, test, validation, number) => {
      const sides = new Map<string, string>();
      for (const each of all) {
        const family = familyOf(each, how);
        const side = splitOf(family, { test, validation }, number);
        assert.equal(sides.get(family) ?? side, side);
        sides.set(family, side);
      }
    }),
  );
});

test('asking for validation moves families out of train alone; a larger test share never moves one back to train', () => {
  fc.assert(
    fc.property(fc.string(), share, share, share, seed, (family, test, validation, more, number) => {
      const before = splitOf(family, { test, validation: 0 }, number);
      const after = splitOf(family, { test, validation }, number);
      if (before === 'test') assert.equal(after, 'test');
      if (after === 'train') assert.equal(before, 'train');
      const larger = splitOf(family, { test: Math.max(test, more), validation: 0 }, number);
      if (before === 'test') assert.equal(larger, 'test');
    }),
  );
});

test('the seed decides, and the same seed decides the same', () => {
  const sides = (number: number) =>
    pages.slice(0, 300).map((page) => splitOf(page, { test: 0.3, validation: 0.1 }, number));
  assert.deepEqual(sides(1), sides(1));
  assert.notDeepEqual(sides(1), sides(2));
});

test('families: parts of a page, attempts at a task, an environment', () => {
  const base = { documentId: 'a.md#1', task: 'Read it', environment: 'wiki' };
  assert.equal(familyOf(base, 'document'), familyOf({ ...base, documentId: 'a.md#12', task: 'x' }, 'document'));
  assert.notEqual(familyOf(base, 'document'), familyOf({ ...base, documentId: 'b.md#1' }, 'document'));
  assert.notEqual(
    familyOf({ ...base, documentId: 'C#/x.md' }, 'document'),
    familyOf({ ...base, documentId: 'C#/y.md' }, 'document'),
  );
  // Two attempts at a task without a document differ in their ids, not in what they try.
  assert.equal(familyOf({ ...base, documentId: null }, 'document'), 'Read it');
  assert.equal(familyOf({ ...base, documentId: 'b.md' }, 'task'), familyOf(base, 'task'));
  assert.equal(familyOf({ ...base, documentId: null, task: 'x' }, 'environment'), 'wiki');
});
