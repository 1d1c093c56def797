/** What every stage of a run would reuse and do again, and why. */
import { findStage } from '../../activities/plans.ts';
import { type Change, sideChanges } from '../../core/changes.ts';
import { counted, type Estimate, nothing, sumTogether } from '../../core/estimate.ts';
import type { Forecast } from '../../core/forecast.ts';
import { isOwnPath } from '../../core/own-path.ts';
import type { StageName } from '../../schemas/pipeline/stage.ts';
import type { Plan } from '../../schemas/plan.ts';
import type { AccountOutlook, Accounts, PaidStage } from './accounts.ts';
import type { Gathered } from './gather.ts';
import { type Reasons, reasonsFor } from './reasons.ts';
import { asRange, type StageSeconds } from './time.ts';

/** `reuse`: all is there. `again`: some or all is done anew. `new`: never done before. `off`: no longer in the file. */
export type StageStatus = 'reuse' | 'again' | 'new' | 'off';

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

const units: Partial<Record<StageName, string>> = {
  instruct: 'documents',
  interact: 'tasks',
  construct: 'instructions',
  filter: 'votes',
};

export function stagesOf(
  gathered: Gathered,
  beyond: Forecast,
  accounts: Accounts,
  seconds: StageSeconds,
): StageOutlook[] {
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
