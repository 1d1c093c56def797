/** `models:` of the pipeline file, one variant per provider. */
import type { Static } from 'typebox';
import type { OwnPath } from '../own-module.ts';
import { Type } from '../type.ts';
import { type Full, flag, number, openVariants, section, strict, text, whole } from './key.ts';
import { ownPath } from './own.ts';

const common = {
  temperature: number('output', 'Sampling temperature; the paper uses 0 throughout.', {
    unit: 'temperature',
    min: 0,
    max: 2,
    default: 0,
    example: 0.7,
  }),
  max_tokens: whole('output', 'Most tokens of one reply.', { unit: 'tokens', min: 16, default: 1024, example: 2048 }),
  limits: section(
    'cost',
    'Limits of the provider: kept over all workers and all runs that use the same provider, model and key. Where nothing is declared, they are found.',
    {
      concurrency: whole(
        'cost',
        'Calls in flight at once, over all workers; a local model takes one for each worker.',
        {
          unit: 'calls',
          min: 1,
          default: 8,
          example: 16,
        },
      ),
      rpm: number('cost', 'Requests per minute, over all workers.', {
        unit: 'requests per minute',
        above: 0,
        optional: true,
        example: 300,
      }),
      tpm: whole('cost', 'Tokens per minute, of prompts and replies, over all workers.', {
        unit: 'tokens per minute',
        min: 1,
        optional: true,
        example: 200000,
      }),
    },
    { default: {} },
  ),
  price: section(
    'cost',
    'Overrides the dated price table.',
    {
      input: number('cost', 'Price of input.', { unit: 'USD per million tokens', min: 0, example: 3 }),
      cached: number('cost', 'Price of input read from the cache.', {
        unit: 'USD per million tokens',
        min: 0,
        optional: true,
        example: 0.3,
      }),
      output: number('cost', 'Price of output.', { unit: 'USD per million tokens', min: 0, example: 15 }),
    },
    { optional: true },
  ),
  timeout: number('nothing', 'Time one call may take.', { unit: 'seconds', above: 0, default: 300, example: 120 }),
};

const model = (example: string) => text('output', 'Model id as the provider knows it.', { minLength: 1, example });
const secret = { pattern: '^\\$\\{secret:[A-Za-z_][A-Za-z0-9_]*\\}$' };
const apiKey = (example: string) =>
  text('nothing', 'The name of the secret, as ${secret:NAME}; its value is read on the worker only.', {
    ...secret,
    example,
  });
const baseUrl = text('nothing', 'Address of the service, for proxies and tests.', {
  format: 'uri',
  optional: true,
  example: 'https://proxy.example.com',
});

export const AnthropicModel = strict(
  {
    provider: Type.Literal('anthropic'),
    model: model('claude-opus-5-5'),
    api_key: apiKey('${secret:ANTHROPIC_API_KEY}'),
    base_url: baseUrl,
    ...common,
  },
  { title: 'Anthropic' },
);
export const GoogleModel = strict(
  {
    provider: Type.Literal('google'),
    model: model('gemini-2.5-pro'),
    api_key: apiKey('${secret:GEMINI_API_KEY}'),
    base_url: baseUrl,
    ...common,
  },
  { title: 'Google Gemini' },
);
export const OpenAiModel = strict(
  {
    provider: Type.Literal('openai'),
    model: model('qwen3'),
    api_key: text('nothing', 'The name of the secret, as ${secret:NAME}; its value is read on the worker only.', {
      ...secret,
      optional: true,
      example: '${secret:OPENAI_API_KEY}',
    }),
    base_url: text('output', 'Address of an OpenAI-compatible server (Ollama, vLLM, llama.cpp).', {
      format: 'uri',
      optional: true,
      example: 'http://127.0.0.1:11434/v1',
    }),
    images: flag('output', 'Whether the model sees images; left out, yes for OpenAI and no for a compatible server.', {
      optional: true,
    }),
    ...common,
  },
  { title: 'OpenAI or a compatible server' },
);
export const LocalModel = strict(
  {
    provider: Type.Literal('local'),
    model: text(
      'output',
      'Name of a known model (qwen2.5-coder-1.5b, qwen2.5-coder-0.5b), sha256 of a GGUF file, or its path.',
      { minLength: 1, example: 'qwen2.5-coder-1.5b' },
    ),
    context: whole('output', 'Size of the context.', { unit: 'tokens', min: 512, default: 8192, example: 4096 }),
    threads: whole('cost', 'CPU threads; left out, one on a busy machine, more on an idle one.', {
      unit: 'threads',
      min: 1,
      optional: true,
      example: 2,
    }),
    ...common,
  },
  { title: 'GGUF model in this process' },
);
export const ScriptedModel = strict(
  {
    provider: Type.Literal('scripted'),
    script: text('output', 'YAML file of rules or JSONL recording, relative to the pipeline file.', {
      names: 'file',
      example: 'replies.yaml',
    }),
    delay: number('nothing', 'Time each reply takes.', { unit: 'seconds', min: 0, default: 0, example: 0.5 }),
    ...common,
  },
  { title: 'Scripted: deterministic replies, labelled as such in all output' },
);

/** A model of the user's own. What further keys it has, its module says. */
export const OwnModel = strict(
  { provider: ownPath('A model', './my-model.ts'), ...common },
  { title: 'A model of your own' },
);

export const ModelSpec = openVariants(
  'provider',
  [AnthropicModel, GoogleModel, OpenAiModel, LocalModel, ScriptedModel],
  OwnModel,
);
/** A model of a provider that comes with the program. */
export type ModelSpec = Exclude<Static<typeof ModelSpec>, { provider: OwnPath }>;
export type Provider = ModelSpec['provider'];
export type FullOwnModel = Full<typeof OwnModel>;
/** A model with its defaults filled in, those of the user's own among them. */
export type FullModel = Full<typeof ModelSpec>;
