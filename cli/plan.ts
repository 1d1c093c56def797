/** `lbi plan`: what a run would do, reuse and cost, and why; nothing is written, started or asked. */

import type { Plan } from '../schemas/plan.ts';
import { openStore } from '../store/stores.ts';
import { storeUrl } from './home.ts';
import { installedPackage, packageFolder } from './packages.ts';
import { gather } from './plan/gather.ts';
import { type Outlook, outlookOf } from './plan/outlook.ts';
import { planLines } from './plan/render.ts';
import { planFile } from './plans.ts';

export interface PlanOptions {
  profile?: string;
  set?: string[];
  against?: string;
  fetch?: boolean;
  exitCode?: boolean;
  json?: boolean;
}

/** Exit codes: 0 looked at, 3 invalid pipeline or run; with `exitCode`, 10 when there is work to do. */
export async function planCommand(file: string, options: PlanOptions): Promise<number> {
  const plan = await planFile(file, options);
  if (plan === undefined) return 3;
  const outlook = await lookAhead(plan, options);
  if (options.json === true) process.stdout.write(`${JSON.stringify({ schema: 'lbi.plan/1', ...outlook })}\n`);
  else process.stdout.write(`${planLines(outlook, file, Date.now()).join('\n')}\n`);
  return options.exitCode === true && outlook.work ? 10 : 0;
}

/** Milliseconds after which a walk says how far it is. */
const patience = 1500;

/** @param fetch whether packages with documents may be installed */
export async function lookAhead(
  plan: Plan,
  { against, fetch }: Pick<PlanOptions, 'against' | 'fetch'>,
): Promise<Outlook> {
  const store = await openStore(storeUrl(), { readOnly: true });
  const began = Date.now();
  let said = 0;
  const step = (done: number, all: number): void => {
    const now = Date.now();
    if (process.stderr.isTTY !== true || now - began < patience || now - said < 200) return;
    said = now;
    process.stderr.write(`\rlooking: ${done} of ${all} documents `);
  };
  try {
    return outlookOf(
      await gather(store, plan, { against, step, packageFolder: fetch === true ? packageFolder : installedPackage }),
    );
  } finally {
    if (said > 0) process.stderr.write('\r\u001b[K');
  }
}
