/** OpenAI's chat completions, and every server that speaks them (Ollama, vLLM, llama.cpp) by `base_url`. */
import type { OpenAI } from 'openai';
import { ModelError } from '../core/errors.ts';
import { listeningFetch } from './allowance.ts';
import { type Answer, answerError, type Callee, who } from './answer-error.ts';
import { checkReply } from './checked.ts';
import { isOpenAi, modelFacts, officialUrl } from './facts.ts';
import type { Model, ModelContext, ModelReply, ModelRequest } from './model.ts';
import { answerIn, cutOff, type Remote, remote, strangeAnswer, usageOf } from './one-call.ts';
import { bodyOf, type OpenAiSpec, type Skills } from './openai-request.ts';
import { yesProbabilities } from './probabilities.ts';

/** A model of OpenAI or of a compatible server. Throws ModelError when its key is not set, or OpenAI itself is asked without one. */
export const openaiModel = async (spec: OpenAiSpec, context: ModelContext): Promise<Model> => {
  const url = spec.base_url ?? officialUrl;
  const skills = skillsOf(spec, url);
  if (skills.official && !spec.api_key)
    throw new ModelError(
      'spec',
      `Model ${spec.model} of OpenAI needs \`api_key: "\${secret:OPENAI_API_KEY}"\`, or the \`base_url\` of a compatible server.`,
    );
  const name = skills.official ? 'OpenAI' : 'OpenAI-compatible server';
  const service = remote(spec, context, { name, url });
  const { callee, call, model } = service;
  const { client, read } = await connect(service, listeningFetch(context, skills.official));
  return model(async (request, { signal }) => {
    const body = bodyOf(spec, request, skills);
    let answer: Answer | undefined;
    const readAndKeep = (error: unknown) => {
      answer = read(error);
      return answer;
    };
    try {
      const send = (stop: AbortSignal) => client.chat.completions.create(body, { signal: stop });
      return replyOf(spec, request, callee, await call(signal, send, readAndKeep));
    } catch (error) {
      if (answer && isRefusal(answer)) return refusedReply(spec, request, callee);
      throw (answer && unlearn(skills, callee, answer)) ?? error;
    }
  });
};

const connect = async ({ key, callee, timeout }: Remote<string | undefined>, listening: typeof fetch) => {
  const { OpenAI, APIError } = await import('openai');
  const client = new OpenAI({
    baseURL: callee.url,
    timeout,
    maxRetries: 0,
    logLevel: 'off',
    fetch: listening,
    // Said, so that no key or account of the environment is sent to a server that the pipeline names.
    apiKey: key ?? 'none',
    adminAPIKey: null,
    organization: null,
    project: null,
    ...(!key && { defaultHeaders: { Authorization: null } }),
  });
  return { client, read: answerIn(APIError) };
};

const skillsOf = (spec: OpenAiSpec, url: string): Skills => {
  const official = isOpenAi(url);
  // Reasoning models refuse sampling parameters and token probabilities.
  const samples = !official || /^(?:ft:)?(?:gpt-3\.5|gpt-4|chatgpt-4o)/.test(spec.model);
  return { official, samples, logprobs: samples, format: 'json_schema', images: modelFacts(spec).images };
};

/**
 * A compatible server that does not know a parameter says so with a client error. The parameter is then not sent to it again,
 * and the error becomes one that is retried; undefined when the answer is about something else.
 */
const unlearn = (skills: Skills, callee: Callee, { status, body }: Answer): ModelError | undefined => {
  if (skills.official || ![400, 404, 422, 500, 501].includes(status)) return undefined;
  const text = JSON.stringify(body ?? '');
  if (skills.logprobs && /logprobs/i.test(text)) {
    skills.logprobs = false;
    return new ModelError('transient', `${who(callee)} has no \`logprobs\`: votes will carry no probabilities.`, {
      status,
    });
  }
  if (skills.format === 'none' || !/response_format|json_schema|json_object|grammar/i.test(text)) return undefined;
  skills.format = skills.format === 'json_schema' ? 'json_object' : 'none';
  const next = skills.format === 'none' ? 'the prompt alone' : '`json_object` and the prompt';
  return new ModelError(
    'transient',
    `${who(callee)} refused \`response_format\`: from now on JSON is asked for by ${next}.`,
    { status },
  );
};

/** Routers in front of several vendors pass an error on inside an answer of 200: its `code` is the status it had. */
const errorIn = (body: unknown): Answer | undefined => {
  const { error, choices }: { error?: unknown; choices?: unknown } = Object(body);
  const { code }: { code?: unknown } = Object(error);
  if (choices !== undefined || typeof code !== 'number' || code < 400 || code > 599) return undefined;
  return { status: code, headers: undefined, body };
};

const isRefusal = ({ status, body }: Answer): boolean =>
  status === 400 && /"(?:content_filter|content_policy_violation|invalid_prompt)"/.test(JSON.stringify(body ?? ''));

const refusedReply = (spec: OpenAiSpec, request: ModelRequest, callee: Callee): ModelReply => {
  const usage = usageOf(spec, { input: 0, cached: 0, cacheWrites: 0, output: 0 });
  return checkReply(request, '', {
    usage,
    model: spec.model,
    stop: 'refusal',
    detail: `${who(callee)} refused the prompt.`,
  });
};

const replyOf = (
  spec: OpenAiSpec,
  request: ModelRequest,
  callee: Callee,
  completion: OpenAI.ChatCompletion,
): ModelReply => {
  const choice = completion?.choices?.[0];
  const failed = errorIn(completion);
  if (failed) throw answerError(callee, failed);
  if (!choice?.message) throw strangeAnswer(callee);
  const text = choice.message.content ?? '';
  // Compatible servers leave these out at will, whatever the types say.
  const counts: Partial<OpenAI.CompletionUsage> = completion.usage ?? {};
  const usage = usageOf(spec, {
    input: counts.prompt_tokens ?? 0,
    cached: counts.prompt_tokens_details?.cached_tokens ?? 0,
    cacheWrites: counts.prompt_tokens_details?.cache_write_tokens ?? 0,
    output: counts.completion_tokens ?? 0,
  });
  const tokens = choice.logprobs?.content;
  const probabilities = tokens && request.yesNo ? yesProbabilities(text, tokens, request.yesNo) : {};
  return checkReply(request, text, {
    usage,
    model: completion.model ?? spec.model,
    ...stopOf(request, callee, choice, counts.completion_tokens_details?.reasoning_tokens ?? 0),
    ...(Object.keys(probabilities).length > 0 && { probabilities }),
  });
};

const stopOf = (
  request: ModelRequest,
  callee: Callee,
  choice: OpenAI.ChatCompletion.Choice,
  reasoning: number,
): Partial<Pick<ModelReply, 'stop' | 'detail'>> => {
  if (choice.message.refusal) return { stop: 'refusal', detail: choice.message.refusal };
  if (choice.finish_reason === 'content_filter')
    return { stop: 'refusal', detail: `${who(callee)} filtered the reply.` };
  if (choice.finish_reason === 'length') return { stop: 'length', detail: cutOff(request.maxTokens, reasoning) };
  return {};
};
