/** `models:` of the pipeline file, one variant per provider. */
import { type Static, Type } from 'typebox';
import { type Full, filled, key, strict, variants } from './key.ts';

const common = {
  temperature: filled(
    Type.Number({
      minimum: 0,
      maximum: 2,
      ...key('output', 'Sampling temperature; the paper uses 0 throughout.', { default: 0 }),
    }),
  ),
  max_tokens: filled(Type.Integer({ minimum: 16, ...key('output', 'Most tokens of one reply.', { default: 1024 }) })),
  limits: filled(
    strict(
      {
        concurrency: filled(
          Type.Integer({ minimum: 1, ...key('cost', 'Calls in flight at once, per worker.', { default: 8 }) }),
        ),
        rpm: Type.Optional(
          Type.Number({ exclusiveMinimum: 0, ...key('cost', 'Requests per minute, over all workers.') }),
        ),
      },
      key('cost', 'Limits of the provider that the engine keeps.', { default: {} }),
    ),
  ),
  price: Type.Optional(
    strict(
      {
        input: Type.Number({ minimum: 0, ...key('cost', 'USD per million input tokens.') }),
        cached: Type.Optional(
          Type.Number({ minimum: 0, ...key('cost', 'USD per million input tokens read from the cache.') }),
        ),
        output: Type.Number({ minimum: 0, ...key('cost', 'USD per million output tokens.') }),
      },
      key('cost', 'Overrides the dated price table.'),
    ),
  ),
  timeout: filled(
    Type.Number({ exclusiveMinimum: 0, ...key('nothing', 'Seconds one call may take.', { default: 300 }) }),
  ),
};

const name = Type.String({ minLength: 1, ...key('output', 'Model id as the provider knows it.') });
const apiKey = Type.String({
  pattern: '^\\$\\{secret:[A-Za-z_][A-Za-z0-9_]*\\}$',
  ...key('nothing', 'The name of the secret, as ${secret:NAME}; its value is read on the worker only.'),
});
const baseUrl = Type.Optional(
  Type.String({ format: 'uri', ...key('nothing', 'Address of the service, for proxies and tests.') }),
);

export const AnthropicModel = strict(
  { provider: Type.Literal('anthropic'), model: name, api_key: apiKey, base_url: baseUrl, ...common },
  { title: 'Anthropic' },
);
export const GoogleModel = strict(
  { provider: Type.Literal('google'), model: name, api_key: apiKey, base_url: baseUrl, ...common },
  { title: 'Google Gemini' },
);
export const OpenAiModel = strict(
  {
    provider: Type.Literal('openai'),
    model: name,
    api_key: Type.Optional(apiKey),
    base_url: Type.Optional(
      Type.String({
        format: 'uri',
        ...key(
          'output',
          'Address of an OpenAI-compatible server (Ollama, vLLM, llama.cpp), e.g. http://127.0.0.1:11434/v1.',
        ),
      }),
    ),
    images: Type.Optional(
      Type.Boolean({
        ...key('output', 'Whether the model sees images; left out, yes for OpenAI and no for a compatible server.'),
      }),
    ),
    ...common,
  },
  { title: 'OpenAI or a compatible server' },
);
export const LocalModel = strict(
  {
    provider: Type.Literal('local'),
    model: Type.String({
      minLength: 1,
      ...key(
        'output',
        'Name of a known model (qwen2.5-coder-1.5b, qwen2.5-coder-0.5b), sha256 of a GGUF file, or its path.',
      ),
    }),
    context: filled(Type.Integer({ minimum: 512, ...key('output', 'Tokens of context.', { default: 8192 }) })),
    threads: Type.Optional(
      Type.Integer({
        minimum: 1,
        ...key('cost', 'CPU threads; left out, one on a busy machine, more on an idle one.'),
      }),
    ),
    ...common,
  },
  { title: 'GGUF model in this process' },
);
export const ScriptedModel = strict(
  {
    provider: Type.Literal('scripted'),
    script: Type.String({
      ...key('output', 'YAML file of rules or JSONL recording, relative to the pipeline file.', { 'x-names': 'file' }),
    }),
    delay: filled(Type.Number({ minimum: 0, ...key('nothing', 'Seconds each reply takes.', { default: 0 }) })),
    ...common,
  },
  { title: 'Scripted: deterministic replies, labelled as such in all output' },
);

export const ModelSpec = variants('provider', [AnthropicModel, GoogleModel, OpenAiModel, LocalModel, ScriptedModel]);
export type ModelSpec = Static<typeof ModelSpec>;
export type Provider = ModelSpec['provider'];
/** A model with its defaults filled in. */
export type FullModel = Full<typeof ModelSpec>;
