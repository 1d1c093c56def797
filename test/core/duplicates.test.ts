import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nearDuplicates, similarity, taskShape } from '../../core/duplicates.ts';
import { bandRows } from '../../core/min-hash.ts';
import { randomSource, shuffled } from '../../core/random.ts';
import { taskSet } from '../../core/task-set.ts';

const pairsOfOneShape: [string, string][] = [
  ["Bump the version to '1.2.3'.", 'Bump the version to 2.0.0-beta.1'],
  ['Add 3 lamps', 'Add 12 lamps.'],
  ['Set the price to $4.50', 'Set the price to 1,000'],
  ['Create a list called Groceries', 'Create a list called "Things to buy"'],
  ['Create a list called Summer Reading and share it', 'Create a list called Films and share it'],
  ['Open https://example.org/a?b=1, then close it', 'Open http://localhost:8080/x then close it'],
  ['Write to ann@example.org', 'Write to b.c+d@mail.example.com'],
  ['Copy src/lib/index.js to ./out', 'Copy /etc/hosts to ~/backup/'],
  ['Show report.csv', 'Show notes.md'],
  ['Remove “old name” from the list', "Remove 'other name' from the list"],
  ['Install @scope/some-package@1.0.0', 'Install my-package'],
  ['Remind me on 2024-05-01', 'Remind me on 31.12.2025'],
  ['Invite Alice', 'Invite John Doe'],
];

test('tasks that differ only in example values share a shape', () => {
  for (const [one, other] of pairsOfOneShape) assert.equal(taskShape(one), taskShape(other), `${one} / ${other}`);
});

test('tasks that differ in what they do do not', () => {
  const different: [string, string][] = [
    ['Open the Control Panel', 'Open the Tag Manager'],
    ['Run npm audit', 'Run npm outdated'],
    ['Add 3 lamps', 'Remove 3 lamps'],
    ["Don't save the user's file", "Save the user's file"],
    ['Show the read/write access', 'Show the and/or choices'],
  ];
  for (const [one, other] of different) assert.notEqual(taskShape(one), taskShape(other), `${one} / ${other}`);
});

test('masking is stable: the words around a value stay, apostrophes open no quotes', () => {
  assert.equal(taskShape("Set the `author` to 'A. B.' in package.json"), 'set the author to <text> in <file>');
  assert.equal(taskShape("the dogs' bowls and cats' toys"), 'the dogs bowls and cats toys');
  assert.equal(taskShape(''), '');
});

test('similarity is symmetric, between 0 and 1, and 1 for a task and itself', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (a, b) => {
      const both = similarity(a, b);
      assert.ok(both >= 0 && both <= 1);
      assert.equal(both, similarity(b, a));
      assert.equal(similarity(a, a), 1);
    }),
  );
});

test('endings and small words do not make a task new', () => {
  assert.equal(similarity('List the installed packages', 'Listing installed package'), 1);
  assert.ok(similarity('Retrieve the name of the package', 'Turn off the lights in the hall') < 0.2);
});

/** The set's answer for these candidates after these tasks were accepted. */
function distinctTasks<T extends { instruction: string }>(candidates: T[], accepted: string[], threshold: number) {
  const set = taskSet(threshold);
  for (const instruction of accepted) set.add(instruction);
  return set.distinct(candidates);
}

test('candidates are compared with accepted tasks and with those before them, in order', () => {
  const candidates = ["Bump the version to '1.2.3'", 'List all files', 'Set the version to 3', 'list all files!'].map(
    (instruction, number) => ({ instruction, number }),
  );
  const { fresh, duplicates } = distinctTasks(candidates, ['Bump the version to 9.9.9'], 0.8);
  assert.deepEqual(
    fresh.map(({ number }) => number),
    [1, 2],
  );
  assert.deepEqual(
    duplicates.map(({ item, of }) => [item.number, of]),
    [
      [0, 'Bump the version to 9.9.9'],
      [3, 'List all files'],
    ],
  );
});

test('an overlap of exactly the threshold is not a duplicate, equal words always are', () => {
  const accepted = ['paint walls green today'];
  const candidate = [{ instruction: 'paint walls green tomorrow' }];
  assert.equal(similarity('paint walls green today', 'paint walls green tomorrow'), 0.6);
  assert.equal(distinctTasks(candidate, accepted, 0.6).fresh.length, 1);
  assert.equal(distinctTasks(candidate, accepted, 0.59).fresh.length, 0);
  assert.equal(distinctTasks([{ instruction: 'Paint walls green today.' }], accepted, 1).fresh.length, 0);
});

