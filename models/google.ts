/** Gemini through the Gemini API, with JSON Schema output; its prompt cache works by prefix on its own. */
import type { Content, GenerateContentConfig, GenerateContentResponse, Part as GooglePart } from '@google/genai';
import type { ModelSpec } from '../schemas/pipeline/model.ts';
import { type Answer, type Callee, who } from './answer-error.ts';
import { checkReply } from './checked.ts';
import type { Model, ModelContext, ModelReply, ModelRequest, Part } from './model.ts';
import { cutOff, remote, strangeAnswer, usageOf } from './one-call.ts';
import { providerFetch } from './provider-fetch.ts';
import { geminiForm, schemaInWords, takesAnyKey } from './schema-form.ts';

type Spec = Extract<ModelSpec, { provider: 'google' }>;

/** A Gemini model. Throws an operator-fixable ModelError when its key is not set. Gives no probabilities: its API refuses them for most models. */
export const googleModel = async (spec: Spec, context: ModelContext): Promise<Model> => {
  const baseUrl = spec.base_url ?? 'https://generativelanguage.googleapis.com';
  const { key, callee, timeout, call, model } = remote(spec, context, { name: 'Google', url: baseUrl });
  const { GoogleGenAI, ApiError } = await import('@google/genai');
  // `vertexai` is said so that no variable of the environment sends the key elsewhere.
  const client = new GoogleGenAI({ apiKey: key, vertexai: false });
  return model(async (request, { signal }) => {
    // The SDK's errors carry no headers, and Retry-After is one.
    let headers: Headers | undefined;
    const keepHeaders: typeof fetch = async (input, init) => {
      const response = await providerFetch(input, init);
      headers = response.headers;
      return response;
    };
    const read = (error: unknown): Answer | undefined =>
      error instanceof ApiError ? { status: error.status, headers, body: json(error.message) } : undefined;
    const send = (stop: AbortSignal) =>
      client.models.generateContent({
        model: spec.model,
        contents: contentsOf(request),
        config: {
          ...configOf(spec, request),
          abortSignal: stop,
          httpOptions: { baseUrl, fetch: keepHeaders, timeout },
        },
      });
    return replyOf(spec, request, callee, await call(signal, send, read));
  });
};

const json = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

const configOf = (spec: Spec, request: ModelRequest): GenerateContentConfig => {
  const open = takesAnyKey(request.schema);
  const system = [request.system, open ? schemaInWords(request.schema) : ''].filter((text) => text !== '').join('\n\n');
  return {
    ...(system && { systemInstruction: system }),
    responseMimeType: 'application/json',
    ...(!open && { responseJsonSchema: geminiForm(request.schema) }),
    maxOutputTokens: request.maxTokens,
    temperature: request.temperature ?? spec.temperature ?? 0,
    ...(request.seed !== undefined && { seed: request.seed }),
    // Otherwise the SDK repeats the request by itself when a reply is cut off.
    automaticContinuation: false,
  };
};

const contentsOf = (request: ModelRequest): Content[] =>
  request.messages.map(({ role, content }) => ({
    role: role === 'assistant' ? 'model' : 'user',
    parts: content.map(partOf),
  }));

const partOf = (part: Part): GooglePart =>
  part.type === 'text'
    ? { text: part.text }
    : { inlineData: { mimeType: part.mime, data: Buffer.from(part.data).toString('base64') } };

const replyOf = (spec: Spec, request: ModelRequest, callee: Callee, response: GenerateContentResponse): ModelReply => {
  const counts = response.usageMetadata;
  const candidate = response.candidates?.[0];
  if (!candidate && !response.promptFeedback) throw strangeAnswer(callee);
  const text = (candidate?.content?.parts ?? []).map((part) => (part.thought ? '' : (part.text ?? ''))).join('');
  const usage = usageOf(spec, {
    input: counts?.promptTokenCount ?? 0,
    cached: counts?.cachedContentTokenCount ?? 0,
    cacheWrites: 0,
    output: (counts?.candidatesTokenCount ?? 0) + (counts?.thoughtsTokenCount ?? 0),
  });
  return checkReply(request, text, {
    usage,
    model: response.modelVersion ?? spec.model,
    ...stopOf(request, callee, response),
  });
};

const refusals = ['SAFETY', 'RECITATION', 'LANGUAGE', 'BLOCKLIST', 'PROHIBITED_CONTENT', 'SPII'];

const stopOf = (
  request: ModelRequest,
  callee: Callee,
  response: GenerateContentResponse,
): Partial<Pick<ModelReply, 'stop' | 'detail'>> => {
  const blocked = response.promptFeedback?.blockReason;
  if (blocked) return { stop: 'refusal', detail: `${who(callee)} blocked the prompt: ${blocked}.` };
  const reason: string = response.candidates?.[0]?.finishReason ?? 'none given';
  if (reason === 'STOP') return {};
  if (reason === 'MAX_TOKENS' || reason === 'CONTINUATION')
    return { stop: 'length', detail: cutOff(request.maxTokens, response.usageMetadata?.thoughtsTokenCount ?? 0) };
  if (refusals.includes(reason)) return { stop: 'refusal', detail: `${who(callee)} stopped: ${reason}.` };
  return { stop: 'unparseable', detail: `Stopped for the unexpected reason ${reason}.` };
};
