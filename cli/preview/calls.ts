/** The calls of a preview: what may cost money is asked for first, a busy provider is waited for, and everything is counted. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Deps } from '../../activities/deps.ts';
import { modelSpecOf } from '../../activities/plans.ts';
import { LbiError } from '../../core/errors.ts';
import { charge } from '../../core/usage.ts';
import type { Usage } from '../../schemas/common.ts';
import type { Plan } from '../../schemas/plan.ts';
import { priceSource } from '../plan/price.ts';

/** Thrown where a person does not agree to pay. */
export class Declined extends Error {}

/** True when a call of the model costs money, as far as is known: an unknown price is no promise. */
export function costsMoney(plan: Plan, name: string): boolean {
  const spec = modelSpecOf(plan, name);
  const source = priceSource(spec);
  if (source === 'pipeline') return spec.price !== undefined && spec.price.input + spec.price.output > 0;
  return source === 'list' || source === 'unknown';
}

/** The same dependencies, except that the first paid call of each preview waits for a yes. */
export function askingFirst(deps: Deps, agree: (model: string) => Promise<boolean>): Deps {
  let agreed: Promise<boolean> | undefined;
  return {
    ...deps,
    model: async (plan, name) => {
      const model = await deps.model(plan, name);
      if (!costsMoney(plan, name)) return model;
      return {
        ...model,
        complete: async (request, options) => {
          agreed ??= agree(name);
          if (!(await agreed)) throw new Declined();
          return model.complete(request, options);
        },
      };
    },
  };
}

const patience = 4;

/** A busy provider is waited for a few times; all else is thrown at once. */
export async function patiently<T>(
  work: () => Promise<T>,
  signal: AbortSignal,
  say: (text: string) => void,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      const passing = error instanceof LbiError && ['rate-limited', 'transient'].includes(error.kind);
      if (!passing || attempt >= patience || signal.aborted) throw error;
      const wait = Math.min(error.retryAfterMs ?? 1000 * 2 ** attempt, 30_000);
      say(`${error.message}; trying again in ${Math.ceil(wait / 1000)} s`);
      await sleep(wait, undefined, { signal });
    }
  }
}

/** What was asked, and how often the store had the answer. */
export interface Bill {
  usage: Record<string, Usage>;
  stored: number;
}

export const count = (bill: Bill, account: string, usage: Usage): void => {
  if (usage.calls === 0) bill.stored += 1;
  charge(bill.usage, account, usage);
};
