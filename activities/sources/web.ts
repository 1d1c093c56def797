/** A polite reader of one site: a pause between requests, retries where the server asks for patience, nothing asked twice in a run. */
import type { IncomingMessage } from 'node:http';
import { LbiError } from '../../core/errors.ts';
import { namesInner } from './addresses.ts';
import { type Answer, keepAnswer, lastAnswer } from './answers.ts';
import { NotReadYet, type SourceContext } from './context.ts';
import { openRequester, type Requester, type Response } from './request.ts';

/** What servers are told; the first word is the name that robots.txt may use. */
export const userAgent = 'learn-by-interact (reads documentation; https://arxiv.org/abs/2501.10893)';

/** What came back for an address. */
export interface Page {
  status: number;
  /** Where a redirect leads, as written. */
  location?: string;
  /** Media type, small letters, without parameters. */
  type: string;
  charset?: string;
  /** The `X-Robots-Tag` header. */
  robots?: string;
  /** Null: too long, or of a type that is not read. */
  body: Uint8Array | null;
}

/** A page as it is kept: the body by its reference. */
type Kept = Omit<Page, 'body'> & { body: string | null; etag?: string; modified?: string };

export interface Manners {
  /** Seconds between two requests. */
  delay: number;
  /** Seconds until a page must be here. */
  timeout: number;
  maxBytes: number;
}

export interface Web {
  /**
   * The page of an address; a redirect is given as it is. Throws `NotReadYet`; `rate-limited` when the server asks for a long
   * pause; `transient` when it cannot be had after some tries.
   */
  get(url: URL, manners: Manners): Promise<Page>;
  close(): void;
}

const attempts = 4;
/** Longest pause that is waited here, in milliseconds; for a longer one the activity is begun anew after it. */
const longestPause = 60_000;

/** @param start an address that the pipeline names: where it leads into the inner network, that may be read */
export const openWeb = async (start: URL, context: SourceContext): Promise<Web> => {
  const requester = openRequester(context.run !== null && (await namesInner(start)));
  const clock: Clock = { last: undefined };
  return {
    get: async (url, manners) => {
      const question = url.href;
      const known = await lastAnswer<Kept>(context, 'web', question);
      if (known !== undefined && (context.run === null || known.run === context.run))
        return restore(known.value, context);
      const { run } = context;
      if (run === null) throw new NotReadYet(question);
      const value = await ask({ url, manners, known, context, requester, clock });
      await keepAnswer(context, 'web', { run, question, value });
      return restore(value, context);
    },
    close: () => requester.close(),
  };
};

/** When the last request ended, in milliseconds of the process. */
interface Clock {
  last: number | undefined;
}

interface Asking {
  url: URL;
  manners: Manners;
  known: Answer<Kept> | undefined;
  context: SourceContext;
  requester: Requester;
  clock: Clock;
}

const restore = async (
  { etag: _etag, modified: _modified, body, ...page }: Kept,
  { store }: SourceContext,
): Promise<Page> => ({
  ...page,
  body: body === null ? null : await store.get(body),
});

const ask = async (asking: Asking): Promise<Kept> => {
  const { url, context, known } = asking;
  for (let attempt = 1; ; attempt += 1) {
    const response = await once(asking).catch((error: unknown) => failure(error, context));
    if (response instanceof LbiError) {
      if (response.kind !== 'transient' || attempt === attempts) throw response;
      await context.wait(1000 * 2 ** attempt);
      continue;
    }
    const { status, headers } = response;
    if (status === 304 && known !== undefined) return known.value;
    if (status !== 429 && status < 500) return keep(response, context);
    const pause = pauseOf(headers) ?? 1000 * 2 ** attempt;
    const message = `sources: ${url.href} answers ${status}${status === 429 ? ' (too many requests)' : ''}`;
    if (pause > longestPause) throw new LbiError('rate-limited', message, { retryAfterMs: pause });
    if (attempt === attempts) throw new LbiError('transient', message);
    await context.wait(pause);
  }
};

const once = async ({ url, manners, known, context, requester, clock }: Asking): Promise<Response> => {
  const since = clock.last === undefined ? Number.POSITIVE_INFINITY : performance.now() - clock.last;
  if (since < manners.delay * 1000) await context.wait(manners.delay * 1000 - since);
  try {
    return await requester.get(url, {
      headers: {
        'user-agent': userAgent,
        accept:
          'text/html,application/xhtml+xml,text/markdown,text/plain,application/pdf,application/xml;q=0.9,*/*;q=0.1',
        ...(known?.value.etag === undefined ? {} : { 'if-none-match': known.value.etag }),
        ...(known?.value.modified === undefined ? {} : { 'if-modified-since': known.value.modified }),
      },
      timeout: manners.timeout * 1000,
      maxBytes: manners.maxBytes,
      wanted: (headers) => isText(mediaType(headers)),
      signal: context.signal,
    });
  } finally {
    clock.last = performance.now();
  }
};

/** An error of the network as one of the house; cancellation stays what it is. */
const failure = (error: unknown, { signal }: SourceContext): LbiError => {
  if (error instanceof LbiError) return error;
  if (signal.aborted) throw error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const message = error instanceof Error ? error.message : String(error);
  const late = error instanceof Error && error.name === 'TimeoutError';
  const why = late ? 'no whole answer in time' : message === '' ? code : message;
  return new LbiError('transient', `sources: ${why}`, { cause: error });
};

/** `Retry-After` in milliseconds: seconds, or a date. */
const pauseOf = (headers: IncomingMessage['headers']): number | undefined => {
  const text = headers['retry-after'];
  if (text === undefined) return undefined;
  const pause = /^\s*\d+\s*$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(pause) ? Math.min(Math.max(0, pause), 24 * 3600_000) : undefined;
};

const mediaType = (headers: IncomingMessage['headers']): string =>
  (headers['content-type'] ?? 'text/html').split(';')[0]?.trim().toLowerCase() ?? '';

/** Kinds of body that are read; sitemaps and robots.txt come under several names. */
const isText = (type: string): boolean =>
  /^(?:text\/(?:html|plain|markdown|x-markdown|xml)|application\/(?:xhtml\+xml|xml|pdf|gzip|x-gzip|octet-stream|[\w.+-]+\+xml))$/.test(
    type,
  );

const keep = async ({ status, headers, body }: Response, { store }: SourceContext): Promise<Kept> => {
  const charset = /charset\s*=\s*"?([\w-]+)/i.exec(headers['content-type'] ?? '')?.[1];
  const robots = headers['x-robots-tag'];
  return {
    status,
    type: mediaType(headers),
    ...(headers.location === undefined ? {} : { location: headers.location }),
    ...(charset === undefined ? {} : { charset }),
    ...(robots === undefined ? {} : { robots: [robots].flat().join(', ') }),
    ...(headers.etag === undefined ? {} : { etag: headers.etag }),
    ...(headers['last-modified'] === undefined ? {} : { modified: headers['last-modified'] }),
    body: body === null ? null : await store.put(body),
  };
};
