/** The JSONL form of a script: replies recorded under the hash of their request. */
import { createHash } from 'node:crypto';
import { ModelError } from '../../core/errors.ts';
import type { Json } from '../../schemas/common.ts';
import type { ModelReply, ModelRequest } from '../model.ts';

/**
 * sha256 of what a request asks: role, prompts (images by their own hash), reply schema, sampling. Not of what only shapes the
 * decoding (`narrowSchema`, `yesNo`) or caps it (`maxTokens`).
 */
export function requestHash(request: ModelRequest): string {
  const messages = request.messages.map(({ role, content }) => ({
    role,
    content: content.map((part) => (part.type === 'text' ? part.text : { mime: part.mime, sha256: sha256(part.data) })),
  }));
  const { role, system, schema, temperature, seed } = request;
  return sha256(canonical({ role, system, messages, schema, temperature: temperature ?? null, seed: seed ?? null }));
}

/** The line to append to a recording, with its newline. */
export function recordRequest(request: ModelRequest, reply: ModelReply): string {
  return `${JSON.stringify({ request: requestHash(request), role: request.role, reply })}\n`;
}

/** Replies by request hash. Throws a `spec` ModelError with file and line for a line that is not a record. */
export function readRecording(text: string, path: string): Map<string, ModelReply> {
  const replies = new Map<string, ModelReply>();
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const record = parseRecord(line);
    if (record === undefined) {
      const expected = 'expected {"request": "<64 hex digits>", "reply": {"text", "stop", "usage", "model", …}}';
      throw new ModelError('spec', `${path}:${index + 1}: not a recorded reply; ${expected}`);
    }
    replies.set(record.request, record.reply);
  }
  return replies;
}

function parseRecord(line: string): { request: string; reply: ModelReply } | undefined {
  try {
    const record = JSON.parse(line) as { request?: unknown; reply?: Partial<ModelReply> };
    const { request, reply } = record;
    if (typeof request !== 'string' || !/^[0-9a-f]{64}$/.test(request) || typeof reply !== 'object') return undefined;
    if (reply.text === undefined || reply.stop === undefined || reply.usage === undefined) return undefined;
    return { request, reply: { ...reply, value: reply.value } as ModelReply };
  } catch {
    return undefined;
  }
}

/** JSON with sorted keys. */
function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const members = Object.keys(value)
    .toSorted()
    .map((name) => `${JSON.stringify(name)}:${canonical(value[name] ?? null)}`);
  return `{${members.join(',')}}`;
}

const sha256 = (data: string | Uint8Array) => createHash('sha256').update(data).digest('hex');
