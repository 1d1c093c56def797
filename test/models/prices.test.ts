/** What a call costs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asOf, costOf, priceIn, priceOf } from '../../models/prices.ts';

const tokens = (input: number, cached = 0, cacheWrites = 0, output = 0) => ({ input, cached, cacheWrites, output });

test('each kind of token has its own rate, and none is charged twice', () => {
  const price = priceOf('anthropic', 'claude-sonnet-4-5-20250929');
  // 400 plain at 3, 500 read at 0.30, 100 written at 3.75, 200 out at 15: USD per million.
  assert.ok(Math.abs(costOf(tokens(1000, 500, 100, 200), price) - (1200 + 150 + 375 + 3000) / 1e6) < 1e-12);
});

test('a long prompt has the long rates for all of it', () => {
  const price = priceOf('google', 'gemini-2.5-pro');
  assert.equal(costOf(tokens(200_000), price), 0.25);
  assert.ok(Math.abs(costOf(tokens(200_001), price) - (200_001 * 2.5) / 1e6) < 1e-9);
});

test('an unknown model has no price and costs nothing; a free one has a price of nothing', () => {
  for (const model of ['claude-nowhere', 'constructor', '__proto__', ''])
    assert.equal(priceOf('anthropic', model), undefined);
  assert.equal(costOf(tokens(1e6), undefined), 0);
  assert.equal(costOf(tokens(1e6, 0, 0, 1e6), priceOf('local', 'qwen2.5-coder-1.5b')), 0);
  assert.notEqual(priceOf('scripted', ''), undefined);
});

test("the pipeline's own price comes before the table", () => {
  const spec = { provider: 'openai', model: 'gpt-4o', price: { input: 1, output: 2 } } as const;
  assert.equal(costOf(tokens(1e6, 5e5, 0, 1e6), priceIn(spec)), 3);
  assert.equal(priceIn({ provider: 'openai', model: 'gpt-4o' })?.input, 2.5);
  assert.match(asOf, /^\d{4}-\d{2}-\d{2}$/);
});
