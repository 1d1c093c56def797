/** Turns what a provider answered with, other than a reply, into the one error type: what kind it is, and what to do about it. */
import { type ErrorKind, ModelError } from '../core/errors.ts';
import { conceal, formsOf } from './conceal.ts';

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

/** Statuses of those in between: what stands behind them may have done the work, and charge for it. */
const unsure = [408, 502, 504, 524];

/** Longest time that a provider is waited for, in milliseconds; one that asks for more has no quota left for today. */
const longestWait = 3_600_000;

/** The ModelError for an HTTP answer. Vendor text is quoted only where it says what is wrong with the request, cleaned and cut short. */
export const answerError = (callee: Callee, answer: Answer): ModelError => {
  const { status } = answer;
  const asked = kindOf(answer);
  const passing = asked === 'rate-limited' || asked === 'transient';
  const wait = passing ? retryAfter(answer) : undefined;
  if (wait !== undefined && wait > longestWait)
    return new ModelError(
      'operator',
      `${who(callee)} answered ${status} and asks to wait ${inHours(wait)}: its quota is used up. Raise it, or wait; then: lbi resume.`,
      { status },
    );
  return new ModelError(asked, `${who(callee)} answered ${status}: ${advice(asked, callee, answer)}`, {
    status,
    lost: unsure.includes(status),
    ...(wait !== undefined && { retryAfterMs: wait }),
  });
};

const inHours = (ms: number): string => `${Math.round(ms / 3_600_000)} h`;

/** The ModelError for an answer that began well and broke off: the reply is lost, and was probably charged for. */
export const brokenOffError = (callee: Callee, cause: unknown): ModelError =>
  new ModelError('transient', `${who(callee)} broke off in the middle of its answer (${breakCode(cause)}).`, {
    lost: true,
  });

const breakCode = (cause: unknown): string => {
  const code = networkCode(cause);
  return code === unknownCode ? 'it is not whole' : code;
};

/** Certificates that are refused, and addresses that do not speak TLS. */
const tls = /CERT|SIGNATURE|SELF_SIGNED|ISSUER|^ERR_SSL|^ERR_TLS|^EPROTO$/;
/** Refused or unfound: nothing was sent that could be charged for. */
const unsent = /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT)$/;

/** The ModelError for a call that got no answer: refused, reset, unknown host. `cause` is the SDK's error; only its code is shown. */
export const noAnswerError = (callee: Callee, cause: unknown): ModelError => {
  const code = networkCode(cause);
  const where = origin(callee.url);
  const said = (hint: string) => `${who(callee)} could not be reached at ${where} (${code}).${hint}`;
  if (tls.test(code))
    return new ModelError(
      'operator',
      said(
        ' Its certificate is not trusted here, or it does not speak TLS: correct `base_url`, or name the authority in NODE_EXTRA_CA_CERTS before `lbi up`. Then: lbi resume.',
      ),
    );
  // A name is also unknown for as long as a network is down.
  if (code === 'ENOTFOUND')
    return new ModelError(
      'operator',
      said(' No such host is known: mend the network or `base_url`. Then: lbi resume.'),
      {
        tries: 5,
      },
    );
  const hint = code === 'ECONNREFUSED' ? ' Is a server running there?' : '';
  return new ModelError('transient', said(hint), { lost: !unsent.test(code) });
};

/** `scheme://host:port` of an address, without the user and password it may carry. */
export const origin = (url: string): string => (URL.canParse(url) ? new URL(url).origin : 'its address');

export const who = (callee: Callee): string => `${callee.name} (model ${callee.model})`;

const exhausted =
  /insufficient_quota|billing_hard_limit|billing_not_active|credit balance is too low|credits? (?:is|are) depleted|spend_limit_reached|billing_error|PerDay|limit: 0\b/i;
const badKey = /API_KEY_INVALID|API key not valid|invalid_api_key/i;
const noModel = /model_not_found|not_found_error|User location is not supported/i;

