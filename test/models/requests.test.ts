/** What is sent to each vendor: caching marks, temperature, schema forms, and what is learned about a compatible server. */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { ModelError } from '../../core/errors.ts';
import type { Message, ModelContext } from '../../models/model.ts';
import { openModel } from '../../models/models.ts';
import { bodyOf } from '../../models/openai-request.ts';
import { geminiForm, openaiStrict, takesAnyKey } from '../../models/schema-form.ts';
import type { ModelSpec } from '../../schemas/pipeline/model.ts';
import { ask, rejects, request } from './contract.ts';
import { startAnthropic } from './vendor-servers/anthropic.ts';
import { startGoogle } from './vendor-servers/google.ts';
import { startOpenAi } from './vendor-servers/openai.ts';
import { objectsIn, testKey } from './vendor-servers/vendor-server.ts';

const context: ModelContext = {
  secret: (name) => {
    if (name !== 'TEST_KEY') throw new ModelError('operator', `${name} is not set.`);
    return testKey;
  },
  weights: () => Promise.reject(new ModelError('operator', 'none')),
  file: (path) => path,
};
const apiKey = '$' + '{secret:TEST_KEY}';
const good = '{"answer":"yes","reason":"so"}';
const say = (role: Message['role'], ...texts: string[]): Message => ({
  role,
  content: texts.map((text) => ({ type: 'text', text })),
});

describe('anthropic', async () => {
  const vendor = await startAnthropic();
  after(() => vendor.close());
  vendor.says({ text: good });
  const sent = async (model: string, messages: Message[], more = {}) => {
    const spec = { provider: 'anthropic', model, api_key: apiKey, base_url: vendor.url, ...more } as const;
    const reply = await ask(await openModel(spec, context), { messages });
    assert.equal(reply.stop, 'complete', reply.detail);
    return vendor.received.at(-1) ?? assert.fail('nothing was sent');
  };
  const marked = (body: unknown) =>
    [...objectsIn(body)].filter((object) => object.cache_control).map((object) => object.text);

  test('cache marks stand on the system text and the last message but one', async () => {
    const { body } = await sent('claude-opus-5-5', [say('user', 'a', 'b'), say('assistant', 'c'), say('user', 'new')]);
    assert.deepEqual(marked(body), ['You judge sentences.', 'c']);
  });
  test('in a single message the mark stands before its newest part', async () => {
    const { body } = await sent('claude-opus-5-5', [say('user', 'rules', 'page', 'new')]);
    assert.deepEqual(marked(body), ['You judge sentences.', 'page']);
  });
  test('empty parts, which the API refuses, are not sent', async () => {
    const { body } = await sent('claude-opus-5-5', [say('user', 'a', ' '), say('assistant', ''), say('user', 'b')]);
    assert.equal((body.messages as unknown[]).length, 2);
  });
  test('a temperature goes to the models that take one, under the version that knows it', async () => {
    for (const model of [
      'claude-sonnet-4-5',
      'claude-haiku-4-5-20251001',
      'claude-opus-4-6',
      'claude-sonnet-4-20250514',
    ]) {
      const { body, headers } = await sent(model, [say('user', 'a')]);
      assert.equal(body.temperature, 0, model);
      assert.equal(headers['anthropic-version'], '2023-06-01');
    }
    for (const model of [
      'claude-opus-4-7',
      'claude-opus-4-8',
      'claude-sonnet-5',
      'claude-fable-5-1',
      'claude-haiku-5-5',
    ]) {
      const { body, headers } = await sent(model, [say('user', 'a')], { temperature: 0.5 });
      assert.ok(!('temperature' in body), model);
      assert.equal(headers['anthropic-version'], '2026-10-21');
    }
  });
});

