/** The OpenAI provider against a real compatible server: llama.cpp with a small model. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Model, ModelContext } from '../../models/model.ts';
import { openaiModel } from '../../models/openai.ts';
import { ask, pixel, rejects } from './contract.ts';
import { type LlamaCpp, startLlamaCpp, whyNoLlamaCpp } from './vendor-servers/llama-cpp.ts';

const context: ModelContext = {
  secret: (name) => assert.fail(`no secret is needed: ${name}`),
  weights: (sha256) => assert.fail(`no weights are needed: ${sha256}`),
  file: (path) => path,
};

const words = (text: string) => [{ role: 'user' as const, content: [{ type: 'text' as const, text }] }];
const longPage = Array.from({ length: 10 }, (_, index) => `- button "Item ${index}" [ref=e${index}]`).join('\n');

describe('openai provider with llama.cpp', { skip: (await whyNoLlamaCpp()) ?? false }, () => {
  let server: LlamaCpp;
  let model: Model;
  before(async () => {
    server = await startLlamaCpp();
    const spec = { provider: 'openai', model: 'qwen', base_url: `${server.url}/v1`, timeout: 60 } as const;
    model = await openaiModel(spec, context);
  });
  after(() => server?.close());

  test('a reply keeps to its schema, bounds and all, without a key', async () => {
    const reply = await ask(model);
    assert.equal(reply.stop, 'complete', `${reply.detail} ${reply.text}`);
    assert.ok(reply.usage.input > 0 && reply.usage.output > 0);
    assert.equal(reply.usage.usd, 0);
  });

  test('P(yes) comes from its token probabilities and follows the question', async () => {
    const judge = async (sentence: string) => {
      const messages = words(`Is this an animal: ${sentence}? Answer yes or no.`);
      const { stop, probabilities } = await ask(model, { messages, yesNo: ['/answer', '/reason'] });
      assert.equal(stop, 'complete');
      assert.deepEqual(Object.keys(probabilities ?? {}), ['/answer']);
      const probability = probabilities?.['/answer'] ?? Number.NaN;
      assert.ok(probability > 0 && probability < 1);
      return probability;
    };
    assert.ok((await judge('a dog')) > (await judge('a hammer made of iron')));
  });

  test('the narrow schema binds the reply where there is one', async () => {
    const schema = {
      type: 'object',
      properties: { ref: { type: 'string' } },
      required: ['ref'],
      additionalProperties: false,
    };
    const narrowSchema = { ...schema, properties: { ref: { type: 'string', enum: ['e17'] } } };
    const reply = await ask(model, { messages: words('Which ref is the button?'), schema, narrowSchema });
    assert.deepEqual(reply.value, { ref: 'e17' });
  });

  test('a reply cut at its cap is a value', async () => {
    const schema = { type: 'object', properties: { essay: { type: 'string', minLength: 400 } }, required: ['essay'] };
    const reply = await ask(model, { messages: words('Write an essay.'), schema, maxTokens: 8 });
    assert.equal(reply.stop, 'length');
    assert.equal(reply.usage.output, 8);
  });

  test('the second call with the same beginning reads it from the cache', async () => {
    await ask(model, { messages: words(`${longPage}\nIs there an item 3?`), maxTokens: 48 });
    const { usage } = await ask(model, { messages: words(`${longPage}\nIs there an item 99?`), maxTokens: 48 });
    assert.ok(usage.cached > usage.input / 2, `${usage.cached} of ${usage.input} tokens`);
  });

  test('an image for a model that sees none is a fault of the pipeline', async () => {
    assert.equal(model.images, false);
    const image = { type: 'image' as const, mime: 'image/png', data: pixel };
    await rejects(ask(model, { messages: [{ role: 'user', content: [image] }] }), 'spec');
  });

  test('a cancelled generation ends at once, and the server goes on', async () => {
    const stop = new AbortController();
    const call = ask(model, { messages: words('Count to 1000.'), maxTokens: 1000 }, stop.signal);
    setTimeout(() => stop.abort(), 300);
    await rejects(call, 'transient');
    assert.equal((await ask(model)).stop, 'complete');
  });

  test('more text than the context holds is a fault of the pipeline', async () => {
    const error = await rejects(ask(model, { messages: words('word '.repeat(3000)) }), 'spec');
    assert.match(error.message, /context|exceed/i);
  });
});