test('looking among the few that could resemble a task finds what looking at all finds, and leaves the set as it was', () => {
  const few = ['alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta', 'eta', 'the'];
  const task = fc.array(fc.constantFrom(...few), { maxLength: 7 }).map((chosen) => chosen.join(' '));
  const threshold = fc.constantFrom(0, 0.2, 0.5, 0.6, 2 / 3, 0.8, 1);
  fc.assert(
    fc.property(fc.array(task, { maxLength: 12 }), fc.array(task, { maxLength: 12 }), threshold, (before, after, t) => {
      const repeats = (a: string, b: string) => similarity(a, b) > t || similarity(a, b) === 1;
      const known = [...before];
      const expected = after.map((instruction) => {
        const of = known.find((other) => repeats(instruction, other));
        if (of === undefined) known.push(instruction);
        return of;
      });
      const set = taskSet(t);
      for (const instruction of before) set.add(instruction);
      for (const time of ['first', 'again']) {
        const { fresh, duplicates } = set.distinct(after.map((instruction) => ({ instruction })));
        assert.deepEqual(
          duplicates.map(({ of }) => of),
          expected.filter((of) => of !== undefined),
          time,
        );
        assert.equal(fresh.length + duplicates.length, after.length);
      }
      assert.equal(set.size(), before.length);
    }),
    { numRuns: 500 },
  );
});

const words = (seed: number, count: number) => {
  const random = randomSource(seed);
  return Array.from({ length: count }, () => `w${Math.floor(random() * 3000)}`);
};
const item = (id: string, tokens: string[], length = tokens.length) => ({ id, text: tokens.join(' '), length });

test('of near-duplicates the shorter stays, of equally long ones the first id', () => {
  const base = words(1, 80);
  const dropped = nearDuplicates(
    [item('long', [...base, 'end']), item('b', base), item('a', base), item('other', words(2, 80), 1)],
    0.85,
  );
  assert.deepEqual([...dropped].sort(), [
    ['b', 'a'],
    ['long', 'a'],
  ]);
});

test('short and empty texts are duplicates only of equal ones', () => {
  const texts = ['', '', 'on', 'on', 'off', 'turn on', 'turn off'];
  const dropped = nearDuplicates(
    texts.map((text, at) => ({ id: `${at}`, text, length: 1 })),
    0.5,
  );
  assert.deepEqual(
    [...dropped],
    [
      ['1', '0'],
      ['3', '2'],
    ],
  );
});

test('just below the threshold nothing is dropped', () => {
  const base = words(3, 103);
  const changed = base.map((word, at) => (at % 20 === 10 ? `x${at}` : word));
  // 5 changed words spoil 15 of 101 shingles: 86 / 116 = 0.741
  const pair = [item('a', base), item('b', changed)];
  assert.equal(nearDuplicates(pair, 0.75).size, 0);
  assert.equal(nearDuplicates(pair, 0.7).size, 1);
});

test('the result does not depend on the order of the items', () => {
  const items = Array.from({ length: 300 }, (_, at) => {
    const tokens = words(at % 60, 60);
    tokens[at % 50] = `own${at}`;
    return item(`i${at}`, tokens, at % 7);
  });
  const expected = [...nearDuplicates(items, 0.8)].sort();
  assert.ok(expected.length > 200);
  assert.deepEqual([...nearDuplicates(shuffled(items, randomSource(5)), 0.8)].sort(), expected);
});

test('no dropped item leads to another dropped one', () => {
  const texts = fc.array(fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 6 }), { maxLength: 30 });
  fc.assert(
    fc.property(texts, fc.double({ min: 0, max: 1, noNaN: true }), (all, threshold) => {
      const dropped = nearDuplicates(
        all.map((tokens, at) => item(`${at}`, tokens)),
        threshold,
      );
      for (const kept of dropped.values()) assert.ok(!dropped.has(kept));
    }),
  );
});

test('a pair at the threshold is found with a probability of 99 %', () => {
  for (const threshold of [0.3, 0.5, 0.8, 0.85, 0.95]) {
    const rows = bandRows(threshold);
    assert.ok(1 - (1 - threshold ** rows) ** Math.floor(128 / rows) >= 0.99, `${threshold}: ${rows}`);
  }
  assert.equal(bandRows(0), 1);
});

test('20,000 items, a quarter of them near-duplicates, take seconds and all are found', () => {
  const items = Array.from({ length: 20_000 }, (_, at) => {
    const copy = at >= 15_000;
    const tokens = words(copy ? at - 15_000 : at, 60);
    return item(`${at}`.padStart(5, '0'), copy ? [...tokens, `own${at}`] : tokens);
  });
  const started = performance.now();
  const dropped = nearDuplicates(items, 0.85);
  const seconds = (performance.now() - started) / 1000;
  assert.equal(dropped.size, 5000);
  assert.equal(dropped.get('15000'), '00000');
  assert.ok(seconds < 15, `${seconds.toFixed(1)} s`);
});
