/** Answers like the Gemini API's generateContent. */
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

const error = (code: number, status: string, message: string, details: unknown[] = []): HttpAnswer => ({
  status: code,
  body: { error: { code, message, status, details } },
});

const type = (name: string) => `type.googleapis.com/google.rpc.${name}`;
const quota = (quotaId: string) => ({
  '@type': type('QuotaFailure'),
  violations: [{ quotaMetric: 'requests', quotaId }],
});

const failures: Record<Failure, HttpAnswer> = {
  'rate-limited': error(
    429,
    'RESOURCE_EXHAUSTED',
    'You exceeded your current quota, please check your plan and billing details.',
    [quota('GenerateRequestsPerMinutePerProjectPerModel'), { '@type': type('RetryInfo'), retryDelay: '34.5s' }],
  ),
  overloaded: error(503, 'UNAVAILABLE', 'The model is overloaded. Please try again later.'),
  unavailable: error(503, 'UNAVAILABLE', 'The service is currently unavailable.'),
  'server-fault': error(500, 'INTERNAL', 'An internal error has occurred.'),
  'request-timeout': error(504, 'DEADLINE_EXCEEDED', 'Deadline expired before operation could complete.'),
  conflict: error(409, 'ABORTED', 'Aborted'),
  'bad-key': error(400, 'INVALID_ARGUMENT', `API key not valid: ${testKey}. Please pass a valid API key.`, [
    { '@type': type('ErrorInfo'), reason: 'API_KEY_INVALID', domain: 'googleapis.com' },
  ]),
  forbidden: error(403, 'PERMISSION_DENIED', "Your API key doesn't have the required permissions."),
  'no-credit': error(
    429,
    'RESOURCE_EXHAUSTED',
    'You exceeded your current quota, please check your plan and billing details.',
    [quota('GenerateRequestsPerDayPerProjectPerModel-FreeTier'), { '@type': type('RetryInfo'), retryDelay: '34s' }],
  ),
  'no-model': error(404, 'NOT_FOUND', 'models/gemini-nowhere is not found for API version v1.'),
  'bad-request': error(
    400,
    'INVALID_ARGUMENT',
    `Unable to submit request: maxOutputTokens out of range (${testKey}, ${foreignKey})`,
  ),
  'too-large': error(413, 'INVALID_ARGUMENT', 'Request payload size exceeds the limit.'),
  unprocessable: error(422, 'INVALID_ARGUMENT', 'Unprocessable'),
};

const keywords =
  '$id $defs $ref $anchor type format title description enum items prefixItems minItems maxItems minimum maximum anyOf oneOf properties additionalProperties required propertyOrdering'.split(
    ' ',
  );

const refuses = ({ path, headers, body }: Received): HttpAnswer | undefined => {
  if (!/^\/v1(?:beta)?\/models\/[\w.-]+:generateContent$/.test(path)) return error(404, 'NOT_FOUND', 'Not found');
  if (headers['x-goog-api-key'] !== testKey) return failures['bad-key'];
  const config = body.generationConfig as Record<string, unknown> | undefined;
  if (config?.responseMimeType !== 'application/json')
    return error(400, 'INVALID_ARGUMENT', 'response_mime_type missing');
  for (const object of objectsIn(config.responseJsonSchema)) {
    const unknown = 'type' in object && Object.keys(object).find((key) => !keywords.includes(key));
    if (unknown) return error(400, 'INVALID_ARGUMENT', `Unknown name "${unknown}" at response_json_schema`);
  }
  return undefined;
};

const stops = { complete: 'STOP', length: 'MAX_TOKENS', refusal: 'PROHIBITED_CONTENT' };

export const googleDialect: Dialect = {
  refuses,
  failures,
  reply: ({ text, stop = 'complete', input = 10, cached = 0, output = 5, reasoning = 0 }, { path }) => ({
    candidates: [{ content: { role: 'model', parts: text ? [{ text }] : [] }, finishReason: stops[stop], index: 0 }],
    usageMetadata: {
      promptTokenCount: input,
      ...(cached && { cachedContentTokenCount: cached }),
      candidatesTokenCount: output - reasoning,
      ...(reasoning && { thoughtsTokenCount: reasoning }),
      totalTokenCount: input + output,
    },
    modelVersion: /models\/([^:]+)/.exec(path)?.[1],
    responseId: 'test',
  }),
};

export const startGoogle = () => startVendorServer(googleDialect);
