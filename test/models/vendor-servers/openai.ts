/** Answers like OpenAI's chat completions, as the compatible servers do too. */
import {
  type Dialect,
  type Failure,
  foreignKey,
  type HttpAnswer,
  type Received,
  startVendorServer,
  testKey,
} from './vendor-server.ts';

const error = (status: number, code: string | null, message: string, type = 'invalid_request_error'): HttpAnswer => ({
  status,
  headers: { 'x-request-id': 'req_test' },
  body: { error: { message, type, param: null, code } },
});

const failures: Record<Failure, HttpAnswer> = {
  'rate-limited': error(429, 'rate_limit_exceeded', 'Rate limit reached for requests', 'requests'),
  overloaded: error(529, null, 'Overloaded', 'server_error'),
  unavailable: error(503, null, 'The engine is currently overloaded, please try again later', 'server_error'),
  'server-fault': error(500, null, 'The server had an error', 'server_error'),
  'request-timeout': error(408, null, 'Request timed out'),
  conflict: error(409, null, 'Conflict'),
  'bad-key': error(401, 'invalid_api_key', `Incorrect API key provided: ${testKey}.`),
  forbidden: error(403, null, 'You are not allowed to sample from this model'),
  'no-credit': error(429, 'insufficient_quota', 'You exceeded your current quota.', 'insufficient_quota'),
  'no-model': error(404, 'model_not_found', 'The model `nowhere` does not exist'),
  'bad-request': error(400, null, `Invalid 'max_tokens': below minimum value (${testKey}, ${foreignKey})`),
  'too-large': error(413, null, 'Maximum content size exceeded'),
  unprocessable: error(422, null, 'Unprocessable'),
};

const refuses = ({ path, headers, body }: Received): HttpAnswer | undefined => {
  if (path !== '/v1/chat/completions') return error(404, null, `Unknown request URL: POST ${path}`);
  if (headers.authorization !== `Bearer ${testKey}`) return failures['bad-key'];
  if (body.top_logprobs !== undefined && body.logprobs !== true)
    return error(400, null, 'top_logprobs requires logprobs');
  if (!Array.isArray(body.messages) || body.messages.length === 0) return error(400, null, "'messages' is too short");
  return undefined;
};

const stops = { complete: 'stop', length: 'length', refusal: 'stop' };

export const openaiDialect: Dialect = {
  refuses,
  failures,
  reply: (
    { text, stop = 'complete', input = 10, cached = 0, cacheWrites = 0, output = 5, reasoning = 0 },
    { body },
  ) => ({
    id: 'chatcmpl-test',
    object: 'chat.completion',
    created: 1_700_000_000,
    model: body.model,
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: stop === 'refusal' ? null : text,
          refusal: stop === 'refusal' ? "I'm sorry, I can't assist with that." : null,
        },
        logprobs: body.logprobs ? { content: letters(text), refusal: null } : null,
        finish_reason: stops[stop],
      },
    ],
    usage: {
      prompt_tokens: input,
      completion_tokens: output,
      total_tokens: input + output,
      prompt_tokens_details: { cached_tokens: cached, cache_write_tokens: cacheWrites },
      completion_tokens_details: { reasoning_tokens: reasoning },
    },
  }),
};

/** One token a word or sign; each `yes` with the odds 3 to 1 against no, each `no` the other way round. */
const letters = (text: string) =>
  (text.match(/[a-z]+|[^a-z]/gisu) ?? []).map((token) => {
    const answer = token === 'yes' || token === 'no';
    const other = token === 'yes' ? 'no' : 'yes';
    const top = answer ? [entry(token, 0.6), entry(other, 0.2), entry('maybe', 0.2)] : [entry(token, 1)];
    return { ...entry(token, answer ? 0.6 : 1), top_logprobs: top };
  });

const entry = (token: string, probability: number) => ({
  token,
  logprob: Math.log(probability),
  bytes: [...Buffer.from(token)],
});

export const startOpenAi = () => startVendorServer(openaiDialect);
