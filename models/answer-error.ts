/** Turns what a provider answered with, other than a reply, into the one error type: what kind it is, and what to do about it. */
import { type ErrorKind, ModelError } from '../core/errors.ts';

/** Whom a call went to: all that an error message may say about it. */
export interface Callee {
  /** As people call it: `Anthropic`, `Google`, `OpenAI`, `OpenAI-compatible server`. */
  name: string;
  model: string;
  /** Address of the service, as in the spec. */
  url: string;
  /** The name of the secret that holds its key, never the key. */
  keyName: string | undefined;
  /** Values that no message may contain. */
  secrets: string[];
}

/** An HTTP answer that is not a success, read out of an SDK's error. */
export interface Answer {
  status: number;
  headers: Headers | undefined;
  /** The answer's JSON, or its text. */
  body: unknown;
}

/** The ModelError for an HTTP answer. Vendor text is quoted only where it says what is wrong with the request, cleaned and cut short. */
export const answerError = (callee: Callee, answer: Answer): ModelError => {
  const { status } = answer;
  const kind = kindOf(answer);
  const retryAfterMs = retryAfter(answer);
  return new ModelError(kind, `${who(callee)} answered ${status}: ${advice(kind, callee, answer)}`, {
    status,
    ...(kind === 'rate-limited' || kind === 'transient' ? retryAfterMs !== undefined && { retryAfterMs } : {}),
  });
};

/** The ModelError for a call that got no answer: refused, reset, unknown host. `cause` is the SDK's error; only its code is shown. */
export const noAnswerError = (callee: Callee, cause: unknown): ModelError => {
  const code = networkCode(cause);
  const where = origin(callee.url);
  const hint = code === 'ECONNREFUSED' ? ' Is a server running there?' : '';
  return new ModelError('transient', `${who(callee)} could not be reached at ${where} (${code}).${hint}`);
};

/** `scheme://host:port` of an address, without the user and password it may carry. */
export const origin = (url: string): string => (URL.canParse(url) ? new URL(url).origin : 'its address');

export const who = (callee: Callee): string => `${callee.name} (model ${callee.model})`;

const exhausted =
  /insufficient_quota|billing_hard_limit|billing_not_active|credit balance is too low|credits? (?:is|are) depleted|spend_limit_reached|billing_error|PerDay|limit: 0\b/i;
const badKey = /API_KEY_INVALID|API key not valid|invalid_api_key/i;
const noModel = /model_not_found|not_found_error|User location is not supported/i;

const kindOf = ({ status, body }: Answer): ErrorKind => {
  const text = JSON.stringify(body ?? '');
  if (status === 401 || status === 402 || status === 403 || status === 404) return 'operator';
  if ((status === 429 || status === 400) && exhausted.test(text)) return 'operator';
  if (status === 429 || status === 503 || status === 529) return 'rate-limited';
  if (status === 400 && (badKey.test(text) || noModel.test(text))) return 'operator';
  if (status === 408 || status === 409 || (status >= 500 && status !== 501)) return 'transient';
  return status < 400 ? 'operator' : 'spec';
};

const advice = (kind: ErrorKind, callee: Callee, answer: Answer): string => {
  if (kind === 'rate-limited')
    return 'it asks to slow down. The call is tried again later; lower `limits.rpm` if this is frequent.';
  if (kind === 'transient') return 'a fault on its side. The call is tried again.';
  if (kind === 'spec') return `it does not accept the request${quoted(callee, answer.body)}`;
  return `${mend(callee, answer)} Then: lbi resume.`;
};

const mend = (callee: Callee, { status, body }: Answer): string => {
  const key = callee.keyName ? `The key in ${callee.keyName}` : 'The call (it has no key: set `api_key`)';
  const text = JSON.stringify(body ?? '');
  if (status === 402 || exhausted.test(text))
    return 'the account has no quota or credit left. Add credit or raise its limit.';
  if (status === 401 || badKey.test(text)) return `${key} is rejected. Set a valid one.`;
  if (status === 403) return `${key} may not use this model. Grant access to it, or name another model.`;
  if (status === 404 || noModel.test(text))
    return `no model ${callee.model} at ${origin(callee.url)} for this account. Correct \`model\` or \`base_url\`, or have the model enabled.`;
  return `${origin(callee.url)} is not the address of this service. Correct \`base_url\`.`;
};

const quoted = (callee: Callee, body: unknown): string => {
  const said = vendorMessage(body);
  return said ? `: ${clean(said, callee.secrets)}` : '. Check the parameters of this model in the pipeline.';
};

const vendorMessage = (body: unknown): string => {
  if (typeof body !== 'object' || body === null) return '';
  const { error, message } = body as { error?: unknown; message?: unknown };
  if (typeof error === 'string') return error;
  if (error !== undefined) return vendorMessage(error);
  return typeof message === 'string' ? message : '';
};

const clean = (text: string, secrets: string[]): string => {
  let safe = text;
  for (const secret of secrets) if (secret) safe = safe.replaceAll(secret, '[key]');
  safe = safe.replace(/\b(?:sk|pk|AIza|Bearer)[-_ ]?[\w*.-]{8,}/g, '[key]').replace(/\s+/g, ' ');
  return safe.length > 300 ? `${safe.slice(0, 300)}…` : safe;
};

/** Milliseconds the answer asks to wait: `retry-after-ms`, `retry-after` (seconds or a date), or Google's RetryInfo in the body. */
export const retryAfter = ({ headers, body }: Answer): number | undefined => {
  const milliseconds = Number.parseFloat(headers?.get('retry-after-ms') ?? '');
  if (milliseconds >= 0) return Math.ceil(milliseconds);
  const header = headers?.get('retry-after')?.trim() ?? '';
  if (/^\d+(?:\.\d+)?$/.test(header)) return Math.ceil(Number(header) * 1000);
  const date = Date.parse(header);
  if (!Number.isNaN(date)) return Math.max(0, date - Date.now());
  const delay = /"retryDelay":"(\d+(?:\.\d+)?)s"/.exec(JSON.stringify(body ?? ''))?.[1];
  return delay === undefined ? undefined : Math.ceil(Number(delay) * 1000);
};

const networkCode = (error: unknown): string => {
  let current = error;
  for (let depth = 0; depth < 5 && current instanceof Error; depth++) {
    if ('code' in current && typeof current.code === 'string') return current.code;
    if (current instanceof AggregateError && current.errors.length > 0) current = current.errors[0];
    else current = current.cause;
  }
  return 'no connection';
};
