/** One HTTP request: no redirect is followed, and neither a slow nor a huge answer can hold the reading up. */
import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { hostOf, innerRefused, isInner, outerLookup } from './addresses.ts';

export interface Response {
  status: number;
  headers: IncomingMessage['headers'];
  /** Unpacked. Null: it was longer than allowed, or not wanted. */
  body: Uint8Array | null;
}

interface RequestOptions {
  headers: Record<string, string>;
  /** Milliseconds until the answer must be here in full. */
  timeout: number;
  /** Most bytes, unpacked. */
  maxBytes: number;
  /** Whether a body of this kind is wanted at all. */
  wanted(headers: IncomingMessage['headers']): boolean;
  signal: AbortSignal;
}

export interface Requester {
  /** Throws what the network throws, an AbortError, or a `TimeoutError`. */
  get(url: URL, options: RequestOptions): Promise<Response>;
  close(): void;
}

/** One connection at a time. @param innerToo whether hosts of the inner network may be asked */
export const openRequester = (innerToo: boolean): Requester => {
  const one = { keepAlive: true, maxSockets: 1 };
  const agents = { 'http:': new HttpAgent(one), 'https:': new HttpsAgent(one) };
  return {
    get: async (url, options) => {
      const host = hostOf(url);
      if (!innerToo && isIP(host) !== 0 && isInner(host)) throw innerRefused(host, host);
      const signal = AbortSignal.any([options.signal, AbortSignal.timeout(options.timeout)]);
      return new Promise((resolve, reject) => {
        // The socket's error says less than the signal that ended it.
        const fail = (error: unknown) => reject(signal.aborted ? signal.reason : error);
        const secure = url.protocol === 'https:';
        const asked = (secure ? requestHttps : requestHttp)(url, {
          agent: secure ? agents['https:'] : agents['http:'],
          headers: { 'accept-encoding': 'gzip, deflate, br', ...options.headers },
          signal,
          ...(innerToo ? {} : { lookup: outerLookup }),
        });
        asked.on('error', fail);
        asked.on('response', (message) => {
          message.on('error', fail);
          readBody(message, options).then((body) => {
            if (body === null) asked.destroy();
            resolve({ status: message.statusCode ?? 0, headers: message.headers, body });
          }, fail);
        });
        asked.end();
      });
    },
    close: () => {
      for (const agent of Object.values(agents)) agent.destroy();
    },
  };
};

const readBody = async (message: IncomingMessage, { maxBytes, wanted }: RequestOptions): Promise<Uint8Array | null> => {
  const announced = Number(message.headers['content-length'] ?? 0);
  if (!wanted(message.headers) || announced > maxBytes) return null;
  const unpack = unpackerOf(message.headers['content-encoding'] ?? '');
  const stream = unpack === undefined ? message : message.pipe(unpack);
  if (unpack !== undefined) message.on('error', (error) => unpack.destroy(error));
  message.on('aborted', () => unpack?.destroy(new Error('the answer ended early')));
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
};

const unpackerOf = (encoding: string): Duplex | undefined => {
  if (/\b(?:x-)?gzip\b/i.test(encoding)) return createGunzip();
  if (/\bbr\b/i.test(encoding)) return createBrotliDecompress();
  return /\bdeflate\b/i.test(encoding) ? createInflate() : undefined;
};
