/** Before money is spent: what `lbi run` says of it, and whether it may. */
import { createInterface } from 'node:readline/promises';
import type { Plan } from '../../schemas/plan.ts';
import { program } from '../home.ts';
import type { Outlook } from './outlook.ts';
import { priceSource } from './price.ts';
import { costWords, shortLines } from './render.ts';

export interface Asking {
  /** `--yes` */
  yes: boolean;
  /** whether a person can answer */
  interactive: boolean;
  say: (line: string) => void;
  ask: (question: string) => Promise<string>;
}

/** `go`, or why not: a person said no, or there is nobody to ask. */
export type Consent = 'go' | 'declined' | 'refused';

/** What will be spent, in words; undefined when nothing is expected to be. */
function spending(plan: Plan, outlook: Outlook | undefined): string | undefined {
  if (outlook === undefined) {
    const paid = Object.entries(plan.spec.models).filter(([, spec]) =>
      ['list', 'pipeline', 'unknown'].includes(priceSource(spec)),
    );
    return paid.length === 0 ? undefined : 'an amount that could not be reckoned';
  }
  const { usd, unpriced } = outlook.total;
  const unknown = unpriced.length === 0 ? [] : [`an unknown amount on ${unpriced.join(', ')}`];
  const known = usd.likely > 0 ? [costWords(usd)] : [];
  return known.length + unknown.length === 0 ? undefined : [...known, ...unknown].join(', and ');
}

/** Says what a run will do and asks whether it may cost what it will. @param outlook undefined when it could not be made */
export async function consent(plan: Plan, outlook: Outlook | undefined, asking: Asking): Promise<Consent> {
  if (outlook !== undefined) for (const line of shortLines(outlook)) asking.say(line);
  const amount = spending(plan, outlook);
  if (amount === undefined || asking.yes) return 'go';
  if (asking.interactive) {
    const answer = await asking.ask(`Spend ${amount}? [y/N] `);
    if (/^\s*y(?:es)?\s*$/i.test(answer)) return 'go';
    asking.say('nothing was started');
    return 'declined';
  }
  const cap = plan.spec.budget?.usd;
  if (cap !== undefined) {
    asking.say(`  within the budget of $${cap}: at that the run waits\n`);
    return 'go';
  }
  asking.say(
    `error: this run would spend ${amount}, and there is nobody here to ask\n  add --yes, or cap it in the file: budget: { usd: 25 }\n  look  ${program} plan`,
  );
  return 'refused';
}

/** Asks on stderr, where no data goes; the end of input is a no. */
export async function askPerson(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new Promise<string>((resolve) => terminal.once('close', () => resolve('')));
  try {
    return await Promise.race([terminal.question(question), closed]);
  } finally {
    terminal.close();
  }
}
