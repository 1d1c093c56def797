import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { LbiError } from '../../core/errors.ts';
import { paperCriteria, readVote, voteSchema } from '../../core/vote-schema.ts';
import type { Json } from '../../schemas/common.ts';

const two = ['aligned', 'natural'];
/** True when every criterion is answered yes. */
const allYes = (...given: Parameters<typeof readVote>): boolean => {
  const answers = Object.values(readVote(...given));
  return answers.length === given[1].length && answers.length > 0 && answers.every(({ yes }) => yes);
};
const accepts = (reasons: 'each' | 'one') => new Ajv2020({ strict: true }).compile(voteSchema(two, reasons).schema);
const each = (aligned: Json, natural: Json): Json => ({
  aligned: { reason: 'a', answer: aligned },
  natural: { reason: 'b', answer: natural },
});

test('the four criteria of the paper are asked', () => {
  assert.deepEqual(Object.keys(paperCriteria), ['aligned', 'coherent', 'natural', 'reasonable']);
  for (const question of Object.values(paperCriteria)) assert.match(question, /\?$/);
});

test('with a reason for each answer, the reason comes first', () => {
  const { schema, yesNo } = voteSchema(two, 'each');
  assert.deepEqual(yesNo, ['/aligned/answer', '/natural/answer']);
  assert.match(JSON.stringify(schema), /"properties":\{"reason".*?"answer"/);
  assert.ok(accepts('each')(each('yes', 'no')));
  for (const bad of [each('Yes', 'no'), each(true, 'no'), { aligned: 'yes', natural: 'no' }, {}])
    assert.ok(!accepts('each')(bad));
});

test('with one reason, the answers come first', () => {
  const { schema, yesNo } = voteSchema(two, 'one');
  assert.deepEqual(yesNo, ['/aligned', '/natural']);
  assert.deepEqual(Object.keys(schema.properties ?? {}), ['aligned', 'natural', 'reason']);
  assert.ok(accepts('one')({ aligned: 'yes', natural: 'no', reason: 'r' }));
  assert.ok(!accepts('one')({ aligned: 'yes', reason: 'r' }));
  assert.throws(() => voteSchema(['reason'], 'one'), LbiError);
  assert.deepEqual(voteSchema(['reason'], 'each').yesNo, ['/reason/answer']);
});

test('only a yes to every criterion is a yes to all', () => {
  assert.equal(allYes(each('yes', 'yes'), two, 'each'), true);
  assert.deepEqual(readVote(each('yes', 'no'), two, 'each'), {
    aligned: { yes: true, reason: 'a' },
    natural: { yes: false, reason: 'b' },
  });
});

test('whatever is not exactly "yes" is a no, in either form', () => {
  for (const answer of ['Yes', 'yes.', ' yes', 'YES', 'y', 'true', true, 1, null, ['yes'], { answer: 'yes' }, '']) {
    assert.equal(allYes(each('yes', answer), two, 'each'), false, JSON.stringify(answer));
    assert.equal(allYes({ aligned: 'yes', natural: answer, reason: '' }, two, 'one'), false, JSON.stringify(answer));
  }
});

test('missing answers, replies of another shape and no criteria at all are a no', () => {
  for (const reply of [null, 'yes', ['yes', 'yes'], {}, { aligned: { answer: 'yes' } }] satisfies Json[]) {
    assert.equal(allYes(reply, two, 'each'), false);
    assert.equal(allYes(reply, two, 'one'), false);
  }
  assert.equal(allYes(each('yes', 'yes'), [], 'each'), false);
  assert.equal(allYes({ toString: 'yes' }, ['constructor'], 'one'), false);
});

test('P(yes) stands with the answer it belongs to', () => {
  const sure = readVote(each('yes', 'no'), two, 'each', { '/aligned/answer': 0.9 });
  assert.deepEqual(sure, {
    aligned: { yes: true, reason: 'a', probability: 0.9 },
    natural: { yes: false, reason: 'b' },
  });
});

test('a probability does not rescue an answer that cannot be read', () => {
  const vote = readVote(each('yes', 'maybe'), two, 'each', { '/aligned/answer': 0.9, '/natural/answer': 0.99 });
  assert.deepEqual(vote.natural, { yes: false, reason: 'b' });
});

test('the one reason goes to every criterion', () => {
  const vote = readVote({ aligned: 'yes', natural: 'no', reason: ' detour ' }, two, 'one', {
    '/aligned': 0.8,
    '/natural': 0.3,
  });
  assert.deepEqual(vote.natural, { yes: false, reason: 'detour', probability: 0.3 });
  assert.equal(vote.aligned?.reason, 'detour');
});
