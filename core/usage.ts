/** Adding up what model calls consumed. */
import type { Usage } from '../schemas/common.ts';

export const noUsage: Usage = { calls: 0, input: 0, cached: 0, cacheWrites: 0, output: 0, usd: 0 };

export const addUsage = (a: Usage, b: Usage): Usage => ({
  calls: a.calls + b.calls,
  input: a.input + b.input,
  cached: a.cached + b.cached,
  cacheWrites: a.cacheWrites + b.cacheWrites,
  output: a.output + b.output,
  usd: a.usd + b.usd,
});

/** Adds usage to one account of a ledger ("interact/actor"), in place. */
export const charge = (ledger: Record<string, Usage>, account: string, usage: Usage): void => {
  ledger[account] = addUsage(ledger[account] ?? noUsage, usage);
};

/** Adds one ledger to another, in place. */
export const chargeAll = (ledger: Record<string, Usage>, more: Record<string, Usage>): void => {
  for (const [account, usage] of Object.entries(more)) charge(ledger, account, usage);
};

/** Adds counts by reason, in place. */
export const count = (counts: Record<string, number>, reason: string, by = 1): void => {
  counts[reason] = (counts[reason] ?? 0) + by;
};
