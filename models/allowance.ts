/** Reads what providers say of their limits in the headers of every answer, so that they need not refuse to be understood. */
import type { Allowance, ModelContext } from './model.ts';
import { providerFetch } from './provider-fetch.ts';

/** The part of a limit below which the next calls are as good as refused. */
const nearlyNothing = 0.02;

const families = [
  (kind: string) => ({
    limit: `anthropic-ratelimit-${kind}-limit`,
    remaining: `anthropic-ratelimit-${kind}-remaining`,
  }),
  (kind: string) => ({ limit: `x-ratelimit-limit-${kind}`, remaining: `x-ratelimit-remaining-${kind}` }),
];
const kinds = ['requests', 'tokens', 'input-tokens', 'output-tokens'];

const numberIn = (headers: Headers, name: string): number | undefined => {
  const text = headers.get(name)?.trim() ?? '';
  const value = Number(text);
  return text !== '' && Number.isFinite(value) && value >= 0 ? value : undefined;
};

/**
 * What the headers say; undefined when they say nothing.
 * @param perMinute whether this service's limits are per minute: a compatible server's may be per second or per day
 */
export function allowanceIn(headers: Headers, perMinute: boolean): Allowance | undefined {
  let requests: number | undefined;
  let spent = false;
  let heard = false;
  for (const family of families)
    for (const kind of kinds) {
      const names = family(kind);
      const limit = numberIn(headers, names.limit);
      const remaining = numberIn(headers, names.remaining);
      if (limit === undefined || limit === 0) continue;
      heard = true;
      if (kind === 'requests') requests = limit;
      if (remaining !== undefined && remaining < nearlyNothing * limit) spent = true;
    }
  if (!heard) return undefined;
  return { spent, ...(perMinute && requests !== undefined ? { perMinute: requests } : {}) };
}

/** A `fetch` for a vendor's client that tells what it reads of limits, where somebody listens. */
export const listeningFetch = ({ allowed }: ModelContext, perMinute: boolean): typeof fetch =>
  allowed === undefined
    ? providerFetch
    : async (input, init) => {
        const response = await providerFetch(input, init);
        // A refusal is told by its error.
        const allowance = response.ok ? allowanceIn(response.headers, perMinute) : undefined;
        if (allowance !== undefined) allowed(allowance);
        return response;
      };
