/**
 * Decodes payloads for the Temporal UI, which asks from the browser: `/decode` and `/encode` as Temporal's tools expect them. Answers on this
 * machine alone, and only pages of the origins it was told: any other page open in the same browser could ask as well.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Payload } from '@temporalio/common';
import proto from '@temporalio/proto';
import { LbiError } from '../../core/errors.ts';
import { encryptionCodec } from './codec.ts';

const { Payload: PayloadMessage } = proto.temporal.api.common.v1;

export interface CodecServer {
  url: string;
  port: number;
  close(): Promise<void>;
}

const host = '127.0.0.1';
/** A page of the UI asks for some hundred payloads at once. */
const mostBytes = 32e6;

/**
 * @param options.origins pages that may ask, e.g. `http://127.0.0.1:8233`
 * @param options.port 0 takes any
 * Throws an operator error when the port is taken.
 */
export async function startCodecServer({ origins, port }: { origins: string[]; port: number }): Promise<CodecServer> {
  const server = createServer((request, response) => void answer(request, response, origins));
  await new Promise<void>((ready, failed) => {
    server.once('error', (error) =>
      failed(new LbiError('operator', `the codec server cannot listen at ${host}:${port}: ${error.message}`)),
    );
    server.listen(port, host, ready);
  });
  const taken = (server.address() as AddressInfo).port;
  return { url: `http://${host}:${taken}`, port: taken, close: () => closed(server) };
}

const closed = (server: Server): Promise<void> =>
  new Promise((done) => {
    server.close(() => done());
    server.closeAllConnections();
  });

async function answer(request: IncomingMessage, response: ServerResponse, origins: string[]): Promise<void> {
  const end = (status: number, body: object): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  const { origin } = request.headers;
  // A name that leads to this machine is not enough: a page may have made one (DNS rebinding).
  if (!isHere(request)) return end(403, { error: 'asked by another name than this machine has' });
  if (origin !== undefined && !origins.includes(origin))
    return end(403, { error: `pages of ${origin} may not ask; allowed are ${origins.join(', ')}` });
  if (origin !== undefined) {
    response.setHeader('access-control-allow-origin', origin);
    response.setHeader('access-control-allow-headers', 'content-type,x-namespace,authorization');
    response.setHeader('access-control-allow-methods', 'POST');
    response.setHeader('access-control-allow-credentials', 'true');
    response.setHeader('vary', 'origin');
  }
  if (request.method === 'OPTIONS') return void response.writeHead(204).end();
  const work = { '/decode': 'decode', '/encode': 'encode' }[request.url ?? ''] as 'decode' | 'encode' | undefined;
  if (work === undefined || request.method !== 'POST') return end(404, { error: 'POST /decode or /encode' });
  // Forms and scripts of other pages can send text without asking first; JSON they cannot.
  if (!/^application\/json\b/.test(request.headers['content-type'] ?? ''))
    return end(415, { error: 'expected application/json' });
  try {
    const payloads = payloadsOf(await bodyOf(request));
    const done = await encryptionCodec()[work](payloads);
    end(200, { payloads: done.map((payload) => PayloadMessage.create(payload).toJSON()) });
  } catch (error) {
    end(400, { error: error instanceof Error ? error.message : String(error) });
  }
}

const isHere = (request: IncomingMessage): boolean =>
  /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(request.headers.host ?? '');

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length;
    if (bytes > mostBytes) throw new Error(`more than ${mostBytes / 1e6} MB at once`);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString();
}

function payloadsOf(text: string): Payload[] {
  const { payloads } = Object(JSON.parse(text)) as { payloads?: unknown };
  if (!Array.isArray(payloads)) throw new Error('expected {"payloads": […]}');
  return payloads.map((payload) => {
    const said = Object(payload) as { metadata?: Record<string, string>; data?: string };
    const bytes = (base64: string): Buffer => Buffer.from(base64, 'base64');
    const metadata = Object.entries(said.metadata ?? {}).map(([name, value]) => [name, bytes(value)]);
    return { metadata: Object.fromEntries(metadata), data: bytes(said.data ?? '') };
  });
}
