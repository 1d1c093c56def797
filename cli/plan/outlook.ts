/** What a run of a plan would do again, reuse and cost, stage by stage: `lbi plan --json` prints exactly this. */
import { findStage, modelSpecOf } from '../../activities/plans.ts';
import { canonical } from '../../core/canonical.ts';
import { type Change, sideChanges, stageChanges } from '../../core/changes.ts';
import { type Seat, seatsOf } from '../../core/committee.ts';
import {
  chanceAbove,
  counted,
  type Estimate,
  exactly,
  nothing,
  range,
  sum,
  sumTogether,
  times,
} from '../../core/estimate.ts';
import { distinct, type Forecast, forecast, keptShare, type Terms } from '../../core/forecast.ts';
import { isOwnPath } from '../../core/own-path.ts';
import { type Unit, unitIdentity } from '../../core/plan.ts';
import { asOf } from '../../models/prices.ts';
import type { StageName } from '../../schemas/pipeline/stage.ts';
import type { Plan } from '../../schemas/plan.ts';
import type { Gathered } from './gather.ts';
import { guessOf } from './guess.ts';
import { type Bill, billOf, type PriceSource, priceSource } from './price.ts';
import { type Reasons, reasonsFor } from './reasons.ts';
import { asRange, type Load, type StageSeconds, stageSeconds, wholeSeconds } from './time.ts';

/** `reuse`: all is there. `again`: some or all is done anew. `new`: never done before. `off`: no longer in the file. */
export type StageStatus = 'reuse' | 'again' | 'new' | 'off';

export interface AccountOutlook extends Bill {
  /** stage and model, as usage is counted: `filter/judge` */
  account: string;
  model: string;
  /** questions whose replies are in the store */
  reused: number;
}

export interface StageOutlook {
  stage: StageName;
  status: StageStatus;
  /** what the stage makes or works on */
  unit: string;
  reused: number;
  todo: Estimate;
  /** why there is work to do, or what changed without making any */
  reasons: string[];
  changes: Change[];
  accounts: AccountOutlook[];
  /** null when a price is not known */
  usd: Estimate | null;
  seconds: Estimate;
}

export interface Outlook {
  pipeline: string;
  against: { run: string; createdAt: string } | null;
  /** the run that ratios were measured in */
  measuredIn: string | null;
  /** true when a run would ask a model, open a session or give another dataset */
  work: boolean;
  documents: Estimate;
  stages: StageOutlook[];
  total: {
    calls: Estimate;
    input: Estimate;
    output: Estimate;
    usd: Estimate;
    /** likely cost if no prompt cache served anything */
    usdUncached: number;
    /** names of models whose cost is not in the sum */
    unpriced: string[];
    steps: Estimate;
    seconds: Estimate;
    /** examples that the committee accepts, near-duplicates included */
    kept: Estimate;
  };
  /** caps of the pipeline and how likely each is reached, 0 to 1 */
  budget: { usd?: Cap; tokens?: Cap; hours?: Cap };
  prices: { asOf: string; models: { model: string; source: PriceSource }[] };
  /** changed fields that change no output */
  ineffective: Change[];
  warnings: string[];
}

export interface Cap {
  cap: number;
  chance: number;
}

const units: Partial<Record<StageName, string>> = {
  instruct: 'documents',
  interact: 'tasks',
  construct: 'instructions',
  filter: 'votes',
};

export function outlookOf(gathered: Gathered): Outlook {
  const { plan, walked, against, earlier } = gathered;
  const beyond = forecast(frontierOf(gathered), termsOf(plan), earlier);
  const accounts = accountsOf(gathered, beyond);
  const seconds = secondsOf(plan, accounts, beyond);
  const stages = stagesOf(gathered, beyond, accounts, seconds);
  const all = [...accounts.values()].flat();
  const priced = all.flatMap(({ usd }) => (usd === null ? [] : [usd]));
  const kept = walked.finished.reduce((sum, entry) => sum + entry.kept, 0);
  const judged = sum([exactly(walked.judged), beyond.judged]);
  const total: Outlook['total'] = {
    calls: sumTogether(all.map(({ calls }) => calls)),
    input: sumTogether(all.map(({ input }) => input)),
    output: sumTogether(all.map(({ output }) => output)),
    usd: sumTogether(priced),
    usdUncached: all.reduce((sum, { usdUncached }) => sum + usdUncached, 0),
    unpriced: [...new Set(all.filter(({ usd, calls }) => usd === null && calls.high > 0).map(({ model }) => model))],
    steps: counted(beyond.steps),
    seconds: asRange(wholeSeconds(seconds), gathered.pace),
    kept: counted(sum([exactly(kept), times(judged, keptShare(earlier))])),
  };
  return {
    pipeline: plan.spec.name,
    against: against === undefined ? null : { run: against.run, createdAt: against.createdAt },
    measuredIn: earlier?.run ?? null,
    work: stages.some(({ status }) => status === 'again' || status === 'new'),
    documents: counted(gathered.documents),
    stages,
    total,
    budget: budgetOf(plan, total),
    prices: { asOf, models: pricesOf(plan, all) },
    ineffective: against === undefined ? [] : sideChanges(against.plan, plan),
    warnings: warningsOf(gathered, total, all),
  };
}

