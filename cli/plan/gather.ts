/** All that an outlook is made of, gathered from the file's plan and the store. Nothing is written, started or asked. */
import { committeeOf } from '../../activities/committee.ts';
import { canonical } from '../../core/canonical.ts';
import { type DocumentChanges, documentChanges } from '../../core/changes.ts';
import { LbiError } from '../../core/errors.ts';
import { type Estimate, exactly, range } from '../../core/estimate.ts';
import type { Earlier } from '../../core/forecast.ts';
import type { Json, Usage } from '../../schemas/common.ts';
import type { Progress } from '../../schemas/flow.ts';
import type { Plan } from '../../schemas/plan.ts';
import { getJson, putJson } from '../../store/json.ts';
import { overlayStore } from '../../store/overlay.ts';
import type { Store } from '../../store/store.ts';
import { findRun, listRuns, type RunRecord, runSummary } from '../runs.ts';
import { documentsOfRun, readDocuments } from './documents.ts';
import { dryDeps } from './dry.ts';
import { askedIn, earlierRun, entriesOf, hearRun } from './earlier.ts';
import type { Against } from './reasons.ts';
import { type Load, type Loads, pace } from './time.ts';
import { Experience } from './tokens.ts';
import { type Walked, type Walking, walk } from './walk.ts';

export interface Gathered {
  plan: Plan;
  walked: Walked;
  /** how many documents there are; exact when they were read */
  documents: Estimate;
  /** documents that were walked through */
  entries: number;
  /** why the documents could not be read, if they could not */
  unread: string | undefined;
  against: Against | undefined;
  /** what became of the documents since that run */
  changes: DocumentChanges | undefined;
  earlier: Earlier | undefined;
  experience: Experience;
  /** how many times longer the earlier run took than reckoned */
  pace: number | undefined;
}

export interface GatherOptions {
  /** run to compare with; left out, the newest of the pipeline */
  against?: string | undefined;
  packageFolder: (name: string) => Promise<string>;
  /** told how far the walk is */
  step?: (done: number, all: number) => void;
}

export async function gather(below: Store, plan: Plan, options: GatherOptions): Promise<Gathered> {
  const store = overlayStore(below);
  const ref = await putJson(store, plan);
  const experience = new Experience();
  const records = await recordsFor(store, plan.spec.name, options.against);
  const compared = await againstOf(store, records);
  const before = compared === undefined ? [] : await documentsOfRun(store, compared.run);
  const deps = dryDeps(store, options.packageFolder, (known) => experience.hear(plan, known));
  const { entries, instead } = await readDocuments(deps, plan, before);
  const walked = await walk({
    deps,
    plan: ref,
    pipeline: plan.spec.name,
    documents: entries,
    noted: compared === undefined ? new Map() : await notedIn(store, compared, plan),
    step: (done) => options.step?.(done, entries.length),
  });
  const teacher = isDone(walked) ? undefined : await teacherOf(store, records, options.packageFolder, experience);
  return {
    plan,
    walked,
    documents: instead === undefined ? exactly(entries.length) : guessedDocuments(plan, entries.length),
    entries: entries.length,
    unread: instead,
    against: compared,
    changes: compared === undefined || instead !== undefined ? undefined : documentChanges(before, entries),
    earlier: teacher?.earlier,
    experience,
    pace: teacher?.pace,
  };
}

/** Episodes of a run whose votes were counted under the rule of now. */
async function notedIn(store: Store, { run, plan: before }: Against, plan: Plan): Promise<Walking['noted']> {
  const rule = (of: Plan): string => canonical((committeeOf(of) ?? null) as unknown as Json);
  if (rule(before) !== rule(plan)) return new Map();
  const entries = await entriesOf(store, run);
  return new Map(entries.flatMap((entry) => (entry.record === null ? [] : [[entry.record, entry]])));
}

/** True when a run would ask nobody and open nothing. */
const isDone = ({ accounts, untried }: Walked): boolean =>
  untried.length === 0 && [...accounts.values()].every(({ open }) => open.size === 0);

