import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { readTasks, tasksSchema } from '../../core/instruct-schema.ts';
import { readRelabel, relabelSchema } from '../../core/relabel-schema.ts';

test('tasks: at most as many as asked, each of bounded length', () => {
  const valid = new Ajv2020({ strict: true }).compile(tasksSchema(2));
  assert.ok(valid({ tasks: ['a'] }) && valid({ tasks: ['a', 'b'] }));
  for (const bad of [
    { tasks: [] },
    { tasks: ['a', 'b', 'c'] },
    { tasks: ['x'.repeat(5000)] },
    { tasks: [1] },
    {},
    { tasks: ['a'], more: 1 },
  ]) {
    assert.ok(!valid(bad));
  }
});

test('tasks are trimmed to one line, without list marks; empty, repeated, over-long and cut-off ones are refused', () => {
  const given = {
    tasks: ['  1. Do\n  this ', '', ' ', '- Do that', 'Do this', 'x'.repeat(400), 7, '3 lamps on', 'last'],
  };
  assert.deepEqual(readTasks(given, 9), ['Do this', 'Do that', '3 lamps on', 'last']);
  assert.deepEqual(readTasks(given, 2), ['Do this', 'Do that']);
});

test('no tasks are read from a reply of another shape', () => {
  for (const reply of [null, [], 'a', { tasks: 'a' }, {}]) assert.deepEqual(readTasks(reply, 3), []);
});

test('relabel: the instruction as it was written, trimmed', () => {
  const valid = new Ajv2020({ strict: true }).compile(relabelSchema());
  assert.ok(valid({ instruction: '' }) && !valid({ instruction: 'x'.repeat(5000) }) && !valid({}));
  assert.equal(readRelabel({ instruction: ' Turn on lamp 3. ' }), 'Turn on lamp 3.');
  assert.equal(readRelabel({ instruction: 'None of the lamps may stay on.' }), 'None of the lamps may stay on.');
});

test('relabel: nothing comes of empty, "none" and cut-off replies and of other shapes', () => {
  for (const instruction of ['', '  ', 'None', 'N/A', '"none."', '(nothing)', '""', 'x'.repeat(1000)]) {
    assert.equal(readRelabel({ instruction }), undefined, instruction.slice(0, 20));
  }
  for (const reply of [null, 'Turn on', {}, { instruction: 3 }]) assert.equal(readRelabel(reply), undefined);
});