/** The body as text in which words are looked for; a page of HTML says nothing about a model or a key. */
const bodyText = ({ body }: Answer): string =>
  body == null || isPage(body) || isPage(vendorMessage(body)) ? '' : JSON.stringify(body);

const isPage = (text: unknown): boolean => typeof text === 'string' && /^\s*(?:<|$)/.test(text);

/** Statuses that say what a person has to mend: a key, credit, access, a network that wants a sign-in. */
const forPeople = [401, 402, 403, 511];

const kindOf = (answer: Answer): ErrorKind => {
  const { status } = answer;
  const text = bodyText(answer);
  if (forPeople.includes(status)) return 'operator';
  if (status === 404) return /model/i.test(text) || noModel.test(text) ? 'operator' : 'spec';
  if ((status === 429 || status === 400) && exhausted.test(text)) return 'operator';
  if (status === 429 || status === 503 || status === 529) return 'rate-limited';
  if (status === 400 && (badKey.test(text) || noModel.test(text))) return 'operator';
  if ([408, 409, 425].includes(status) || (status >= 500 && status !== 501)) return 'transient';
  return status < 400 ? 'operator' : 'spec';
};

const advice = (kind: ErrorKind, callee: Callee, answer: Answer): string => {
  if (kind === 'rate-limited')
    return 'it asks to slow down. The call is tried again later; lower `limits.rpm` if this is frequent.';
  if (kind === 'transient') return 'a fault on its side. The call is tried again.';
  if (kind === 'spec') return `it does not accept the request${quoted(callee, answer)}`;
  return `${mend(callee, answer)} Then: lbi resume.`;
};

const mend = (callee: Callee, answer: Answer): string => {
  const { status } = answer;
  const key = callee.keyName ? `The key in ${callee.keyName}` : 'The call (it has no key: set `api_key`)';
  const text = bodyText(answer);
  const where = origin(callee.url);
  if (status === 402 || exhausted.test(text))
    return 'the account has no quota or credit left. Add credit or raise its limit.';
  if (status === 401 || badKey.test(text)) return `${key} is rejected. ${newKey(callee)}`;
  if (status === 511) return 'the network here wants to know who asks. Sign in to it.';
  if (status === 403 && text === '')
    return `a page that is not of this service: something on the way to ${where} forbids it.`;
  if (status === 403) return `${key} may not use this model. Grant access to it, or name another model.`;
  if (status === 404 || noModel.test(text))
    return `no model ${callee.model} at ${where} for this account. Correct \`model\` or \`base_url\`, or have the model enabled.`;
  return `${where} sends elsewhere, and a key is not sent on. Correct \`base_url\`.`;
};

/** The worker runs in the background: what a shell exports later does not reach it. */
const newKey = ({ keyName = 'NAME' }: Callee): string =>
  `Put a valid one into the file .env here (${keyName}=…, read at once); a variable that a shell exports reaches the worker only after \`lbi down\` and \`lbi up\`.`;

const quoted = (callee: Callee, { status, body }: Answer): string => {
  const said = isPage(vendorMessage(body)) ? '' : vendorMessage(body);
  if (status === 404 && !said)
    return ` (no such address). Correct \`base_url\`: ${origin(callee.url)} has nothing there.`;
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
  const known = conceal(text, secrets.flatMap(formsOf));
  const safe = known.replace(/\b(?:sk|pk|AIza|Bearer)[-_ ]?[\w*.-]{8,}/g, '[key]').replace(/\s+/g, ' ');
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

const unknownCode = 'no connection';

const networkCode = (error: unknown): string => {
  let current = error;
  for (let depth = 0; depth < 5 && current instanceof Error; depth++) {
    if ('code' in current && typeof current.code === 'string') return current.code;
    if (current instanceof AggregateError && current.errors.length > 0) current = current.errors[0];
    else current = current.cause;
  }
  return unknownCode;
};
