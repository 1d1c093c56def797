/** What can go wrong between a call and its reply, and how each is expected to end: one row of the table. */
import type { Failure } from '../models/vendor-servers/vendor-server.ts';
import { type Behaviour, drip, send } from './servers.ts';

/** How a run of one document ends when its only call meets the cause. */
export type End = 'goes on' | 'item fails' | 'waits for a person' | 'counted as unreadable';

export interface Cause {
  title: string;
  /** whose failure it is: the surroundings, the model, or the pipeline */
  class: 'infrastructure' | 'model' | 'spec';
  end: End;
  /** requests that the provider receives */
  requests: number;
  /** words of what a person is told */
  says?: RegExp;
  /** calls that the provider may charge for though no reply came */
  lost?: number;
  /** true where only the time-out ends it */
  silent?: true;
  behaviour?: Behaviour;
  /** an address of its own: behind an untrusted certificate, or of a host that nobody knows */
  address?: 'tls' | 'unknown';
}

/** Seconds that a call may take which never ends by itself. */
export const patience = 2;

/** Tries of one call in every pipeline of the storm. */
export const attempts = 3;

const fails =
  (failure: Failure, headers: Record<string, string> = {}): Behaviour =>
  ({ dialect, response }) => {
    const answer = dialect.failures[failure];
    // Google says in its body how long to wait; here the header alone counts, or nothing.
    const body = JSON.parse(
      JSON.stringify(answer.body).replace(/"retryDelay":"[\d.]+s"/, '"retryDelay":""'),
    ) as unknown;
    send(response, { ...answer, body, headers: { ...answer.headers, ...headers } });
  };

/** Fails once for each vendor, then is well. */
const once = (failing: Behaviour): Behaviour => {
  const failed = new Set<unknown>();
  return (answering) => {
    if (failed.has(answering.dialect)) return answering.well();
    failed.add(answering.dialect);
    return failing(answering);
  };
};

const says =
  (text: string, stop?: 'length' | 'refusal'): Behaviour =>
  ({ dialect, response, received }) =>
    send(response, {
      status: 200,
      body: dialect.reply({ text, input: 100, output: 10, ...(stop === undefined ? {} : { stop }) }, received),
    });

const page = '<html><body><h1>Sign in</h1></body></html>';
const half: Behaviour = ({ response, dialect, received }) => {
  const whole = JSON.stringify(dialect.reply({ text: '{}' }, received));
  response.writeHead(200, { 'content-type': 'application/json' }).end(whole.slice(0, whole.length / 2));
};

const retried = { class: 'infrastructure', end: 'item fails', requests: attempts } as const;
const recovers = { class: 'infrastructure', end: 'goes on', requests: 2 } as const;
const gate = { class: 'infrastructure', end: 'waits for a person', requests: 1 } as const;
const wrong = { class: 'spec', end: 'item fails', requests: 1 } as const;
const result = { class: 'model', end: 'counted as unreadable' } as const;

