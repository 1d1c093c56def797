/** Whether a remote model would answer: its provider is asked what it knows of the model, which costs nothing. */
import { nearest } from '../core/spec/suggest.ts';
import { officialUrl } from './facts.ts';
import { type RemoteSpec, secretName } from './one-call.ts';

export interface Reach {
  ok: boolean;
  /** What is so, or what is wrong; never a key. */
  detail: string;
  fix?: string;
  /** The provider's clock, where it tells it. */
  clock?: Date;
}

interface Service {
  /** The list of models, and one of them. */
  list: string;
  one: string;
  headers: Record<string, string>;
}

const addressOf = (spec: RemoteSpec): string => {
  if (spec.provider === 'anthropic') return spec.base_url ?? 'https://api.anthropic.com';
  if (spec.provider === 'google') return spec.base_url ?? 'https://generativelanguage.googleapis.com';
  return spec.base_url ?? officialUrl;
};

const serviceOf = (spec: RemoteSpec, key: string | undefined): Service => {
  const base = addressOf(spec).replace(/\/+$/, '');
  const model = encodeURIComponent(spec.model.replace(/^models\//, ''));
  if (spec.provider === 'anthropic')
    return {
      list: `${base}/v1/models?limit=1000`,
      one: `${base}/v1/models/${model}`,
      headers: { 'x-api-key': key ?? '', 'anthropic-version': '2023-06-01' },
    };
  if (spec.provider === 'google')
    return {
      list: `${base}/v1beta/models?pageSize=1000`,
      one: `${base}/v1beta/models/${model}`,
      headers: { 'x-goog-api-key': key ?? '' },
    };
  return {
    list: `${base}/models`,
    // An id may have slashes (`org/model`), and servers that speak like OpenAI differ in how they take them.
    one: `${base}/models/${spec.model}`,
    headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
  };
};

/** Milliseconds that a provider may take. */
const patience = 8000;

const ask = (url: string, headers: Record<string, string>): Promise<Response> =>
  fetch(url, { headers, redirect: 'error', signal: AbortSignal.timeout(patience) });

/** Names of models in whatever form a list has them: `data[].id`, `models[].name`. */
const namesIn = (value: unknown): string[] => {
  const { data, models }: { data?: unknown; models?: unknown } = Object(value);
  return [data, models]
    .flatMap((list) => (Array.isArray(list) ? list : []))
    .flatMap((entry) => {
      const { id, name }: { id?: unknown; name?: unknown } = Object(entry);
      const own = typeof id === 'string' ? id : name;
      return typeof own === 'string' ? [own.replace(/^models\//, '')] : [];
    });
};

const why = (error: unknown): string => {
  let inner: unknown = error;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  const code = inner instanceof Error && 'code' in inner ? String(inner.code) : undefined;
  return (
    code ??
    (inner instanceof Error ? (inner.name === 'TimeoutError' ? 'no answer in 8 s' : inner.message) : String(inner))
  );
};

const isHere = (address: string): boolean => /^https?:\/\/(127\.|localhost|\[::1\])/.test(address);

const away = (spec: RemoteSpec, error: unknown): Reach => {
  const address = new URL(addressOf(spec)).origin;
  const ollama = isHere(address) && new URL(address).port === '11434';
  return {
    ok: false,
    detail: `${address} does not answer (${why(error)})`,
    fix: ollama
      ? 'start it: ollama serve'
      : isHere(address)
        ? 'start the server, or correct base_url'
        : 'check the network, a proxy (HTTPS_PROXY), or base_url',
  };
};

const clockOf = (reply: Response): { clock?: Date } => {
  const date = reply.headers.get('date');
  return date === null || Number.isNaN(Date.parse(date)) ? {} : { clock: new Date(date) };
};

/** @param key the secret's value, which only the provider is shown */
export async function reach(spec: RemoteSpec, key: string | undefined): Promise<Reach> {
  const service = serviceOf(spec, key);
  try {
    const reply = await ask(service.one, service.headers);
    await reply.body?.cancel();
    if (reply.ok)
      return {
        ok: true,
        detail: `${spec.model} is there${key === undefined ? '' : ', the key works'}`,
        ...clockOf(reply),
      };
    if (reply.status === 401 || reply.status === 403 || (reply.status === 400 && spec.provider === 'google'))
      return refused(spec, reply);
    return { ...(await listed(spec, service, reply.status)), ...clockOf(reply) };
  } catch (error) {
    return away(spec, error);
  }
}

const refused = (spec: RemoteSpec, reply: Response): Reach => ({
  ok: false,
  detail: `${new URL(addressOf(spec)).origin} refuses the key (${reply.status})`,
  fix: `put a valid key into ${spec.api_key === undefined ? 'api_key' : secretName(spec.api_key)}`,
  ...clockOf(reply),
});

/** A model that is not found by its name may be in the list (a server that has no page for one), or have a neighbour there. */
async function listed(spec: RemoteSpec, service: Service, status: number): Promise<Reach> {
  const reply = await ask(service.list, service.headers);
  if (!reply.ok) {
    await reply.body?.cancel();
    const detail = `${new URL(service.list).origin} answers ${status}, and ${reply.status} for the list of its models`;
    return { ok: false, detail, fix: 'check base_url' };
  }
  const names = namesIn(await reply.json().catch(() => undefined));
  if (names.some((name) => name === spec.model || name === `${spec.model}:latest`))
    return { ok: true, detail: `${spec.model} is there` };
  const near = nearest(spec.model, names);
  const ollama = new URL(service.list).port === '11434';
  const some = names.slice(0, 4).join(', ');
  return {
    ok: false,
    detail: `there is no model "${spec.model}"${near === undefined ? (some === '' ? '' : `; there are ${some} …`) : `; did you mean ${near}?`}`,
    fix: ollama ? `ollama pull ${spec.model}` : 'correct `model`, or have it enabled for this account',
  };
}
