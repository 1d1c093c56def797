/** Questions whose stored reply cannot be read: another reply that can takes its place, and a new one is asked for only when a person says so. */
import { addUsage } from '../core/usage.ts';
import type { ModelReply, ModelRequest } from '../models/model.ts';
import type { Json } from '../schemas/common.ts';
import type { Plan } from '../schemas/plan.ts';
import { type Asked, type Asking, ask, Unanswered } from './ask.ts';
import type { Deps } from './deps.ts';

export interface Question {
  model: string;
  /** the same question with another seed each time */
  request(time: number): ModelRequest;
  salt: Json;
  /** whether the stage can use the reply */
  understood(reply: ModelReply): boolean;
  /** true when a new reply is asked for where no stored one can be read */
  again: boolean;
  /** under which account it is paid */
  asking?: Asking;
}

/** The first reply that can be read, of those that were given; else one more is asked for where that is wanted. */
export async function askReadable(deps: Deps, plan: Plan, question: Question): Promise<Asked> {
  const { model, request, salt, understood, again, asking } = question;
  let asked = await ask(deps, plan, model, request(0), salt, asking);
  for (let time = 1; !understood(asked.reply); time += 1) {
    // Just paid for: that was the new one.
    if (asked.usage.calls > 0) return asked;
    const other = { request: request(time), salt: { salt, again: time } };
    const known = await storedReply(deps, plan, model, other.request, other.salt);
    if (known === undefined && (!again || deps.stored !== undefined)) return asked;
    const next = known ?? (await ask(deps, plan, model, other.request, other.salt, asking));
    asked = { ...next, usage: addUsage(asked.usage, next.usage) };
  }
  return asked;
}

/** The stored reply to a question, or undefined; nobody is asked. */
async function storedReply(
  deps: Deps,
  plan: Plan,
  model: string,
  request: ModelRequest,
  salt: Json,
): Promise<Asked | undefined> {
  try {
    return await ask({ ...deps, stored: deps.stored ?? (() => undefined) }, plan, model, request, salt);
  } catch (error) {
    if (error instanceof Unanswered) return undefined;
    throw error;
  }
}