export const causes: Record<string, Cause> = {
  'retry-after-seconds': {
    title: '429 with Retry-After: 1',
    ...recovers,
    behaviour: once(fails('rate-limited', { 'retry-after': '1' })),
  },
  'retry-after-date': {
    title: '429 with Retry-After as a date',
    ...recovers,
    behaviour: once((answering) =>
      fails('rate-limited', { 'retry-after': new Date(Date.now() + 2000).toUTCString() })(answering),
    ),
  },
  'retry-after-ms': {
    title: '429 with retry-after-ms: 300',
    ...recovers,
    behaviour: once(fails('rate-limited', { 'retry-after-ms': '300' })),
  },
  'retry-after-day': {
    title: '429 with Retry-After: 90000 (a day)',
    ...gate,
    says: /asks to wait 25 h: its quota is used up/,
    behaviour: fails('rate-limited', { 'retry-after': '90000' }),
  },
  'rate-limited': {
    title: '429 without a time',
    ...retried,
    says: /429: it asks to slow down/,
    behaviour: fails('rate-limited'),
  },
  overloaded: { title: '529 (503 at Google), once', ...recovers, behaviour: once(fails('overloaded')) },
  'server-fault': { title: '500', ...retried, says: /500: a fault on its side/, behaviour: fails('server-fault') },
  hang: {
    title: 'never answers',
    ...retried,
    silent: true,
    lost: attempts,
    says: /did not answer within 2 s/,
    behaviour: () => {},
  },
  'slow-drip': {
    title: 'ten bytes a second, for ever',
    ...retried,
    silent: true,
    lost: attempts,
    says: /did not answer within 2 s/,
    behaviour: ({ response }) => drip(response),
  },
  'reset-before': {
    title: 'connection reset before the headers',
    ...retried,
    lost: attempts,
    says: /could not be reached/,
    behaviour: ({ request }) => void request.socket.resetAndDestroy(),
  },
  'reset-within': {
    title: 'connection reset in the middle of the body',
    ...retried,
    lost: attempts,
    says: /broke off in the middle of its answer/,
    behaviour: ({ request, response }) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '5000' });
      response.write('{"id":', () => request.socket.resetAndDestroy());
    },
  },
  truncated: {
    title: 'half of the JSON',
    ...retried,
    lost: attempts,
    says: /broke off in the middle of its answer/,
    behaviour: half,
  },
  'proxy-502': {
    title: "a proxy's page, 502",
    ...retried,
    lost: attempts,
    says: /502: a fault on its side/,
    behaviour: ({ response }) => send(response, { status: 502, body: page }),
  },
  'proxy-200': {
    title: "a proxy's page, 200",
    ...retried,
    lost: attempts,
    says: /not a reply of its API/,
    behaviour: ({ response }) => send(response, { status: 200, body: page }),
  },
  'proxy-403': {
    title: "a proxy's page, 403",
    ...gate,
    says: /something on the way to http:.* forbids it/,
    behaviour: ({ response }) => send(response, { status: 403, body: page }),
  },
  redirect: {
    title: '302 to another host',
    ...gate,
    says: /sends elsewhere, and a key is not sent on/,
    behaviour: ({ response, elsewhere }) => send(response, { status: 302, headers: { location: elsewhere }, body: '' }),
  },
  tls: {
    title: 'a certificate that nobody trusts',
    ...gate,
    requests: 0,
    says: /certificate is not trusted here/,
    address: 'tls',
  },
  'unknown-host': {
    title: 'a host that nobody knows',
    ...gate,
    requests: 0,
    says: /No such host is known/,
    address: 'unknown',
  },
  'bad-key': {
    title: '401 (400 at Google)',
    ...gate,
    says: /STORM_KEY is rejected.*\.env/,
    behaviour: fails('bad-key'),
  },
  'no-credit': {
    title: 'no credit or quota left',
    ...gate,
    says: /no quota or credit left/,
    behaviour: fails('no-credit'),
  },
  payment: {
    title: '402',
    ...gate,
    says: /no quota or credit left/,
    behaviour: ({ response }) => send(response, { status: 402, body: { error: { message: 'Payment required' } } }),
  },
  forbidden: { title: '403', ...gate, says: /may not use this model/, behaviour: fails('forbidden') },
  'no-model': {
    title: '404, no such model',
    ...gate,
    says: /no model .* for this account/,
    behaviour: fails('no-model'),
  },
  'not-found': {
    title: '404, no such address',
    ...wrong,
    says: /no such address/,
    behaviour: ({ response }) => send(response, { status: 404, body: page }),
  },
  'bad-request': {
    title: '400',
    ...wrong,
    says: /400: it does not accept the request: /,
    behaviour: fails('bad-request'),
  },
  'too-large': { title: '413', ...wrong, says: /413: it does not accept the request: /, behaviour: fails('too-large') },
  unprocessable: {
    title: '422',
    ...wrong,
    says: /422: it does not accept the request: /,
    behaviour: fails('unprocessable'),
  },
  refusal: { title: 'refusal', ...result, requests: 1, behaviour: says('', 'refusal') },
  'cut-off': { title: 'cut off at max_tokens', ...result, requests: 1, behaviour: says('{"tasks": ["Sw', 'length') },
  empty: { title: 'empty reply', ...result, requests: 2, behaviour: says('') },
  prose: { title: 'no JSON in the reply', ...result, requests: 2, behaviour: says('Sure! Here are some tasks.') },
  'wrong-schema': { title: 'JSON of another schema', ...result, requests: 2, behaviour: says('{"jobs": []}') },
};
