/** A model call that is never paid for twice: the reply is kept under the identity of the question before it is used. */
import { ModelError } from '../core/errors.ts';
import { addUsage, noUsage } from '../core/usage.ts';
import { questionVersion } from '../core/versions.ts';
import type { Model, ModelReply, ModelRequest } from '../models/model.ts';
import type { Json, Usage } from '../schemas/common.ts';
import type { OpenCall } from '../schemas/ledger.ts';
import type { Plan } from '../schemas/plan.ts';
import { getJson, hashOf, putJson } from '../store/json.ts';
import type { Deps } from './deps.ts';
import type { CallEnd } from './ledger.ts';
import { modelSpecOf } from './plans.ts';

export interface Asked {
  reply: ModelReply;
  /** what this call cost; nothing when the answer was already there */
  usage: Usage;
  /** identity of the question */
  key: string;
}

export interface Asking {
  /** where its cost is written down: "filter/judge"; left out, the stage of the voice that asks, and the model */
  account?: string;
  /** true when the caller itself asks again what could not be read; left out, it is so of the agent's decisions */
  once?: boolean;
}

/** A question with a stored reply: what a dry walk over a plan hears of. */
export interface Known {
  /** name of the model in the plan */
  model: string;
  key: string;
  request: ModelRequest;
  /** what the reply cost when it was given */
  usage: Usage;
}

/** What is stored: the reply, the question it answers, and who paid. */
interface Kept {
  reply: Omit<ModelReply, 'value'> & { value: Json };
  request: Json;
  caller: string;
  /** the call in the ledger of its run */
  call?: string;
}

/**
 * The identity of a question: model (with its sampling parameters), text, schema, and `salt`, which tells apart questions that are
 * meant to be asked anew (another attempt, another retry).
 */
const questionKey = (model: string, request: Json, salt: Json): string =>
  hashOf({ unit: 'ask', version: questionVersion, model, request, salt });

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

/** Questions being asked right now by this process: the same one asked meanwhile waits for the same reply. */
const asking = new Map<string, Promise<Kept>>();

/** In place of an answer where nobody may be asked: the question that is not in the store, and whom it is for. */
export class Unanswered extends Error {
  override readonly name = 'Unanswered';
  readonly model: string;
  readonly key: string;
  readonly request: ModelRequest;
  constructor(model: string, key: string, request: ModelRequest) {
    super(`${model} was never asked this (${request.role})`);
    this.model = model;
    this.key = key;
    this.request = request;
  }
}

/**
 * Asks a model of the plan, unless the same question was answered before. The reply is on disk before this returns, so a worker that
 * dies right after pays nothing again; the retry of the same activity still reports the usage, another caller reports none.
 * A reply that is not what was asked for (empty, no JSON, another schema) is asked for once more; a refusal and a reply that was cut off
 * would only be so again.
 * With `deps.stored` nobody is asked: a question without a stored reply throws `Unanswered`.
 */
export async function ask(
  deps: Deps,
  plan: Plan,
  name: string,
  request: ModelRequest,
  salt: Json,
  asking: Asking = {},
): Promise<Asked> {
  const first = await askThis(deps, plan, name, request, salt, asking);
  const once = asking.once ?? request.role === 'decide';
  if (first.reply.stop !== 'unparseable' || once) return first;
  const again = await askThis(deps, plan, name, request, { again: 1, salt }, asking);
  return { ...again, usage: addUsage(first.usage, again.usage) };
}

/** The stage that a voice belongs to, as costs are counted. */
const stageOfRole = (role: string): string => {
  if (role === 'decide') return 'interact';
  if (role.startsWith('relabel')) return 'construct';
  return role === 'vote' ? 'filter' : role;
};

async function askThis(
  deps: Deps,
  plan: Plan,
  name: string,
  request: ModelRequest,
  salt: Json,
  { account = `${stageOfRole(request.role)}/${name}` }: Asking,
): Promise<Asked> {
  const model = await deps.model(plan, name);
  const question = asJson(request);
  const key = questionKey(model.identity, question, salt);
  const me = deps.caller();
  const known = await deps.store.memo(key);
  if (known === undefined && deps.stored !== undefined) throw new Unanswered(name, key, request);
  const { provider, timeout } = modelSpecOf(plan, name);
  // Nobody charges for these.
  const free = provider === 'local' || provider === 'scripted';
  const call = free ? undefined : { account, key, until: Date.now() + (timeout + 60) * 1000 };
  const kept =
    known === undefined
      ? await askOnce(key, () => askNow(deps, model, request, { key, question, me, call }))
      : await getJson<Kept>(deps.store, known);
  deps.stored?.({ model: name, key, request, usage: kept.reply.usage });
  return { reply: restore(kept), usage: kept.caller === me ? kept.reply.usage : noUsage, key };
}

async function askOnce(key: string, work: () => Promise<Kept>): Promise<Kept> {
  for (;;) {
    const other = asking.get(key);
    if (other === undefined) break;
    try {
      return await other;
    } catch {
      // The other's failure is its own (it may have been cancelled): this one asks for itself.
    }
  }
  const mine = work().finally(() => asking.delete(key));
  asking.set(key, mine);
  return mine;
}

interface Question {
  key: string;
  question: Json;
  me: string;
  /** as it is written down before it is made */
  call: Omit<OpenCall, 'id'> | undefined;
}

async function askNow(
  deps: Deps,
  model: Model,
  request: ModelRequest,
  { key, question, me, call: planned }: Question,
): Promise<Kept> {
  const since = deps.queuedAt?.();
  const call = planned === undefined ? undefined : await deps.ledger?.begin(runOf(me), planned);
  let how: CallEnd = 'free';
  try {
    const reply = await model.complete(request, {
      signal: AbortSignal.any([deps.cancelled(), deps.signal]),
      ...(since === undefined ? {} : { since }),
    });
    how = reply.usage;
    const mine = call === undefined ? {} : { call: call.id };
    const kept: Kept = { reply: { ...reply, value: reply.value ?? null }, request: question, caller: me, ...mine };
    return getJson<Kept>(deps.store, await deps.store.remember(key, await putJson(deps.store, kept)));
  } catch (error) {
    if (error instanceof ModelError && error.lost) how = 'lost';
    throw error;
  } finally {
    await call?.end(how);
  }
}

/** The run in `<pipeline>/<run>/…`. */
const runOf = (me: string): string => me.split('/')[1] ?? 'none';

const restore = (kept: Kept): ModelReply => ({
  ...kept.reply,
  value: kept.reply.stop === 'complete' ? kept.reply.value : undefined,
});
