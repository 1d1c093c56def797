/** Asking a provider what it knows of a model: right, refused, unknown, away; and the key goes nowhere but into its header. */
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { reach } from '../../models/reach.ts';

const key = 'sk-test-very-secret-1234567890';
let server: Server;
let address = '';
const asked: { url: string; headers: IncomingMessage['headers'] }[] = [];

/** One server that speaks like all three; `/locked` refuses every key, `/bare` knows the list only, `/odd` answers nonsense. */
before(async () => {
  server = createServer((request, response) => {
    const { url = '', headers } = request;
    asked.push({ url, headers });
    const answer = (status: number, value: unknown): void => void response.writeHead(status).end(JSON.stringify(value));
    if (url.startsWith('/locked')) return answer(401, {});
    if (url.startsWith('/odd')) return answer(url.endsWith('/models') ? 200 : 500, 'what?');
    if (url.startsWith('/away')) return void request.socket.destroy();
    if (/models\/(claude-x|gemini-x|gpt-x|org\/name)$/.test(url) && !url.startsWith('/bare')) return answer(200, {});
    if (/\/models(\?|$)/.test(url))
      return answer(200, {
        data: [{ id: 'claude-x' }, { id: 'gpt-x' }, { id: 'qwen3:latest' }],
        models: [{ name: 'models/gemini-x' }, { id: 3 }, null],
      });
    return answer(404, {});
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => void server.close());

const anthropic = (model: string, path = '') =>
  reach({ provider: 'anthropic', model, api_key: '${secret:MY_KEY}', base_url: `${address}${path}` }, key);
const google = (model: string, path = '') =>
  reach({ provider: 'google', model, api_key: '${secret:MY_KEY}', base_url: `${address}${path}` }, key);
const openai = (model: string, path = '/v1', given: string | undefined = key) =>
  reach({ provider: 'openai', model, base_url: `${address}${path}` }, given);

test('a model that is there is found, by each provider in its own way', async () => {
  const all = await Promise.all([
    anthropic('claude-x'),
    google('models/gemini-x'),
    google('gemini-x'),
    openai('gpt-x'),
    openai('org/name'),
  ]);
  for (const { ok, detail, clock } of all) {
    assert.ok(ok, detail);
    assert.match(detail, /is there, the key works/);
    assert.ok(Math.abs((clock?.getTime() ?? 0) - Date.now()) < 10_000);
  }
  assert.ok(asked.some(({ url, headers }) => url === '/v1/models/claude-x' && headers['x-api-key'] === key));
  assert.ok(asked.some(({ url, headers }) => url === '/v1beta/models/gemini-x' && headers['x-goog-api-key'] === key));
  assert.ok(asked.some(({ url, headers }) => url === '/v1/models/gpt-x' && headers.authorization === `Bearer ${key}`));
});

test('a server that knows no page for a model is asked for its list; without a key none is sent', async () => {
  assert.equal((await openai('gpt-x', '/bare/v1')).ok, true);
  const before = asked.length;
  const tagged = await openai('qwen3', '/bare/v1', '');
  assert.equal(tagged.ok, true, tagged.detail);
  assert.ok(asked.length > before);
});

test('what is wrong is said with its fix', async () => {
  const cases: [Promise<Awaited<ReturnType<typeof reach>>>, RegExp, RegExp][] = [
    [anthropic('claude-y'), /no model "claude-y"; did you mean claude-x\?/, /correct `model`/],
    [google('gemini-y'), /did you mean gemini-x\?/, /correct `model`/],
    [openai('nothing-like-it'), /no model "nothing-like-it"; there are claude-x/, /correct `model`/],
    [anthropic('claude-x', '/locked'), /refuses the key \(401\)/, /put a valid key into MY_KEY/],
    [openai('gpt-x', '/odd/v1'), /no model "gpt-x"/, /correct `model`/],
    [anthropic('claude-x', '/away'), /does not answer/, /start the server, or correct base_url/],
    [
      reach({ provider: 'openai', model: 'qwen3', base_url: 'http://127.0.0.1:11434/v1' }, undefined),
      /does not answer \(ECONNREFUSED\)/,
      /ollama serve/,
    ],
  ];
  for (const [asking, says, mends] of cases) {
    const { ok, detail, fix } = await asking;
    assert.equal(ok, false, detail);
    assert.match(detail, says);
    assert.match(fix ?? '', mends);
    assert.ok(!`${detail}${fix}`.includes(key));
  }
});

test('the key is in no address', () => {
  assert.ok(asked.length > 5);
  assert.ok(asked.every(({ url }) => !url.includes(key)));
});