const recordsFor = async (store: Store, pipeline: string, named: string | undefined): Promise<RunRecord[]> =>
  named === undefined
    ? (await listRuns(store)).filter((record) => record.pipeline === pipeline)
    : [await findRun(store, named)];

/** The newest of the runs whose plan is still in the store. */
async function againstOf(store: Store, records: RunRecord[]): Promise<Against | undefined> {
  for (const { run, createdAt, plan } of records) {
    const found = await planOf(store, plan);
    if (found !== undefined) return { run, createdAt, plan: found };
  }
  return undefined;
}

async function planOf(store: Store, ref: string): Promise<Plan | undefined> {
  try {
    return await getJson<Plan>(store, ref);
  } catch (error) {
    if (error instanceof LbiError) return undefined;
    throw error;
  }
}

/** Runs looked at for one that sealed an episode. */
const mostRuns = 20;

/** The newest run that has something to teach. */
async function teacherOf(
  store: Store,
  records: RunRecord[],
  packageFolder: GatherOptions['packageFolder'],
  experience: Experience,
): Promise<{ earlier: Earlier; pace: number | undefined } | undefined> {
  for (const record of records.slice(0, mostRuns)) {
    const plan = await planOf(store, record.plan);
    const earlier = plan === undefined ? undefined : await earlierRun(store, record, plan);
    if (plan === undefined || earlier === undefined) continue;
    const deps = dryDeps(store, packageFolder, (known) => experience.hear(plan, known));
    await hearRun(deps, record, plan);
    const asked = earlier.asked.instructions.whole > 0 ? earlier.asked : await askedBefore(store, records);
    return { earlier: { ...earlier, asked }, pace: await paceOf(store, records, plan) };
  }
  return undefined;
}

/** How many questions repeat: from the newest run in which some were asked. */
async function askedBefore(store: Store, records: RunRecord[]): Promise<Earlier['asked']> {
  let asked = askedIn([]);
  for (const { run } of records.slice(0, mostRuns)) {
    asked = askedIn(await entriesOf(store, run));
    if (asked.instructions.whole > 0) break;
  }
  return asked;
}

/** From the newest run that did all of its work itself and was not kept waiting. */
async function paceOf(store: Store, records: RunRecord[], plan: Plan): Promise<number | undefined> {
  for (const { run } of records.slice(0, mostRuns)) {
    const summary = await runSummary(store, run);
    if (summary === undefined || summary.endedAt === null) continue;
    const { funnel, startedAt, endedAt } = summary;
    if (funnel.episodesReused > 0 || (funnel.attemptsRecalled ?? 0) > 0 || funnel.episodes === 0) continue;
    const found = pace(plan, loadsOf(summary), (endedAt - startedAt) / 1000);
    if (found !== undefined) return found;
  }
  return undefined;
}

function loadsOf({ usage, funnel }: Progress): Loads {
  const of = (...stages: string[]): Load[] =>
    Object.entries(usage)
      .filter(([account]) => stages.includes(account.split('/')[0] ?? ''))
      .map(([account, used]) => loadOf(account.slice(account.indexOf('/') + 1), used));
  return {
    instruct: of('instruct'),
    interact: of('interact', 'query'),
    construct: of('construct'),
    filter: of('filter'),
    steps: funnel.steps,
    episodes: funnel.episodes,
  };
}

const loadOf = (model: string, { calls, input, output }: Usage): Load => ({ model, calls, input, output });

/** Documents that cannot be counted here: as many as the last run had, else what the limits allow. */
function guessedDocuments(plan: Plan, before: number): Estimate {
  if (before > 0) return range(before, before, before, 'measured');
  const limits = plan.spec.sources.map(({ limit }) => limit);
  const bounded = limits.every((limit) => limit !== undefined);
  const most = limits.reduce<number>((all, limit) => all + (limit ?? 100), 0);
  return bounded ? range(most * 0.3, most, most, 'assumed') : range(1, most * 0.2, most, 'assumed');
}