describe('google', async () => {
  const vendor = await startGoogle();
  after(() => vendor.close());
  const spec: ModelSpec = { provider: 'google', model: 'gemini-2.5-pro', api_key: apiKey, base_url: vendor.url };
  test('a reply that could be continued is cut off, not continued', async () => {
    const content = { role: 'model', parts: [{ text: '{"ans' }] };
    const candidates = [{ content, finishReason: 'CONTINUATION', continuationToken: 'dG9rZW4=' }];
    vendor.answers({ status: 200, body: { candidates, usageMetadata: { promptTokenCount: 3 } } });
    assert.equal((await ask(await openModel(spec, context))).stop, 'length');
    assert.equal(vendor.received.length, 1);
  });
  test('a blocked prompt is a refusal, thoughts are not part of the reply, a wait is read from the body', async () => {
    const model = await openModel(spec, context);
    vendor.answers({
      status: 200,
      body: { promptFeedback: { blockReason: 'SAFETY' }, usageMetadata: { promptTokenCount: 3 } },
    });
    const refused = await ask(model);
    assert.equal(refused.stop, 'refusal');
    assert.equal(refused.usage.input, 3);
    const parts = [{ text: 'Let me see.', thought: true }, { text: good }];
    vendor.answers({ status: 200, body: { candidates: [{ content: { parts }, finishReason: 'STOP' }] } });
    assert.equal((await ask(model)).stop, 'complete');
    vendor.fails('rate-limited');
    assert.equal((await rejects(ask(model), 'rate-limited')).retryAfterMs, 34_500);
  });
});

describe('openai-compatible server', async () => {
  const vendor = await startOpenAi();
  after(() => vendor.close());
  const spec: ModelSpec = { provider: 'openai', model: 'm', api_key: apiKey, base_url: `${vendor.url}/v1` };
  const refuse = (message: string) => vendor.answers({ status: 400, body: { error: { message } } });

  test('probabilities come by pointer', async () => {
    vendor.says({ text: '{"answer":"no","reason":"yes"}' });
    const { probabilities } = await ask(await openModel(spec, context), { yesNo: ['/answer', '/reason', '/none'] });
    assert.deepEqual(Object.keys(probabilities ?? {}), ['/answer', '/reason']);
    assert.ok(Math.abs((probabilities?.['/answer'] ?? 0) - 0.25) < 1e-9);
    assert.ok(Math.abs((probabilities?.['/reason'] ?? 0) - 0.75) < 1e-9);
  });
  test('response_format is given up step by step, one request a call, and for this model only', async () => {
    const model = await openModel(spec, context);
    const last = () => vendor.received.at(-1)?.body ?? {};
    refuse('response_format json_schema is not supported');
    assert.match((await rejects(ask(model), 'transient')).message, /json_object/);
    refuse("'response_format.type' must be text");
    await rejects(ask(model), 'transient');
    assert.deepEqual(last().response_format, { type: 'json_object' });
    assert.match(JSON.stringify(last().messages), /JSON Schema/);
    vendor.says({ text: good });
    assert.equal((await ask(model)).stop, 'complete');
    assert.ok(!('response_format' in last()));
    refuse('response_format again');
    await rejects(ask(model), 'spec');
    vendor.says({ text: good });
    await ask(await openModel(spec, context));
    assert.ok('response_format' in last());
  });
  test('logprobs are given up once', async () => {
    const model = await openModel(spec, context);
    refuse('logprobs are not supported with this model');
    await rejects(ask(model, { yesNo: ['/answer'] }), 'transient');
    vendor.says({ text: good });
    assert.equal((await ask(model, { yesNo: ['/answer'] })).probabilities, undefined);
    assert.ok(!('logprobs' in (vendor.received.at(-1)?.body ?? {})));
  });
  test("a filter's 400 is a refusal", async () => {
    vendor.answers({ status: 400, body: { error: { code: 'content_filter', message: 'filtered' } } });
    const reply = await ask(await openModel(spec, context));
    assert.equal(reply.stop, 'refusal');
    assert.equal(reply.usage.calls, 1);
  });
  test('no key of the environment is sent to a server that the pipeline names without one', async () => {
    process.env.OPENAI_API_KEY = 'sk-environment-0123456789';
    process.env.OPENAI_ORG_ID = 'org-environment';
    try {
      const { api_key: _, ...keyless } = spec;
      const error = await rejects(ask(await openModel(keyless as ModelSpec, context)), 'operator');
      assert.match(error.message, /no key/);
      assert.ok(!JSON.stringify(vendor.received.at(-1)?.headers).includes('environment'));
    } finally {
      delete process.env.OPENAI_API_KEY;
      delete process.env.OPENAI_ORG_ID;
    }
  });
});

