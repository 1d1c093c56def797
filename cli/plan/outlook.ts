/** What a run of a plan would do again, reuse and cost, stage by stage: `lbi plan --json` prints exactly this. */
import { findStage, modelSpecOf } from '../../activities/plans.ts';
import { type Change, sideChanges } from '../../core/changes.ts';
import { chanceAbove, counted, type Estimate, exactly, sum, sumTogether, times } from '../../core/estimate.ts';
import { type Forecast, forecast, keptShare, type Terms } from '../../core/forecast.ts';
import { asOf } from '../../models/prices.ts';
import type { Plan } from '../../schemas/plan.ts';
import { type AccountOutlook, type Accounts, accountsOf, type PaidStage } from './accounts.ts';
import type { Gathered } from './gather.ts';
import { type PriceSource, priceSource } from './price.ts';
import { type StageOutlook, stagesOf } from './stages.ts';
import { asRange, type Load, type StageSeconds, stageSeconds, wholeSeconds } from './time.ts';

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
    /** likely cost if every member voted on every example, where votes may end early */
    usdAllVotes: number;
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
    usdAllVotes: [...accountsOf(asIfAllVoted(gathered), beyond).values()]
      .flat()
      .reduce((sum, { usd }) => sum + (usd?.likely ?? 0), 0),
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

/** The same without an early end of the votes. */
function asIfAllVoted(gathered: Gathered): Gathered {
  const { walked } = gathered;
  if (walked.flow.filter === null) return gathered;
  const { untilDecided: _early, ...filter } = walked.flow.filter;
  return { ...gathered, walked: { ...walked, flow: { ...walked.flow, filter } } };
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
