/** A model call that is never paid for twice: the reply is kept under the identity of the question before it is used. */
import { noUsage } from '../core/usage.ts';
import type { ModelReply, ModelRequest } from '../models/model.ts';
import type { Json, Usage } from '../schemas/common.ts';
import type { Plan } from '../schemas/plan.ts';
import { getJson, hashOf, putJson } from '../store/json.ts';
import type { Deps } from './deps.ts';
import { caller, cancelled } from './failures.ts';

export interface Asked {
  reply: ModelReply;
  /** what this call cost; nothing when the answer was already there */
  usage: Usage;
}

/** What is stored: the reply, the question it answers, and who paid. */
interface Kept {
  reply: Omit<ModelReply, 'value'> & { value: Json };
  request: Json;
  caller: string;
}

/**
 * The identity of a question: model (with its sampling parameters), text, schema, and `salt`, which tells apart questions that are
 * meant to be asked anew (another attempt, another retry).
 */
const questionKey = (model: string, request: Json, salt: Json): string =>
  hashOf({ unit: 'ask', version: 1, model, request, salt });

/** The request as JSON: images by their bytes in base64. */
const asJson = (request: ModelRequest): Json => ({
  role: request.role,
  system: request.system,
  messages: request.messages.map(({ role, content }) => ({
    role,
    content: content.map((part) =>
      part.type === 'text'
        ? { type: 'text', text: part.text }
        : { type: 'image', mime: part.mime, data: Buffer.from(part.data).toString('base64') },
    ),
  })),
  schema: request.schema,
  yesNo: request.yesNo ?? [],
  maxTokens: request.maxTokens,
  temperature: request.temperature ?? null,
  seed: request.seed ?? null,
});

/**
 * Asks a model of the plan, unless the same question was answered before. The reply is on disk before this returns, so a worker that
 * dies right after pays nothing again; the retry of the same activity still reports the usage, another caller reports none.
 */
export async function ask(deps: Deps, plan: Plan, name: string, request: ModelRequest, salt: Json): Promise<Asked> {
  const model = await deps.model(plan, name);
  const question = asJson(request);
  const key = questionKey(model.identity, question, salt);
  const me = caller();
  const known = await deps.store.memo(key);
  if (known !== undefined) {
    const kept = await getJson<Kept>(deps.store, known);
    return { reply: restore(kept), usage: kept.caller === me ? kept.reply.usage : noUsage };
  }
  const reply = await model.complete(request, { signal: AbortSignal.any([cancelled(), deps.signal]) });
  const kept: Kept = { reply: { ...reply, value: reply.value ?? null }, request: question, caller: me };
  const ref = await deps.store.remember(key, await putJson(deps.store, kept));
  const winner = await getJson<Kept>(deps.store, ref);
  return { reply: restore(winner), usage: reply.usage };
}

const restore = (kept: Kept): ModelReply => ({
  ...kept.reply,
  value: kept.reply.stop === 'complete' ? kept.reply.value : undefined,
});
