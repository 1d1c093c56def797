/** A counting model server: answers like an OpenAI-compatible one, from a script, and remembers every reply it gave and when. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Model, ModelRequest } from '../../models/model.ts';
import { scriptedModel } from '../../models/scripted.ts';

export interface CountingServer {
  url: string;
  /** by question: when each complete reply was handed to the network, in milliseconds since the epoch */
  replies: Map<string, number[]>;
  /** questions that arrived, answered or not */
  readonly asked: number;
  /** the status of every question that was refused, in order */
  refused: number[];
  close(): Promise<void>;
}

/** Whose voice asks, by how its prompt begins; HTTP does not carry it. */
const roles: [string, string][] = [
  ['invent tasks', 'instruct'],
  ['judge training data', 'vote'],
  ['You are an agent', 'decide'],
];

interface ChatBody {
  model: string;
  messages: { role: string; content: string | { type: string; text?: string }[] }[];
}

const textOf = (content: ChatBody['messages'][number]['content']): string =>
  typeof content === 'string' ? content : content.map(({ text }) => text ?? '').join('');

function asRequest({ messages }: ChatBody): ModelRequest {
  const system = textOf(messages.find(({ role }) => role === 'system')?.content ?? '');
  const user = messages
    .filter(({ role }) => role !== 'system')
    .map(({ content }) => textOf(content))
    .join('\n\n');
  const role = roles.find(([words]) => system.includes(words))?.[1] ?? 'relabel';
  return {
    role,
    system,
    messages: [{ role: 'user', content: [{ type: 'text', text: user }] }],
    schema: {},
    maxTokens: 1000,
  };
}

const read = async (request: IncomingMessage): Promise<string> => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
};

/** What a question gets in place of its reply: an HTTP status, or words that are no JSON; undefined for the reply. */
export type Refusal = number | 'babble' | undefined;

/**
 * @param script path of the script
 * @param delay milliseconds that each reply takes
 * @param refuse what a question is answered with in place of a reply, by its text and the key it came with
 */
export async function countingServer(
  script: string,
  delay: number,
  refuse: (question: string, key: string) => Refusal | Promise<Refusal> = () => undefined,
): Promise<CountingServer> {
  const model: Model = await scriptedModel(
    { provider: 'scripted', script },
    { file: (path) => path, secret: () => '', weights: async () => '' },
  );
  const replies = new Map<string, number[]>();
  const refused: number[] = [];
  let asked = 0;
  const server = createServer(async (request, response) => {
    const body = await read(request);
    asked += 1;
    const parsed = JSON.parse(body) as ChatBody;
    await sleep(delay);
    const status = await refuse(body, (request.headers.authorization ?? '').replace('Bearer ', ''));
    if (typeof status === 'number') {
      refused.push(status);
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error: { message: 'refused for a test' } }));
      return;
    }
    const reply = await model.complete(asRequest(parsed), { signal: new AbortController().signal });
    const question = createHash('sha256').update(body).digest('hex');
    const text = JSON.stringify({
      id: 'reply',
      object: 'chat.completion',
      created: 0,
      model: parsed.model,
      choices: [
        {
          index: 0,
          finish_reason: 'stop',
          message: {
            role: 'assistant',
            content: status === 'babble' ? 'I would rather not say.' : JSON.stringify(reply.value),
            refusal: null,
          },
        },
      ],
      usage: { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 },
    });
    response.writeHead(200, { 'content-type': 'application/json' });
    // Counted only when the client was still there to take it, and could read it.
    if (status === 'babble') response.end(text);
    else if (!response.destroyed)
      response.end(text, () => replies.set(question, [...(replies.get(question) ?? []), Date.now()]));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    replies,
    refused,
    get asked() {
      return asked;
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
