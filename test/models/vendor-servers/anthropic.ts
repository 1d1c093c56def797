/** Answers like Anthropic's Messages API (versions 2023-06-01 and 2026-10-21). */
import {
  type Dialect,
  type Failure,
  foreignKey,
  type HttpAnswer,
  objectsIn,
  type Received,
  startVendorServer,
  testKey,
} from './vendor-server.ts';

const error = (status: number, type: string, message: string, headers = {}): HttpAnswer => ({
  status,
  headers: { 'request-id': 'req_test', ...headers },
  body: { type: 'error', error: { type, message }, request_id: 'req_test' },
});

const failures: Record<Failure, HttpAnswer> = {
  'rate-limited': error(429, 'rate_limit_error', 'This request would exceed your rate limit.'),
  overloaded: error(529, 'overloaded_error', 'Overloaded'),
  unavailable: error(503, 'api_error', 'Service unavailable'),
  'server-fault': error(500, 'api_error', 'Internal server error'),
  'request-timeout': error(408, 'timeout_error', 'Request timed out'),
  conflict: error(409, 'conflict_error', 'Conflict'),
  'bad-key': error(401, 'authentication_error', `invalid x-api-key ${testKey}`),
  forbidden: error(403, 'permission_error', 'Your API key does not have permission to use the specified resource.'),
  'no-credit': error(400, 'invalid_request_error', 'Your credit balance is too low to access the Anthropic API.'),
  'no-model': error(404, 'not_found_error', 'model: claude-nowhere'),
  'bad-request': error(400, 'invalid_request_error', `max_tokens: must be at least 1 (${testKey}, ${foreignKey})`),
  'too-large': error(413, 'request_too_large', 'Request exceeds the maximum size'),
  unprocessable: error(422, 'invalid_request_error', 'Unprocessable'),
};

const unsupported = [
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'multipleOf',
  'maxItems',
  'oneOf',
  'patternProperties',
];

const refuses = ({ path, headers, body }: Received): HttpAnswer | undefined => {
  const bad = (message: string) => error(400, 'invalid_request_error', message);
  if (path !== '/v1/messages') return error(404, 'not_found_error', 'Not found');
  if (headers.authorization !== `Bearer ${testKey}` && headers['x-api-key'] !== testKey) return failures['bad-key'];
  const version = headers['anthropic-version'];
  if (version !== '2023-06-01' && version !== '2026-10-21') return bad('anthropic-version: unknown');
  if (version === '2026-10-21' && 'temperature' in body) return bad('temperature: Extra inputs are not permitted');
  if (typeof body.max_tokens !== 'number') return bad('max_tokens: Field required');
  let marks = 0;
  for (const object of objectsIn(body)) {
    if (object.cache_control) marks += 1;
    if (object.type === 'text' && typeof object.text === 'string' && !object.text.trim())
      return bad('messages: text content blocks must contain non-whitespace text');
  }
  if (marks > 4) return bad('A maximum of 4 blocks with cache_control may be provided.');
  for (const object of objectsIn(body.output_config)) {
    const keyword = unsupported.find((name) => name in object && 'type' in object);
    if (keyword) return bad(`output_config.format.schema: ${keyword} is not supported`);
    if (object.type === 'object' && object.additionalProperties !== false)
      return bad('output_config.format.schema: additionalProperties must be set to false');
  }
  return undefined;
};

const stops = { complete: 'end_turn', length: 'max_tokens', refusal: 'refusal' };

export const anthropicDialect: Dialect = {
  refuses,
  failures,
  reply: (
    { text, stop = 'complete', input = 10, cached = 0, cacheWrites = 0, output = 5, reasoning = 0 },
    { body },
  ) => ({
    id: 'msg_test',
    type: 'message',
    role: 'assistant',
    model: body.model,
    content: text ? [{ type: 'text', text, citations: null }] : [],
    stop_reason: stops[stop],
    stop_sequence: null,
    stop_details: stop === 'refusal' ? { type: 'refusal', category: 'cyber', explanation: 'It could do harm.' } : null,
    usage: {
      input_tokens: input - cached - cacheWrites,
      cache_read_input_tokens: cached,
      cache_creation_input_tokens: cacheWrites,
      output_tokens: output,
      output_tokens_details: { thinking_tokens: reasoning },
    },
  }),
};

export const startAnthropic = () => startVendorServer(anthropicDialect);
