/** Caps of a run: what may still be begun, and which cap is reached. Pure, so that the workflow can ask at any moment. */

/** What is capped; null is no cap. Money in US dollars, tokens input and output together, time in hours since the run began. */
export interface Caps {
  usd: number | null;
  tokens: number | null;
  hours: number | null;
}

export type Amounts = { [K in keyof Caps]: number };

/** The option of `lbi resume` that raises each cap. */
const raisedBy: { [K in keyof Caps]: string } = {
  usd: '--budget USD',
  tokens: '--budget-tokens N',
  hours: '--budget-hours N',
};

const inWords: { [K in keyof Caps]: (amount: number) => string } = {
  usd: (amount) => `$${amount.toFixed(2)}`,
  tokens: (amount) => `${Math.round(amount)} tokens`,
  hours: (amount) => `${amount.toFixed(amount < 1 ? 3 : 1)} hours`,
};

const kinds = ['usd', 'tokens', 'hours'] as const;

/** True when nothing that is spent or reserved touches a cap: one more task may begin. */
export const mayBegin = (caps: Caps, spent: Amounts, reserved: Amounts): boolean =>
  kinds.every((kind) => {
    const cap = caps[kind];
    return cap === null || spent[kind] + reserved[kind] < cap;
  });

/** Which cap is reached, and the command that raises it; undefined while none is. */
export function capReached(caps: Caps, spent: Amounts, run: string): string | undefined {
  const kind = kinds.find((candidate) => spent[candidate] >= (caps[candidate] ?? Number.POSITIVE_INFINITY));
  if (kind === undefined) return undefined;
  const [used, cap] = [inWords[kind](spent[kind]), inWords[kind](caps[kind] ?? 0)];
  return `the budget of ${cap} is spent (${used}): lbi resume ${run} ${raisedBy[kind]}`;
}
