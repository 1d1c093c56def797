import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonical } from '../../core/canonical.ts';
import { stuck } from '../../core/stuck.ts';
import { facts } from './facts.ts';

const at = (steps: string, after = 3) => stuck(facts(steps), 's0', after);

test('the same action three times is stuck although the state changes each time', () => {
  assert.equal(at('a:s1 a:s2'), undefined);
  assert.match(at('a:s1 a:s2 a:s3') ?? '', /same action came 3 times in a row/);
});

test('three different actions that change nothing are stuck, from the very first step on', () => {
  assert.equal(at('a:s0 b:s0'), undefined);
  assert.match(at('a:s0 b:s0 c:s0') ?? '', /3 actions in a row changed nothing/);
});

test('the action that brought the state is not among those that changed nothing', () => {
  assert.equal(at('a:s1 b:s1 c:s1'), undefined);
  assert.match(at('a:s1 b:s1 c:s1 d:s1') ?? '', /changed nothing/);
});

test('a change or another action starts the count again', () => {
  assert.equal(at('a:s0 b:s0 c:s1'), undefined);
  assert.equal(at('a:s1 a:s2 b:s3 a:s4 a:s5'), undefined);
  assert.equal(at('a:s1 b:s0 c:s1 d:s0 e:s1 f:s0'), undefined);
});

test('only the end counts: a loop that was left is forgotten', () => {
  assert.equal(at('a:s0 a:s0 a:s0 b:s1'), undefined);
});

test('nothing done yet is not stuck', () => {
  assert.equal(stuck([], 's0', 2), undefined);
});

test('the sentence shows the action as a person would read it', () => {
  const action = canonical({ name: 'click', arguments: { ref: 'e12', element: 'Save' } });
  const step = { action, failed: false, changed: true };
  const chain = [1, 2].map((index) => ({ ...step, index, state: `s${index}` }));
  assert.equal(stuck(chain, 's0', 2), 'The same action came 2 times in a row: click "Save" [e12]');
});

test('never earlier than `after` steps, always when all of those are the same', () => {
  const actions = fc.array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(actions, fc.integer({ min: 1, max: 6 }), (names, after) => {
      const chain = facts(names.map((name, step) => `${name}:n${step}`).join(' '));
      const recent = names.slice(-after);
      const same = recent.length === after && new Set(recent).size === 1;
      assert.equal(stuck(chain, 's0', after) !== undefined, same);
    }),
  );
});
