/** Claude through Anthropic's Messages API, with structured outputs and explicit prompt caching. */
import type Anthropic from '@anthropic-ai/sdk';
import { ModelError } from '../core/errors.ts';
import type { JsonSchema } from '../schemas/common.ts';
import type { ModelSpec } from '../schemas/pipeline/model.ts';
import { listeningFetch } from './allowance.ts';
import { type Callee, who } from './answer-error.ts';
import { checkReply } from './checked.ts';
import type { Message, Model, ModelContext, ModelReply, ModelRequest, Part } from './model.ts';
import { answerIn, cutOff, remote, strangeAnswer, usageOf } from './one-call.ts';
import { schemaInWords, takesAnyKey } from './schema-form.ts';

type Spec = Extract<ModelSpec, { provider: 'anthropic' }>;
type Body = Anthropic.MessageCreateParamsNonStreaming;

/** A Claude model. Throws an operator-fixable ModelError when its key is not set. */
export const anthropicModel = async (spec: Spec, context: ModelContext): Promise<Model> => {
  const url = spec.base_url ?? 'https://api.anthropic.com';
  const { key, callee, timeout, call, model } = remote(spec, context, { name: 'Anthropic', url });
  const [{ Anthropic, APIError }, { transformJSONSchema }] = await Promise.all([
    import('@anthropic-ai/sdk'),
    import('@anthropic-ai/sdk/lib/transform-json-schema'),
  ]);
  const client = new Anthropic({
    apiKey: key,
    baseURL: url,
    timeout,
    maxRetries: 0,
    logLevel: 'off',
    openTelemetry: false,
    fetch: listeningFetch(context, true),
  });
  const form = (schema: JsonSchema) => constrained(schema, transformJSONSchema);
  return model(async (request, { signal }) => {
    const body = bodyOf(spec, request, form(request.schema));
    const headers = body.temperature === undefined ? {} : { 'anthropic-version': samplingVersion };
    const send = (stop: AbortSignal) => client.messages.create(body, { signal: stop, headers });
    return replyOf(spec, request, callee, await call(signal, send, answerIn(APIError)));
  });
};

/**
 * Models up to 4.6 take a temperature, and only under the API's earlier version; later ones refuse it, and are not sent one.
 * https://platform.claude.com/docs/en/api/migration-2026-10-21
 */
const takesTemperature = /^claude-(?:3|(?:opus|sonnet|haiku)-4-(?:[0156]|2025\d{4})(?:-|$))/;
const samplingVersion = '2023-06-01';

/** The schema as constrained decoding takes it; undefined when that would lose keys, and the schema goes into the prompt instead. */
const constrained = (schema: JsonSchema, transform: (schema: JsonSchema) => Record<string, unknown>) => {
  if (takesAnyKey(schema)) return undefined;
  try {
    return transform(schema);
  } catch {
    return undefined; // an untyped schema: its form has no word for "anything"
  }
};

const bodyOf = (
  spec: Spec,
  request: ModelRequest,
  schema: Record<string, unknown> | undefined,
): Body & { temperature?: number } => {
  const system = [request.system, schema ? '' : schemaInWords(request.schema)]
    .filter((text) => text.trim() !== '')
    .join('\n\n');
  return {
    model: spec.model,
    max_tokens: request.maxTokens,
    ...(system && { system: [{ type: 'text', text: system, cache_control: { type: 'ephemeral' } }] }),
    messages: messagesOf(spec, request.messages),
    ...(schema && { output_config: { format: { type: 'json_schema', schema } } }),
    ...(takesTemperature.test(spec.model) && { temperature: request.temperature ?? spec.temperature ?? 0 }),
  };
};

type Block = Anthropic.TextBlockParam | Anthropic.ImageBlockParam;

const messagesOf = (spec: Spec, messages: Message[]): Anthropic.MessageParam[] => {
  const written = messages.map(({ role, content }) => ({
    role,
    content: content.flatMap((part) => blockOf(spec, part)),
  }));
  const full = written.filter((message) => message.content.length > 0);
  // The newest message is new each time; all before it will come again. A single message is stable up to its last part.
  const stable = full.at(-2)?.content.at(-1) ?? full.at(-1)?.content.at(-2);
  if (stable) stable.cache_control = { type: 'ephemeral' };
  return full;
};

const imageTypes = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'] as const;

const blockOf = (spec: Spec, part: Part): Block[] => {
  if (part.type === 'text') return part.text.trim() === '' ? [] : [{ type: 'text', text: part.text }];
  const type = imageTypes.find((known) => known === part.mime);
  if (!type)
    throw new ModelError(
      'spec',
      `Model ${spec.model} takes images of ${imageTypes.join(', ')}; it was given ${part.mime}.`,
    );
  return [
    { type: 'image', source: { type: 'base64', media_type: type, data: Buffer.from(part.data).toString('base64') } },
  ];
};

const replyOf = (spec: Spec, request: ModelRequest, callee: Callee, message: Anthropic.Message): ModelReply => {
  if (!Array.isArray(message?.content) || !message.usage) throw strangeAnswer(callee);
  const text = message.content.map((block) => (block.type === 'text' ? block.text : '')).join('');
  const cached = message.usage.cache_read_input_tokens ?? 0;
  const cacheWrites = message.usage.cache_creation_input_tokens ?? 0;
  const input = message.usage.input_tokens + cached + cacheWrites;
  const usage = usageOf(spec, { input, cached, cacheWrites, output: message.usage.output_tokens });
  return checkReply(request, text, { usage, model: message.model, ...stopOf(request, callee, message) });
};

const stopOf = (
  request: ModelRequest,
  callee: Callee,
  message: Anthropic.Message,
): Partial<Pick<ModelReply, 'stop' | 'detail'>> => {
  switch (message.stop_reason) {
    case 'refusal':
      return { stop: 'refusal', detail: message.stop_details?.explanation ?? `${who(callee)} refused.` };
    case 'max_tokens':
      return {
        stop: 'length',
        detail: cutOff(request.maxTokens, message.usage.output_tokens_details?.thinking_tokens ?? 0),
      };
    case 'model_context_window_exceeded':
      return { stop: 'length', detail: "Cut off at the end of the model's context: shorten the request." };
    case 'end_turn':
    case 'stop_sequence':
      return {};
    default:
      return { stop: 'unparseable', detail: `Stopped for the unexpected reason ${message.stop_reason}.` };
  }
};
