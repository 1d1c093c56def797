/** One server that breaks in every way a provider can, in the form of three vendors, and counts what it is asked. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JsonObject } from '../../schemas/common.ts';
import { anthropicDialect } from '../models/vendor-servers/anthropic.ts';
import { googleDialect } from '../models/vendor-servers/google.ts';
import { openaiDialect } from '../models/vendor-servers/openai.ts';
import type { Dialect, HttpAnswer, Received } from '../models/vendor-servers/vendor-server.ts';
import { certificate, certificateKey } from './certificate.ts';

export const vendors = ['anthropic', 'google', 'openai'] as const;
export type Vendor = (typeof vendors)[number];

const dialects: Record<Vendor, Dialect> = {
  anthropic: anthropicDialect,
  google: googleDialect,
  openai: openaiDialect,
};

/** What a request is answered with. */
export interface Answering {
  dialect: Dialect;
  received: Received;
  request: IncomingMessage;
  response: ServerResponse;
  /** address of a host that must never be asked anything */
  elsewhere: string;
  /** the answer of a vendor that is well */
  well(): void;
}

export type Behaviour = (answering: Answering) => void | Promise<void>;

export interface StormServer {
  /** the address that a model of that vendor is given, below the name of the cause */
  baseUrl(vendor: Vendor, cause: string): string;
  /** the same behind a certificate that nobody trusts */
  tlsUrl(vendor: Vendor, cause: string): string;
  /** requests by `<cause>/<vendor>` */
  requests: Map<string, number>;
  /** requests that came where a redirect points */
  strayed: number;
  close(): Promise<void>;
}

export const send = (response: ServerResponse, { status, headers = {}, body }: HttpAnswer): void => {
  const page = typeof body === 'string';
  response.writeHead(status, { 'content-type': page ? 'text/html' : 'application/json', ...headers });
  response.end(page ? body : JSON.stringify(body));
};

/** A body that comes byte by byte, ten in a second, and never ends. */
export async function drip(response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/json' });
  while (!response.destroyed) {
    response.write(' ');
    await sleep(100);
  }
}

const tasks = JSON.stringify({ tasks: ['Switch the first lamp on.'] });

async function bodyOf(request: IncomingMessage): Promise<JsonObject> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString() || '{}') as JsonObject;
}

const listening = async (server: ReturnType<typeof createServer>): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
};

/** @param behaviours by cause; the cause is read from the address, or from the document where the address names none */
export async function startStorm(behaviours: Record<string, Behaviour>): Promise<StormServer> {
  const requests = new Map<string, number>();
  const state = { strayed: 0, elsewhere: '' };
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [, vendor = '', place = '', ...rest] = (request.url ?? '').split('/');
    const body = await bodyOf(request);
    const named = /Page of the cause ([\w-]+)/.exec(JSON.stringify(body))?.[1];
    const cause = place === 'shared' ? (named ?? place) : place;
    const key = `${cause}/${vendor}`;
    requests.set(key, (requests.get(key) ?? 0) + 1);
    const dialect = dialects[vendor as Vendor];
    const received = { path: `/${rest.join('/')}`, headers: request.headers, body };
    const refusal = dialect.refuses(received);
    if (refusal !== undefined) return send(response, refusal);
    const well = (): void =>
      send(response, { status: 200, body: dialect.reply({ text: tasks, input: 100, output: 10 }, received) });
    const { elsewhere } = state;
    await (behaviours[cause] ?? well)({ dialect, received, request, response, elsewhere, well });
  };
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    handle(request, response).catch(() => response.destroy());
  };
  const plain = createServer(listener);
  const secure = createTlsServer({ key: certificateKey, cert: certificate }, listener);
  const stranger = createServer((_, response) => {
    state.strayed += 1;
    response.writeHead(200).end('{}');
  });
  const [port, tlsPort, strangePort] = [await listening(plain), await listening(secure), await listening(stranger)];
  state.elsewhere = `http://127.0.0.1:${strangePort}/`;
  const below = (vendor: Vendor, cause: string): string => `${vendor}/${cause}${vendor === 'openai' ? '/v1' : ''}`;
  return {
    baseUrl: (vendor, cause) => `http://127.0.0.1:${port}/${below(vendor, cause)}`,
    tlsUrl: (vendor, cause) => `https://127.0.0.1:${tlsPort}/${below(vendor, cause)}`,
    requests,
    get strayed() {
      return state.strayed;
    },
    close: async () => {
      for (const server of [plain, secure, stranger]) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
}
