/** The body of a chat completion, as OpenAI or as a compatible server takes it. */
import type { OpenAI } from 'openai';
import { ModelError } from '../core/errors.ts';
import type { ModelSpec } from '../schemas/pipeline/model.ts';
import type { Message, ModelRequest, Part } from './model.ts';
import { openaiStrict, schemaInWords } from './schema-form.ts';

export type OpenAiSpec = Extract<ModelSpec, { provider: 'openai' }>;

/** What the server at the other end can do; a compatible server's are lowered as it turns out. */
export interface Skills {
  /** OpenAI itself, not a server that speaks like it. */
  official: boolean;
  /** Takes temperature and seed. */
  samples: boolean;
  logprobs: boolean;
  format: 'json_schema' | 'json_object' | 'none';
  images: boolean;
}

/** Alternatives asked for at each token; 20 is the most that OpenAI and vLLM give. */
const alternatives = 20;

/** Throws ModelError `spec` for an image that the server would not see. */
export const bodyOf = (
  spec: OpenAiSpec,
  request: ModelRequest,
  skills: Skills,
): OpenAI.ChatCompletionCreateParamsNonStreaming => {
  const inWords = skills.format === 'json_schema' ? '' : schemaInWords(request.schema);
  const system = [request.system, inWords].filter((text) => text !== '').join('\n\n');
  const probabilities = skills.logprobs && (request.yesNo?.length ?? 0) > 0;
  return {
    model: spec.model,
    messages: [
      ...(system ? [{ role: 'system' as const, content: system }] : []),
      ...request.messages.map((message) => messageOf(spec, message, skills)),
    ],
    ...formatOf(request, skills),
    ...(skills.official ? { max_completion_tokens: request.maxTokens } : { max_tokens: request.maxTokens }),
    ...(skills.samples && { temperature: request.temperature ?? spec.temperature ?? 0 }),
    ...(skills.samples && request.seed !== undefined && { seed: request.seed }),
    ...(probabilities && { logprobs: true, top_logprobs: alternatives }),
  };
};

type Format = Pick<OpenAI.ChatCompletionCreateParamsNonStreaming, 'response_format'>;

const formatOf = (request: ModelRequest, skills: Skills): Format => {
  if (skills.format === 'none') return {};
  if (skills.format === 'json_object') return { response_format: { type: 'json_object' } };
  const strict = openaiStrict(request.schema);
  // A server of one's own compiles its grammar from the schema as it is, bounds and all, and quickly: it gets the narrow one.
  const schema = skills.official ? (strict ?? request.schema) : (request.narrowSchema ?? request.schema);
  const name = request.role.replace(/[^\w-]/g, '_').slice(0, 64) || 'reply';
  return {
    response_format: {
      type: 'json_schema',
      json_schema: { name, schema, strict: !skills.official || strict !== undefined },
    },
  };
};

const messageOf = (spec: OpenAiSpec, message: Message, skills: Skills): OpenAI.ChatCompletionMessageParam => {
  const texts = message.content.filter((part) => part.type === 'text');
  if (texts.length < message.content.length && !skills.images)
    throw new ModelError(
      'spec',
      `Model ${spec.model} was given an image and does not see images. If it does, set \`images: true\` on it.`,
    );
  const text = texts.map((part) => part.text).join('\n');
  if (message.role === 'assistant') return { role: 'assistant', content: text };
  // One string where it will do: small servers know no other form.
  return { role: 'user', content: texts.length < message.content.length ? message.content.map(partOf) : text };
};

const partOf = (part: Part): OpenAI.ChatCompletionContentPart =>
  part.type === 'text'
    ? { type: 'text', text: part.text }
    : {
        type: 'image_url',
        image_url: { url: `data:${part.mime};base64,${Buffer.from(part.data).toString('base64')}` },
      };