describe('openai itself', () => {
  const skills = { official: true, samples: false, logprobs: false, format: 'json_schema', images: true } as const;
  const spec = { provider: 'openai', model: 'gpt-5.1', api_key: apiKey } as const;
  test('reasoning models are sent no sampling parameters, and the strict form of the schema', () => {
    const body = bodyOf(spec, request({ yesNo: ['/answer'], seed: 1, narrowSchema: { type: 'object' } }), skills);
    for (const key of ['temperature', 'seed', 'logprobs', 'max_tokens']) assert.ok(!(key in body), key);
    assert.equal(body.max_completion_tokens, 64);
    const format = JSON.stringify(body.response_format);
    assert.match(format, /"strict":true/);
    assert.ok(!format.includes('maxLength'));
  });
  test('without a key it is a fault of the pipeline', async () => {
    await assert.rejects(openModel({ provider: 'openai', model: 'gpt-5.1' }, context), { kind: 'spec' });
  });
});

describe('forms of a schema', () => {
  const text = { type: 'string' };
  const object = (properties: Record<string, unknown>, more = {}) =>
    ({ type: 'object', properties, required: Object.keys(properties), ...more }) as Parameters<typeof takesAnyKey>[0];
  test('strict closes objects, says oneOf as anyOf, and drops what decoders do not know', () => {
    const schema = object({
      a: { oneOf: [object({ maxLength: text }), { type: 'null' }] },
      b: { ...text, maxLength: 3, pattern: '^(?!x)' },
    });
    assert.deepEqual(openaiStrict(schema), {
      type: 'object',
      properties: {
        a: {
          anyOf: [
            { type: 'object', properties: { maxLength: text }, required: ['maxLength'], additionalProperties: false },
            { type: 'null' },
          ],
        },
        b: text,
      },
      required: ['a', 'b'],
      additionalProperties: false,
    });
  });
  test('strict cannot say optional keys, any keys or conjunctions', () => {
    assert.equal(openaiStrict(object({ a: text }, { required: [] })), undefined);
    assert.equal(openaiStrict(object({ a: object({ b: { allOf: [text] } }) })), undefined);
    assert.equal(openaiStrict(object({ a: { type: 'object' } })), undefined);
    assert.equal(openaiStrict({ anyOf: [object({ a: text })] }), undefined);
  });
  test('objects that take any key are found wherever they are', () => {
    assert.equal(takesAnyKey(object({ a: { type: 'array', items: { anyOf: [text, { type: 'object' }] } } })), true);
    assert.equal(takesAnyKey(object({ a: object({}, { additionalProperties: text }) })), true);
    assert.equal(takesAnyKey(object({ a: { type: 'object', additionalProperties: false } })), false);
    assert.equal(takesAnyKey(object({ additionalProperties: text, patternProperties: text })), false);
  });
  test('Gemini is told constants as enumerations', () => {
    assert.deepEqual(geminiForm(object({ a: { const: 'click' } }, { $schema: 'x' })), {
      type: 'object',
      properties: { a: { enum: ['click'] } },
      required: ['a'],
    });
  });
});

test('an unknown provider is answered with the known ones, a missing key with its name', async () => {
  const unknown = { provider: 'toString', model: 'm' } as unknown as ModelSpec;
  await assert.rejects(
    openModel(unknown, context),
    /no model provider 'toString'.*anthropic, google, openai, local, scripted/,
  );
  const keyless = { provider: 'google', model: 'm', api_key: apiKey.replace('TEST_KEY', 'NO_KEY') } as const;
  await assert.rejects(openModel(keyless, context), { kind: 'operator', message: /NO_KEY/ });
});
