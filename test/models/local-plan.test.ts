import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ModelError } from '../../core/errors.ts';
import { grammarOf } from '../../models/local/grammar.ts';
import { isWhole, planReply } from '../../models/local/plan.ts';
import { chooseThreads } from '../../models/local/runtime.ts';
import type { JsonSchema } from '../../schemas/common.ts';

const object = (properties: JsonSchema, required = Object.keys(properties)): JsonSchema => ({
  type: 'object',
  properties,
  required,
});
const yesNo = { enum: ['yes', 'no'] };
const shape = (schema: JsonSchema, asked?: string[]) =>
  planReply(schema, asked).map((piece) =>
    piece.kind === 'fixed' ? piece.text : piece.kind === 'free' ? `<${piece.after}>` : `?${piece.pointer}`,
  );

test('known keys are forced, and a string closes together with what follows it', () => {
  const schema = object({ reason: { type: 'string' }, action: { anyOf: [{ const: 1 }] }, n: { type: 'integer' } });
  assert.deepEqual(shape(schema), ['{"reason": "', '<,>', ' "action":', '<,>', ' "n":', '<}>']);
});

test('flat and nested votes become questions', () => {
  const flat = object({ aligned: yesNo, natural: yesNo, reason: { type: 'string' } });
  assert.deepEqual(shape(flat, ['/aligned', '/natural']), [
    '{"aligned": "',
    '?/aligned',
    '", "natural": "',
    '?/natural',
    '", "reason": "',
    '<}>',
  ]);
  const nested = object({ 'a/b': object({ reason: { type: 'string' }, answer: yesNo }) });
  assert.deepEqual(shape(nested, ['/a~1b/answer']), [
    '{"a/b": {"reason": "',
    '<,>',
    ' "answer": "',
    '?/a~1b/answer',
    '"}}',
  ]);
});

test('an optional property is the model’s choice, and left out beside a question', () => {
  assert.deepEqual(shape(object({ a: { type: 'string' }, b: { type: 'string' } }, ['a'])), ['<>']);
  assert.deepEqual(shape(object({ a: yesNo, b: { type: 'string' } }, ['a']), ['/a']), ['{"a": "', '?/a', '"}']);
});

test('a question about a property that is not there is a spec error', () => {
  assert.throws(
    () => planReply(object({ a: yesNo }), ['/a', '/b']),
    (error) => error instanceof ModelError && error.kind === 'spec' && error.message.includes('/b'),
  );
});

test('a reference into nothing is a spec error, a recursive one ends', () => {
  const frame = (root: JsonSchema) => ({ root, lead: '', inString: false, after: '' });
  const lost = { $ref: '#/$defs/none' };
  assert.throws(() => grammarOf(lost, frame(lost)), ModelError);
  const loop = { $ref: '#' };
  assert.throws(() => planReply(loop), ModelError);
  const tree = {
    $defs: { node: object({ children: { type: 'array', items: { $ref: '#/$defs/node' } } }) },
    $ref: '#/$defs/node',
  };
  assert.ok(grammarOf(tree, frame(tree)).length < 3000);
});

test('a grammar stays small with many optional properties', () => {
  const names = Array.from({ length: 30 }, (_, index) => [`p${index}`, { type: 'integer' }]);
  const schema = object(Object.fromEntries(names), []);
  assert.ok(grammarOf(schema, { root: schema, lead: '', inString: false, after: '' }).length < 10_000);
});

test('a piece is whole only when it ends a JSON value and is followed by what follows', () => {
  const string = { before: '"', after: ',' };
  assert.ok(isWhole(string, 'ends",'));
  assert.ok(!isWhole(string, 'not ended,'));
  assert.ok(!isWhole(string, 'quoted \\",'));
  assert.ok(!isWhole({ before: '', after: '}' }, ' 1'));
  assert.ok(isWhole({ before: '', after: '}' }, ' 12}'));
  assert.ok(!isWhole({ before: '', after: ',' }, ' ["a",'));
});

test('one thread on a busy machine, those that are idle on a quiet one', () => {
  assert.equal(chooseThreads(undefined, 2, 1.4), 1);
  assert.equal(chooseThreads(undefined, 2, 9), 1);
  assert.equal(chooseThreads(undefined, 2, 0.1), 2);
  assert.equal(chooseThreads(undefined, 64, 3), 8);
  assert.equal(chooseThreads(3, 2, 9), 3);
});