const frontierOf = ({ plan, walked, documents, entries }: Gathered) => ({
  // Of documents that could not be read nothing is known, unless an earlier run's stand in for them.
  untold: entries === 0 ? documents : exactly(walked.untold),
  untried: walked.untried.map(({ id }) => id),
  room: Math.max(
    0,
    (findStage(plan, 'instruct')?.limit ?? Number.POSITIVE_INFINITY) -
      walked.episodes / (findStage(plan, 'interact')?.attempts ?? 1),
  ),
  unwritten: walked.pairs.unwritten,
});

function termsOf(plan: Plan): Terms {
  const interact = findStage(plan, 'interact');
  const construct = findStage(plan, 'construct');
  const styles: string[] = construct?.styles ?? [];
  return {
    perDocument: findStage(plan, 'instruct')?.per_document ?? 1,
    attempts: interact?.attempts ?? 1,
    minSteps: interact?.min_steps ?? 0,
    maxSteps: interact?.max_steps ?? 1,
    windows: construct === undefined ? null : { max: construct.max_windows, maxSteps: construct.max_window_steps },
    styles: styles.filter((style) => style !== 'original').length,
    original: styles.includes('original'),
  };
}

type PaidStage = keyof StageSeconds;
type Accounts = Map<PaidStage, AccountOutlook[]>;

