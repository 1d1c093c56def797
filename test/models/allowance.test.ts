/** What providers say of their limits in headers: read where it is meant, and never taken for more than it says. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { allowanceIn } from '../../models/allowance.ts';
import type { Allowance } from '../../models/model.ts';
import { openModel } from '../../models/models.ts';

const said = (headers: Record<string, string>, perMinute = true): Allowance | undefined =>
  allowanceIn(new Headers(headers), perMinute);

test('the headers of both families say how many calls a minute, and whether next to nothing is left', () => {
  const anthropic = (kind: string, limit: number, remaining: number): Record<string, string> => ({
    [`anthropic-ratelimit-${kind}-limit`]: String(limit),
    [`anthropic-ratelimit-${kind}-remaining`]: String(remaining),
  });
  assert.deepEqual(said(anthropic('requests', 50, 49)), { spent: false, perMinute: 50 });
  assert.deepEqual(said({ ...anthropic('requests', 50, 49), ...anthropic('output-tokens', 8000, 100) }), {
    spent: true,
    perMinute: 50,
  });
  const openai = { 'x-ratelimit-limit-requests': '500', 'x-ratelimit-remaining-requests': '0' };
  assert.deepEqual(said(openai), { spent: true, perMinute: 500 });
  // Of a compatible server it is not known what the number is of.
  assert.deepEqual(said(openai, false), { spent: true });
  assert.deepEqual(said({ 'x-ratelimit-limit-tokens': '30000', 'x-ratelimit-remaining-tokens': '29000' }), {
    spent: false,
  });
});

test('headers that say nothing sensible say nothing', () => {
  for (const text of ['', 'many', '-5', 'NaN', '0', '5, 5', 'Infinity'])
    assert.equal(said({ 'x-ratelimit-limit-requests': text, 'x-ratelimit-remaining-requests': '0' }), undefined, text);
  for (const text of ['', 'none', '-1'])
    assert.deepEqual(
      said({ 'x-ratelimit-limit-requests': '10', 'x-ratelimit-remaining-requests': text }),
      { spent: false, perMinute: 10 },
      text,
    );
});

test('a model tells who listens, for each answer and not for refusals; without a listener nothing is different', async () => {
  let status = 200;
  const server = createServer((_request, response) => {
    response.writeHead(status, {
      'content-type': 'application/json',
      ...{ 'x-ratelimit-limit-requests': '100', 'x-ratelimit-remaining-requests': '1', 'retry-after': '7' },
      ...{ 'anthropic-ratelimit-requests-limit': '100', 'anthropic-ratelimit-requests-remaining': '1' },
    });
    const message = { role: 'assistant', content: '{}' };
    const body = {
      ...{ id: 'x', object: 'chat.completion', type: 'message', created: 0, model: 'm', role: 'assistant' },
      choices: [{ index: 0, finish_reason: 'stop', message }],
      content: [{ type: 'text', text: '{}' }],
      stop_reason: 'end_turn',
      usage: { prompt_tokens: 1, completion_tokens: 1, input_tokens: 1, output_tokens: 1 },
    };
    response.end(JSON.stringify(status === 200 ? body : { error: { message: 'slow down' } }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const request = {
    role: 'vote',
    system: '',
    messages: [{ role: 'user' as const, content: [{ type: 'text' as const, text: 'x' }] }],
  };
  try {
    for (const [provider, perMinute] of [
      ['openai', undefined],
      ['anthropic', 100],
    ] as const) {
      const heard: Allowance[] = [];
      const spec =
        provider === 'openai'
          ? { provider, model: 'm', base_url: `${url}/v1` }
          : { provider, model: 'claude-x', base_url: url, api_key: '${secret:KEY}' };
      const context = { secret: () => 'sk-1', file: (path: string) => path, weights: async (path: string) => path };
      const ask = async (listening: boolean): Promise<unknown> => {
        const allowed = listening ? { allowed: (allowance: Allowance) => void heard.push(allowance) } : {};
        const model = await openModel(spec, { ...context, ...allowed });
        return model.complete(
          { ...request, schema: { type: 'object' }, maxTokens: 16 },
          { signal: AbortSignal.timeout(9000) },
        );
      };
      status = 200;
      await ask(true);
      await ask(false);
      assert.deepEqual(heard, [{ spent: true, ...(perMinute === undefined ? {} : { perMinute }) }], provider);
      status = 429;
      await assert.rejects(ask(true), { kind: 'rate-limited', retryAfterMs: 7000 });
      assert.equal(heard.length, 1);
    }
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
