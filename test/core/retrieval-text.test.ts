/** What fits into a prompt of all that was retrieved. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { estimateTokens, fitKnowledge } from '../../core/retrieval-text.ts';

test('tokens: four characters of ASCII, one ideograph', () => {
  assert.equal(estimateTokens(''), 0);
  assert.equal(estimateTokens('abcdefgh'), 2);
  assert.equal(estimateTokens('日本語'), 3);
  assert.equal(estimateTokens('😀'), 1);
});

test('examples fill the budget in order; one that is too long makes room for shorter ones', () => {
  const examples = ['a'.repeat(40), 'b'.repeat(400), 'c'.repeat(40), 'd'.repeat(8)];
  const first = (tokens: number) => fitKnowledge({ examples, documents: [] }, tokens).examples.map((text) => text[0]);
  assert.deepEqual(first(22), ['a', 'c', 'd']);
  assert.deepEqual(first(21), ['a', 'c']);
  assert.deepEqual(first(0), []);
});

test('documents share what examples leave; the first that does not fit is cut and is the last', () => {
  const documents = ['a'.repeat(400), 'b'.repeat(4000), 'c'.repeat(40)];
  const { documents: fitted } = fitKnowledge({ examples: ['e'.repeat(400)], documents }, 300);
  assert.deepEqual(
    fitted.map((text) => [text[0], estimateTokens(text)]),
    [
      ['a', 100],
      ['b', 100],
    ],
  );
  assert.match(fitted[1] ?? '', /b …$/);
  assert.deepEqual(fitKnowledge({ examples: ['e'.repeat(400)], documents }, 210).documents, [documents[0]]);
});

test('whatever was found, the budget holds, order is kept, and nothing is made up', () => {
  const texts = fc.array(fc.string({ unit: 'grapheme', maxLength: 400 }), { maxLength: 8 });
  fc.assert(
    fc.property(texts, texts, fc.integer({ min: 0, max: 300 }), (examples, documents, tokens) => {
      const fitted = fitKnowledge({ examples, documents }, tokens);
      const all = [...fitted.examples, ...fitted.documents];
      assert.ok(all.reduce((sum, text) => sum + estimateTokens(text), 0) <= tokens);
      const places = fitted.documents.map((text) =>
        documents.findIndex((whole) => whole.startsWith(text.replace(/ …$/, ''))),
      );
      assert.ok(places.every((place) => place >= 0));
      assert.ok(fitted.documents.slice(0, -1).every((text, at) => text === documents[at]));
      assert.ok(fitted.examples.every((text) => examples.includes(text)));
    }),
  );
});
