/** Caps of a run, of its stages and of a task: what may still be begun, and which cap is reached. Pure, so that the workflow can ask at any moment. */
import type { Usage } from '../schemas/common.ts';
import type { PaidStage, StageCaps } from '../schemas/flow.ts';
import { addUsage, noUsage } from './usage.ts';

/** What is capped; null is no cap. Money in US dollars, tokens input and output together, time in hours since the run began. */
export interface Caps {
  usd: number | null;
  tokens: number | null;
  hours: number | null;
}

export type Amounts = { [K in keyof Caps]: number };

const inWords: { [K in keyof Caps]: (amount: number) => string } = {
  usd: (amount) => (amount > 0 && amount < 0.1 ? `$${amount.toFixed(4)}` : `$${amount.toFixed(2)}`),
  tokens: (amount) => `${Math.round(amount)} tokens`,
  hours: (amount) => `${amount.toFixed(amount < 1 ? 3 : 1)} hours`,
};

const kinds = ['usd', 'tokens', 'hours'] as const;

export const amountsOf = (usage: Usage | undefined): Amounts => ({
  usd: usage?.usd ?? 0,
  tokens: (usage?.input ?? 0) + (usage?.output ?? 0),
  hours: 0,
});

/**
 * True when nothing that is spent or reserved touches a cap, and what one more task is known to take still fits: it may begin.
 * @param own what the task may take, where that is capped
 */
export const mayBegin = (caps: Caps, spent: Amounts, reserved: Amounts, own: Partial<Amounts> = {}): boolean =>
  kinds.every((kind) => {
    const cap = caps[kind];
    const used = spent[kind] + reserved[kind];
    return cap === null || (used < cap && used + (own[kind] ?? 0) <= cap);
  });

/** Whose caps they are, as a message says it, and how `lbi resume` raises each. */
interface Owner {
  /** `construct: ` before the amount; empty for the run */
  name: string;
  raisedBy: Record<keyof Caps, string>;
}

/** Which of the caps is reached, and the command that raises it. @param own what one more task may take, where that is capped */
function reachedOf(
  { name, raisedBy }: Owner,
  caps: Caps,
  spent: Amounts,
  run: string,
  own: Partial<Amounts> = {},
): string | undefined {
  const kind = kinds.find((candidate) => {
    const cap = caps[candidate] ?? Number.POSITIVE_INFINITY;
    return spent[candidate] >= cap || spent[candidate] + (own[candidate] ?? 0) > cap;
  });
  if (kind === undefined) return undefined;
  const cap = caps[kind] ?? 0;
  const [used, most] = [inWords[kind](spent[kind]), inWords[kind](cap)];
  const said =
    spent[kind] >= cap
      ? `the budget of ${name}${most} is spent (${used})`
      : `the budget of ${name}${most} has no room for a task of ${inWords[kind](own[kind] ?? 0)} (${used} are spent)`;
  return `${said}: lbi resume ${run} ${raisedBy[kind]}`;
}

const theRun: Owner = {
  name: '',
  raisedBy: { usd: '--budget USD', tokens: '--budget-tokens N', hours: '--budget-hours N' },
};

/** Which cap is reached, and the command that raises it; undefined while none is. @param own what one more task may take, where that is capped */
export const capReached = (caps: Caps, spent: Amounts, run: string, own: Partial<Amounts> = {}): string | undefined =>
  reachedOf(theRun, caps, spent, run, own);

/** Stages by the part of an account before the slash; the query is asked for the sake of the actions. */
const accountsOf: Record<PaidStage, string[]> = {
  instruct: ['instruct'],
  interact: ['interact', 'query'],
  construct: ['construct'],
  filter: ['filter'],
};

const capOf = (caps: StageCaps, stage: PaidStage): Caps => ({
  usd: caps[`${stage}Usd`] ?? null,
  tokens: caps[`${stage}Tokens`] ?? null,
  hours: null,
});

/** What a stage has spent. */
export const spentBy = (usage: Record<string, Usage>, stage: PaidStage): Usage =>
  Object.entries(usage)
    .filter(([account]) => accountsOf[stage].includes(account.split('/')[0] ?? ''))
    .reduce((sum, [, used]) => addUsage(sum, used), noUsage);

/** Which of the stages has reached its cap, and the command that raises it; undefined while none has. */
export function stageCapReached(
  caps: StageCaps,
  usage: Record<string, Usage>,
  stages: PaidStage[],
  run: string,
): string | undefined {
  for (const stage of stages) {
    const raisedBy = { ...theRun.raisedBy, usd: `--stage-budget ${stage}=USD`, tokens: `--stage-tokens ${stage}=N` };
    const owner = { name: `${stage}: `, raisedBy };
    const reached = reachedOf(owner, capOf(caps, stage), amountsOf(spentBy(usage, stage)), run);
    if (reached !== undefined) return reached;
  }
  return undefined;
}

/** In words that a task has spent what it may; undefined while it has not, or may spend anything. */
export function taskSpent(cap: { usd?: number; tokens?: number } | undefined, usage: Usage): string | undefined {
  if (cap === undefined) return undefined;
  const spent = amountsOf(usage);
  const kind = (['usd', 'tokens'] as const).find((one) => spent[one] >= (cap[one] ?? Number.POSITIVE_INFINITY));
  if (kind === undefined) return undefined;
  return `the budget of the task is spent (${inWords[kind](spent[kind])} of ${inWords[kind](cap[kind] ?? 0)})`;
}
