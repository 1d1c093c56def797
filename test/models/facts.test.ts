/** What is known of a model without opening it: the identities that stored replies are found under, word for word. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { modelFacts } from '../../models/facts.ts';
import { openModel } from '../../models/models.ts';
import type { ModelSpec } from '../../schemas/pipeline/model.ts';

const key = '$' + '{secret:KEY}';
const golden: [ModelSpec, string, string, boolean][] = [
  [
    { provider: 'anthropic', model: 'claude-opus-5-5', api_key: key },
    '',
    'anthropic:claude-opus-5-5 temperature=0 max_tokens=1024',
    true,
  ],
  [
    {
      provider: 'anthropic',
      model: 'claude-opus-5-5',
      api_key: key,
      base_url: 'http://127.0.0.1:9/',
      temperature: 0.5,
      max_tokens: 99,
    },
    '',
    'anthropic:claude-opus-5-5 temperature=0.5 max_tokens=99',
    true,
  ],
  [
    { provider: 'google', model: 'gemini-2.5-pro', api_key: key },
    '',
    'google:gemini-2.5-pro temperature=0 max_tokens=1024',
    true,
  ],
  [{ provider: 'openai', model: 'gpt-4.1', api_key: key }, '', 'openai:gpt-4.1 temperature=0 max_tokens=1024', true],
  [
    { provider: 'openai', model: 'qwen3', base_url: 'http://me:word@127.0.0.1:9/v1' },
    '',
    'openai:qwen3@http://127.0.0.1:9/v1 temperature=0 max_tokens=1024',
    false,
  ],
  [
    { provider: 'openai', model: 'qwen3', base_url: 'http://127.0.0.1:9/v1', images: true },
    '',
    'openai:qwen3@http://127.0.0.1:9/v1 temperature=0 max_tokens=1024',
    true,
  ],
  [{ provider: 'local', model: 'x.gguf', context: 4096 }, 'abc', 'local:abc:temperature=0:context=4096', false],
  [{ provider: 'local', model: 'x.gguf', max_tokens: 5 }, 'abc', 'local:abc:temperature=0:context=8192', false],
  [{ provider: 'scripted', script: 's.yaml', temperature: 1 }, 'abc', 'scripted:abc', false],
];

test('the identities that replies were stored under stay what they are', () => {
  for (const [spec, content, identity, images] of golden) {
    const facts = modelFacts(spec, content);
    assert.deepEqual([facts.identity, facts.images], [identity, images]);
    assert.equal(facts.scripted, spec.provider === 'scripted');
  }
});

test('an opened model is what was known of it', async () => {
  const context = { secret: () => 'key', weights: async () => '', file: (path: string) => path };
  for (const [spec, , identity, images] of golden) {
    if (spec.provider === 'local' || spec.provider === 'scripted') continue;
    const model = await openModel(spec, context);
    assert.deepEqual([model.identity, model.images], [identity, images]);
    await model.close();
  }
});
