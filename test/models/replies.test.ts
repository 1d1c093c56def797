/** How a text becomes a checked reply, and how token probabilities become P(yes). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkReply } from '../../models/checked.ts';
import { type Token, yesProbabilities } from '../../models/probabilities.ts';
import type { Json } from '../../schemas/common.ts';
import { request } from './contract.ts';

const facts = { usage: { calls: 1, input: 1, cached: 0, cacheWrites: 0, output: 1, usd: 0 }, model: 'm' };

test('any JSON value comes back as it was, bare or in a fence', () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), fc.boolean(), (value, fenced) => {
      const text = JSON.stringify(value, null, fenced ? 2 : 0);
      const reply = checkReply(request({ schema: {} }), fenced ? `\n\`\`\`json\n${text}\n\`\`\`\n` : text, facts);
      assert.deepEqual(reply.value, JSON.parse(text) as Json);
    }),
  );
});

test('nothing but a fence is forgiven', () => {
  const texts = [
    '{"a":1} and more',
    '// note\n{"a":1}',
    "{'a':1}",
    '{"a":1,}',
    '```json\n{"a":1}\n``` there',
    '{"a":1',
    'null null',
    '`{"a":1}`',
  ];
  for (const text of texts) {
    const reply = checkReply(request({ schema: {} }), text, facts);
    assert.equal(reply.stop, 'unparseable', text);
    assert.equal(reply.value, undefined);
    assert.equal(reply.text, text);
  }
});

test('a reply that did not come to its end has no value, even if it parses', () => {
  const schema = { type: 'object' };
  const reply = checkReply(request({ schema }), '{}', {
    ...facts,
    stop: 'length',
    detail: 'cut',
    probabilities: { '/a': 1 },
  });
  assert.equal(reply.value, undefined);
  assert.equal(reply.stop, 'length');
  assert.equal(reply.probabilities, undefined);
});

test('two schemas with one $id, other dialects and unknown keywords are no hindrance', () => {
  const base = {
    $id: 'https://example.test/reply',
    $schema: 'http://json-schema.org/draft-07/schema#',
    'x-effect': 'output',
  };
  assert.equal(checkReply(request({ schema: { ...base, type: 'string' } }), '"a"', facts).stop, 'complete');
  assert.equal(checkReply(request({ schema: { ...base, type: 'number' } }), '"a"', facts).stop, 'unparseable');
  assert.equal(
    checkReply(request({ schema: { type: 'string', format: 'date' } }), '"2026-13-01"', facts).stop,
    'unparseable',
  );
});

test('of many schemas, each reply meets its own', () => {
  for (let round = 0; round < 2; round++)
    for (let bound = 0; bound < 150; bound++) {
      const { stop } = checkReply(request({ schema: { type: 'integer', maximum: bound } }), '75', facts);
      assert.equal(stop, bound < 75 ? 'unparseable' : 'complete');
    }
});

const spell = (...parts: (string | [string, Record<string, number>])[]): Token[] =>
  parts.map((part) => {
    const [token, odds] = typeof part === 'string' ? [part, { [part]: 1 }] : part;
    const top_logprobs = Object.entries(odds).map(([word, odd]) => ({ token: word, logprob: Math.log(odd) }));
    return { token, logprob: 0, bytes: [...Buffer.from(token)], top_logprobs };
  });
const near = (actual: number | undefined, expected: number) =>
  assert.ok(actual !== undefined && Math.abs(actual - expected) < 1e-9, `${actual} is not ${expected}`);

test('P(yes) is normalised over the spellings of yes and no', () => {
  const tokens = spell('{"a":"', ['yes', { yes: 0.3, Yes: 0.1, no: 0.1, yesterday: 0.4, '"': 0.1 }], '"}');
  near(yesProbabilities('{"a":"yes"}', tokens, ['/a'])['/a'], 0.8);
});

test('a token may hold the quote before the answer, or only its first letter', () => {
  near(
    yesProbabilities('{"a":"no"}', spell('{"a":', ['"no', { '"no': 0.75, '"yes': 0.25, no: 0.9 }], '"}'), ['/a'])['/a'],
    0.25,
  );
  near(yesProbabilities('{"a":"no"}', spell('{"a":"', ['n', { n: 0.5, y: 0.5 }], 'o"}'), ['/a'])['/a'], 0.5);
});

test('tokens that spell a fence, and pieces of characters, do not shift the answer', () => {
  const [fox] = spell('🦊');
  const pieces: Token[] = [0, 2].map((from) => ({
    token: '\ufffd',
    logprob: 0,
    bytes: fox?.bytes?.slice(from, from + 2) ?? [],
  }));
  const tokens = [
    ...spell('```json\n', '{"why":"'),
    ...pieces,
    ...spell('","a":"', ['yes', { yes: 0.9, no: 0.1 }], '"}', '\n```'),
  ];
  near(yesProbabilities(' {"why":"🦊","a":"yes"}\n', tokens, ['/a'])['/a'], 0.9);
});

test('deep and escaped pointers are followed; those that lead nowhere are left out', () => {
  const text = '{"a/b":[{"v":"no"}],"n":3,"w":"later"}';
  const tokens = spell(
    '{"a/b":[{"v":"',
    ['no', { no: 1 }],
    '"}],"n":3,"w":"',
    ['later', { later: 0.6, no: 0.4 }],
    '"}',
  );
  assert.deepEqual(yesProbabilities(text, tokens, ['/a~1b/0/v', '/n', '/w', '/gone/1']), { '/a~1b/0/v': 0 });
  assert.deepEqual(yesProbabilities(text, spell('other'), ['/a~1b/0/v']), {});
  assert.deepEqual(yesProbabilities('not JSON: [', spell('not JSON: ['), ['/a']), {});
});
