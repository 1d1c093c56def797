import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { LbiError } from '../../core/errors.ts';
import { paperCriteria, readVote, voteSchema } from '../../core/vote-schema.ts';
import type { Json } from '../../schemas/common.ts';

const two = { aligned: 'Is it?', natural: 'Is it?' };
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
  assert.throws(() => voteSchema({ reason: 'Is there one?' }, 'one'), LbiError);
  assert.deepEqual(voteSchema({ reason: 'Is there one?' }, 'each').yesNo, ['/reason/answer']);
});

test('only a yes to every criterion is a yes', () => {
  assert.equal(readVote(each('yes', 'yes'), two, 'each').yes, true);
  const mixed = readVote(each('yes', 'no'), two, 'each');
  assert.equal(mixed.yes, false);
  assert.deepEqual(mixed.criteria, { aligned: { yes: true, reason: 'a' }, natural: { yes: false, reason: 'b' } });
});

test('whatever is not exactly "yes" is a no, in either form', () => {
  for (const answer of ['Yes', 'yes.', ' yes', 'YES', 'y', 'true', true, 1, null, ['yes'], { answer: 'yes' }, '']) {
    assert.equal(readVote(each('yes', answer), two, 'each').yes, false, JSON.stringify(answer));
    assert.equal(
      readVote({ aligned: 'yes', natural: answer, reason: '' }, two, 'one').yes,
      false,
      JSON.stringify(answer),
    );
  }
});

test('missing answers, replies of another shape and no criteria at all are a no', () => {
  for (const reply of [null, 'yes', ['yes', 'yes'], {}, { aligned: { answer: 'yes' } }] satisfies Json[]) {
    assert.equal(readVote(reply, two, 'each').yes, false);
    assert.equal(readVote(reply, two, 'one').yes, false);
  }
  assert.equal(readVote(each('yes', 'yes'), {}, 'each').yes, false);
  assert.equal(readVote({ toString: 'yes' }, { constructor: 'Is it?' }, 'one').yes, false);
});

test('confidence is the lowest P(yes); an answer without one counts 1 or 0', () => {
  const sure = readVote(each('yes', 'yes'), two, 'each', { '/aligned/answer': 0.9, '/natural/answer': 0.7 });
  assert.equal(sure.confidence, 0.7);
  assert.equal(sure.criteria.aligned?.probability, 0.9);
  assert.equal(readVote(each('yes', 'yes'), two, 'each', { '/aligned/answer': 0.9 }).confidence, 0.9);
  assert.equal(readVote(each('yes', 'no'), two, 'each', { '/aligned/answer': 0.9 }).confidence, 0);
  assert.equal('confidence' in readVote(each('yes', 'yes'), two, 'each'), false);
});

test('a probability does not rescue an answer that cannot be read', () => {
  const vote = readVote(each('yes', 'maybe'), two, 'each', { '/aligned/answer': 0.9, '/natural/answer': 0.99 });
  assert.equal(vote.yes, false);
  assert.equal(vote.confidence, 0);
});

test('the one reason goes to every criterion', () => {
  const vote = readVote({ aligned: 'yes', natural: 'no', reason: ' detour ' }, two, 'one', {
    '/aligned': 0.8,
    '/natural': 0.3,
  });
  assert.deepEqual(vote.criteria.natural, { yes: false, reason: 'detour', probability: 0.3 });
  assert.equal(vote.confidence, 0.3);
});
