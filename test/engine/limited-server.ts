/** A provider with a limit, in front of a model server: a token bucket, refusals with or without Retry-After and headers, and who came when. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface LimitedOptions {
  /** the model server behind it, as `base_url`; without one it answers something by itself */
  behind?: string;
  /** milliseconds that its own answers take */
  latency?: number;
  /** calls a second; Infinity for none. Asked for each call, so that it may change. */
  limit(): number;
  /** calls that are let through at once after a rest */
  burst: number;
  /** whether a refusal says how long to wait */
  retryAfter: boolean;
  /** whether every answer says what is left */
  headers: boolean;
}

export interface LimitedServer {
  url: string;
  /** when each call was let through or refused, in milliseconds since the epoch */
  accepted: number[];
  refused: number[];
  /** most calls that were in flight at once since this was last set to 0 */
  peak: number;
  close(): Promise<void>;
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

const something = async (latency: number): Promise<string> => {
  await sleep(latency);
  const message = { role: 'assistant', content: '{}', refusal: null };
  const usage = { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 };
  const choices = [{ index: 0, finish_reason: 'stop', message }];
  return JSON.stringify({ id: 'reply', object: 'chat.completion', created: 0, model: 'm', choices, usage });
};

async function ask(behind: string, request: IncomingMessage, body: Buffer): Promise<string> {
  const path = (request.url ?? '').replace(/^\/v1/, '');
  const headers = { 'content-type': 'application/json' };
  return (await fetch(`${behind}${path}`, { method: 'POST', headers, body: body.toString() })).text();
}

export async function limitedServer(options: LimitedOptions): Promise<LimitedServer> {
  let bucket = options.burst;
  let filled = Date.now();
  let inFlight = 0;
  const fill = (): number => {
    const now = Date.now();
    const limit = options.limit();
    bucket = Math.min(
      options.burst,
      bucket + (Number.isFinite(limit) ? (limit * (now - filled)) / 1000 : options.burst),
    );
    filled = now;
    return limit;
  };
  const server = createServer(async (request, response) => {
    const body = await bodyOf(request);
    const limit = fill();
    const open = bucket >= 1;
    if (open) bucket -= 1;
    if (options.headers) {
      response.setHeader('x-ratelimit-limit-requests', String(Math.ceil(options.burst)));
      response.setHeader('x-ratelimit-remaining-requests', String(Math.floor(bucket)));
    }
    if (!open) {
      state.refused.push(Date.now());
      if (options.retryAfter) response.setHeader('retry-after', String(Math.max(1, Math.ceil((1 - bucket) / limit))));
      response.writeHead(429, { 'content-type': 'application/json' });
      response.end('{"error":{"message":"too many requests"}}');
      return;
    }
    state.accepted.push(Date.now());
    inFlight += 1;
    state.peak = Math.max(state.peak, inFlight);
    try {
      const answer =
        options.behind === undefined ? await something(options.latency ?? 0) : await ask(options.behind, request, body);
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(answer);
    } catch {
      response.destroy();
    } finally {
      inFlight -= 1;
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const state: LimitedServer = {
    url: `http://127.0.0.1:${port}/v1`,
    accepted: [],
    refused: [],
    peak: 0,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return state;
}