/** Every account of the run with its calls: those whose question is known, and those beyond. */
function accountsOf(gathered: Gathered, beyond: Forecast): Accounts {
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
    ['construct', flow.construct === null ? [] : [line(accounts.relabel, 'relabel', instructions)]],
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
    const anew = rewritten || !known.has(unit(plan, { stage: 'filter', member }));
    const perhaps = walked.accounts.get(`filter/${member}`)?.perhaps ?? 0;
    const all = sum([distinct(judged, earlier?.asked.votes, anew), exactly(perhaps)]);
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

function secondsOf(plan: Plan, accounts: Accounts, beyond: Forecast): StageSeconds {
  const loads = (stage: PaidStage): Load[] =>
    (accounts.get(stage) ?? []).map(({ model, calls, input, output }) => ({
      model,
      calls: calls.likely,
      input: input.likely,
      output: output.likely,
    }));
  return stageSeconds(plan, {
    instruct: loads('instruct'),
    interact: loads('interact'),
    construct: loads('construct'),
    filter: loads('filter'),
    steps: beyond.steps.likely,
    episodes: beyond.episodes.likely,
  });
}

function stagesOf(gathered: Gathered, beyond: Forecast, accounts: Accounts, seconds: StageSeconds): StageOutlook[] {
  const { plan, against } = gathered;
  const stages: StageOutlook[] = [];
  let input: StageName | undefined;
  for (const { uses: stage } of plan.spec.stages) {
    if (isOwnPath(stage)) continue;
    const own = accounts.get(stage as PaidStage);
    const made = workOf(gathered, stage, beyond, own ?? []);
    const told = reasonsFor(stage, plan, against, { input, documents: gathered.changes });
    const recount = stage === 'filter' && against !== undefined ? recountOf(against.plan, plan) : [];
    // The last stages are done by every run; they count as done anew when their output is another.
    const anew = own === undefined && (input !== undefined || told.changes.length > 0 || against === undefined);
    const status = statusOf(gathered, stage, made.todo.high > 0 || anew);
    stages.push({
      stage,
      status,
      unit: units[stage] ?? 'examples',
      ...made,
      ...worded(told, recount, status, against?.run),
      accounts: own ?? [],
      usd: own === undefined ? nothing : usdOf(own),
      seconds: own === undefined ? nothing : asRange(seconds[stage as PaidStage], gathered.pace),
    });
    // The dataset's stages all read what the filter leaves.
    if (own !== undefined && (status !== 'reuse' || recount.length > 0)) input = stage;
  }
  return [...stages, ...offStages(gathered)];
}

/** Stages of the earlier run that the file no longer has. */
const offStages = ({ plan, against }: Gathered): StageOutlook[] =>
  (against?.plan.spec.stages ?? [])
    .map(({ uses }) => uses)
    .filter((uses) => !isOwnPath(uses))
    .filter((uses) => plan.spec.stages.every((stage) => stage.uses !== uses))
    .map((uses) => ({
      stage: uses,
      status: 'off' as const,
      unit: units[uses] ?? 'examples',
      reused: 0,
      todo: nothing,
      reasons: ['no longer in the file'],
      changes: [],
      accounts: [],
      usd: nothing,
      seconds: nothing,
    }));

/** Rules that only count stored votes: a change of them makes another dataset and asks nobody. */
const recountOf = (before: Plan, after: Plan): Change[] =>
  sideChanges(before, after).filter(({ path }) => /^filter\.(?:committee|duplicates)\b/.test(path));

function statusOf({ plan, against, walked }: Gathered, stage: StageName, work: boolean): StageStatus {
  if (!work) return 'reuse';
  if (against === undefined) return walked.finished.length > 0 ? 'again' : 'new';
  return findStage(against.plan, stage) === undefined && findStage(plan, stage) !== undefined ? 'new' : 'again';
}

function worded(
  told: Reasons,
  recount: Change[],
  status: StageStatus,
  run: string | undefined,
): { reasons: string[]; changes: Change[] } {
  const counts = recount.map(({ text }) => `${text}: stored votes are counted anew`);
  const changes = [...told.changes, ...recount];
  if (status === 'reuse') {
    const harmless = run === undefined ? [] : told.changes.map(({ text }) => `${text}: all of it is in the store`);
    return { reasons: [...counts, ...harmless], changes };
  }
  const why = [...told.lines, ...counts];
  return { reasons: why.length > 0 || run === undefined ? why : [`not finished in ${run}`], changes };
}

/** Units that are there, and units to be made. */
function workOf(
  { walked, entries }: Gathered,
  stage: StageName,
  beyond: Forecast,
  accounts: AccountOutlook[],
): { reused: number; todo: Estimate } {
  const { finished, recalled } = walked;
  const calls = sumTogether(accounts.map((account) => account.calls));
  const reused = accounts.reduce((all, account) => all + account.reused, 0);
  const voted = finished.reduce((all, { voted: examples }) => all + examples, 0);
  switch (stage) {
    case 'instruct':
      return { reused: entries - walked.untold, todo: calls };
    case 'interact':
      return { reused: finished.length + recalled.length, todo: counted(beyond.episodes) };
    case 'construct':
      return { reused: reused + voted, todo: calls };
    case 'filter':
      return { reused: reused + voted * accounts.length, todo: calls };
    default:
      return { reused: 0, todo: nothing };
  }
}

const usdOf = (accounts: AccountOutlook[]): Estimate | null =>
  accounts.some(({ usd }) => usd === null)
    ? null
    : sumTogether(accounts.flatMap(({ usd }) => (usd === null ? [] : [usd])));

function budgetOf({ spec: { budget } }: Plan, { usd, input, output, seconds }: Outlook['total']): Outlook['budget'] {
  const cap = (value: number | undefined, of: Estimate): Cap | undefined =>
    value === undefined ? undefined : { cap: value, chance: chanceAbove(of, value) };
  const caps = {
    usd: cap(budget?.usd, usd),
    tokens: cap(budget?.tokens, sumTogether([input, output])),
    hours: cap(budget?.hours, times(seconds, 1 / 3600)),
  };
  return Object.fromEntries(Object.entries(caps).filter(([, value]) => value !== undefined));
}

const pricesOf = (plan: Plan, accounts: AccountOutlook[]): Outlook['prices']['models'] =>
  [...new Set(accounts.map(({ model }) => model))].map((model) => ({
    model,
    source: priceSource(modelSpecOf(plan, model)),
  }));

function warningsOf(
  { unread, documents, earlier, plan, entries, walked }: Gathered,
  { unpriced, calls }: Outlook['total'],
  accounts: AccountOutlook[],
): string[] {
  const free = accounts.filter(
    ({ model, calls: own }) => own.high > 0 && priceSource(modelSpecOf(plan, model)) === 'own-server',
  );
  const own = [...new Set(free.map(({ model }) => model))];
  return [
    ...(unread === undefined
      ? []
      : [
          `the documents could not be read here: ${unread}; ${entries > 0 ? 'those of the last run stand in for them' : `their number is a guess (${Math.round(documents.likely)})`}`,
        ]),
    ...(unpriced.length === 0
      ? []
      : [`no price is known of ${unpriced.join(', ')}: not in the sum; set \`price:\` on the model`]),
    ...(own.length === 0
      ? []
      : [
          `${own.join(', ')} ${own.length === 1 ? 'is' : 'are'} on a server of your own without \`price:\`: counted as $0`,
        ]),
    ...(walked.unmade.size === 0
      ? []
      : [
          `${[...walked.unmade].join(', ')} ${walked.unmade.size === 1 ? 'has' : 'have'} not worked on all of this yet: counted as if nothing were left out or changed, and without their own calls`,
        ]),
    ...(calls.basis === 'assumed' && earlier === undefined
      ? [
          'nothing was measured yet: what is marked ~ rests on assumptions; a small run measures it (--set sources.0.limit=3)',
        ]
      : []),
  ];
}
