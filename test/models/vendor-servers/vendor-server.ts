/** A local HTTP server that answers like a vendor's API: told what to say in neutral words, it says it in the vendor's form. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JsonObject } from '../../../schemas/common.ts';

/** A reply in neutral words; token counts as the contract means them (`input` includes `cached` and `cacheWrites`). */
export interface Reply {
  text: string;
  stop?: 'complete' | 'length' | 'refusal';
  input?: number;
  cached?: number;
  cacheWrites?: number;
  output?: number;
  /** Part of `output` that was reasoning. */
  reasoning?: number;
}

export type Failure =
  | 'rate-limited'
  | 'overloaded'
  | 'unavailable'
  | 'server-fault'
  | 'request-timeout'
  | 'conflict'
  | 'bad-key'
  | 'forbidden'
  | 'no-credit'
  | 'no-model'
  | 'bad-request'
  | 'too-large'
  | 'unprocessable';

export interface Received {
  path: string;
  headers: IncomingMessage['headers'];
  body: JsonObject;
}

export interface HttpAnswer {
  status: number;
  headers?: Record<string, string>;
  body: unknown;
}

/** How one vendor speaks. */
export interface Dialect {
  /** What its API would refuse about a request, or undefined: so that a wrong request cannot pass a test. */
  refuses(received: Received): HttpAnswer | undefined;
  reply(reply: Reply, received: Received): unknown;
  failures: Record<Failure, HttpAnswer>;
}

export interface VendorServer {
  url: string;
  received: Received[];
  /** What the next requests are answered with, until told otherwise. */
  says(reply: Reply): void;
  fails(failure: Failure, headers?: Record<string, string>): void;
  answers(answer: HttpAnswer): void;
  /** Accepts the next request and is silent, before the headers or in the middle of the body. */
  stalls(where: 'before headers' | 'in the body'): void;
  /** Resolves when the next request has arrived. */
  arrival(): Promise<void>;
  close(): Promise<void>;
}

type Behaviour = (received: Received, response: ServerResponse) => void;

const send = (response: ServerResponse, { status, headers = {}, body }: HttpAnswer): void => {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const type = typeof body === 'string' ? 'text/html' : 'application/json';
  response.writeHead(status, { 'content-type': type, ...headers }).end(text);
};

export const startVendorServer = async (dialect: Dialect): Promise<VendorServer> => {
  const received: Received[] = [];
  let behaviour: Behaviour = (_, response) => send(response, { status: 500, body: 'told nothing to say' });
  let arrived = Promise.withResolvers<void>();
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const one = {
      path: request.url ?? '',
      headers: request.headers,
      body: JSON.parse(Buffer.concat(chunks).toString() || '{}') as JsonObject,
    };
    received.push(one);
    arrived.resolve();
    arrived = Promise.withResolvers<void>();
    const refusal = dialect.refuses(one);
    if (refusal) send(response, refusal);
    else behaviour(one, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const answers = (answer: HttpAnswer) => {
    behaviour = (_, response) => send(response, answer);
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    answers,
    says: (reply) => {
      behaviour = (one, response) => send(response, { status: 200, body: dialect.reply(reply, one) });
    },
    fails: (failure, headers = {}) => {
      const known = dialect.failures[failure];
      answers({ ...known, headers: { ...known.headers, ...headers } });
    },
    stalls: (where) => {
      behaviour = (_, response) => {
        if (where === 'in the body') response.writeHead(200, { 'content-type': 'application/json' }).write('{"id":');
      };
    },
    arrival: () => arrived.promise,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

/** Every object inside a JSON value. */
export function* objectsIn(value: unknown): Generator<JsonObject> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield value as JsonObject;
  for (const inner of Object.values(value)) yield* objectsIn(inner);
}

/** The key every server accepts, of no vendor's shape; servers repeat it in their error bodies, as bad proxies do. */
export const testKey = 'opensesame-0123456789';
/** A key of a vendor's shape that is not the caller's, as a proxy's own; also repeated. */
export const foreignKey = 'sk-foreign-0123456789abcdef';
