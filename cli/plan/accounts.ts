/** The calls of every account of a run, and what they cost: those whose question is known, and those that are expected beyond. */
import { findStage, modelSpecOf } from '../../activities/plans.ts';
import { canonical } from '../../core/canonical.ts';
import { stageChanges } from '../../core/changes.ts';
import { type Seat, seatsOf } from '../../core/committee.ts';
import { counted, type Estimate, exactly, nothing, range, sum, times } from '../../core/estimate.ts';
import { distinct, type Forecast } from '../../core/forecast.ts';
import { type Unit, unitIdentity } from '../../core/plan.ts';
import type { Plan } from '../../schemas/plan.ts';
import type { Gathered } from './gather.ts';
import { guessOf } from './guess.ts';
import { type Bill, billOf } from './price.ts';
import type { StageSeconds } from './time.ts';

export interface AccountOutlook extends Bill {
  /** stage and model, as usage is counted: `filter/judge` */
  account: string;
  model: string;
  /** questions whose replies are in the store */
  reused: number;
}

export type PaidStage = keyof StageSeconds;
export type Accounts = Map<PaidStage, AccountOutlook[]>;

/** Every account of the run with its calls: those whose question is known, and those beyond. */
export function accountsOf(gathered: Gathered, beyond: Forecast): Accounts {
  const { plan, walked, documents, entries } = gathered;
  const { flow } = walked;
  const { accounts } = flow;
  const line = (account: string, role: string, more: Estimate): AccountOutlook =>
    accountOf(gathered, { account, model: account.slice(account.indexOf('/') + 1), role, more });
  const { instructions, votes } = repeatsOff(gathered, beyond);
  const decisions = onlyPlaceChanged(gathered) ? { ...beyond.decisions, low: 0 } : beyond.decisions;
  return new Map<PaidStage, AccountOutlook[]>([
    ['instruct', [line(accounts.instruct, 'instruct', entries === 0 ? documents : nothing)]],
    [
      'interact',
      [
        line(accounts.decide, 'decide', decisions),
        ...(flow.queues.query === null ? [] : [line(accounts.query, 'query', decisions)]),
      ],
    ],
    // original instructions alone ask nobody
    [
      'construct',
      flow.construct === null || accounts.relabel.endsWith('/none')
        ? []
        : [line(accounts.relabel, 'relabel', instructions)],
    ],
    [
      'filter',
      seatsIn(plan).map(({ name, model }, at) =>
        accountOf(gathered, { account: `filter/${name}`, model, role: 'vote', more: votes(name, at) }),
      ),
    ],
  ]);
}

const seatsIn = (plan: Plan): Seat[] => {
  const filter = findStage(plan, 'filter');
  return filter === undefined ? [] : seatsOf(filter);
};

interface Asking {
  account: string;
  model: string;
  role: string;
  more: Estimate;
}

function accountOf({ plan, walked, unread, experience }: Gathered, { account, model, role, more }: Asking) {
  const spec = modelSpecOf(plan, model);
  const asked = walked.accounts.get(account);
  const open = [...(asked?.open.values() ?? [])];
  const exact = { calls: open.length, tokens: open.reduce((all, tokens) => all + tokens, 0) };
  const guess = guessOf(plan, role, spec.max_tokens);
  const bill = billOf({ role, spec, exact, more, guess }, experience);
  const calls = unread === undefined || bill.calls.basis !== 'exact' ? bill.calls : demoted(bill.calls);
  return { account, model, reused: asked?.known ?? 0, ...bill, ...countedBill({ ...bill, calls }) };
}

/** Instructions and votes as calls: questions that repeat are asked once, and some votes are not needed. */
function repeatsOff({ plan, walked, against, earlier }: Gathered, { instructions, judged }: Forecast) {
  const unit = (of: Plan, which: Unit): string => canonical(unitIdentity(of, which));
  const styles = findStage(plan, 'construct')?.styles ?? [];
  const before = against?.plan;
  const rewritten =
    before === undefined ||
    styles.some((style) => unit(before, { stage: 'construct', style }) !== unit(plan, { stage: 'construct', style }));
  const known = new Set(
    before === undefined ? [] : seatsIn(before).map(({ name }) => unit(before, { stage: 'filter', member: name })),
  );
  const votes = (member: string, at: number): Estimate => {
    const strange = !known.has(unit(plan, { stage: 'filter', member }));
    const asked = distinct(judged, earlier?.asked.votes, strange || rewritten);
    // Another prompt may write what was written before, and those votes are there.
    const calls = strange ? asked : { ...asked, low: 0 };
    const perhaps = walked.accounts.get(`filter/${member}`)?.perhaps.size ?? 0;
    const all = sum([calls, exactly(perhaps)]);
    return walked.flow.filter?.untilDecided === true && at > 0 ? times(all, stillAsked(at)) : all;
  };
  return { instructions: distinct(instructions, earlier?.asked.instructions, rewritten), votes };
}

/** Share of the examples that the member at this place is asked about when votes end early: each one before it may settle it. */
const stillAsked = (at: number): Estimate => range(0.25 ** at, 0.6 ** at, 1, 'assumed');

/** A changed place may look as before: then the agent's replies are there, though the actions are carried out again. */
function onlyPlaceChanged({ plan, against }: Gathered): boolean {
  if (against === undefined) return false;
  const changes = stageChanges(against.plan, plan, 'interact');
  return changes.length > 0 && changes.every(({ path }) => path.startsWith('environments.'));
}

/** Counted on documents that only stand in for the real ones. */
const demoted = (calls: Estimate): Estimate => ({ ...calls, basis: 'measured' });

const countedBill = ({ calls, input, output }: Bill): Pick<Bill, 'calls' | 'input' | 'output'> => ({
  calls: counted(calls),
  input: counted(input),
  output: counted(output),
});
