/** What an earlier run of the pipeline teaches about the next: how many tasks a page gave, how long they took, what replies cost. */
import { Unanswered } from '../../activities/ask.ts';
import { readTrajectory } from '../../activities/chain.ts';
import { decide, query } from '../../activities/decide.ts';
import type { Deps } from '../../activities/deps.ts';
import { instruct } from '../../activities/instruct.ts';
import { findStage } from '../../activities/plans.ts';
import { relabel } from '../../activities/relabel.ts';
import { vote } from '../../activities/vote.ts';
import { seatsOf } from '../../core/committee.ts';
import { LbiError } from '../../core/errors.ts';
import type { Earlier, EarlierTask } from '../../core/forecast.ts';
import type { Usage } from '../../schemas/common.ts';
import type { Episode } from '../../schemas/episode.ts';
import type { Example } from '../../schemas/example.ts';
import type { DocumentEntry, EpisodeEntry } from '../../schemas/flow.ts';
import type { Plan } from '../../schemas/plan.ts';
import type { Trajectory } from '../../schemas/step.ts';
import { getJson, readPage } from '../../store/json.ts';
import type { Store } from '../../store/store.ts';
import type { RunRecord } from '../runs.ts';

/** The counts of a run's pages; undefined when it sealed no episode. */
export async function earlierRun(store: Store, record: RunRecord, plan: Plan): Promise<Earlier | undefined> {
  const entries = await entriesOf(store, record.run);
  if (entries.length === 0) return undefined;
  const batches = await pagesOf<{ instructions: string[] }>(store, `runs/${record.run}/tasks/`);
  const interact = findStage(plan, 'interact');
  const construct = findStage(plan, 'construct');
  return {
    run: record.run,
    perDocument: batches.map(({ instructions }) => instructions.length),
    wanted: findStage(plan, 'instruct')?.per_document ?? 1,
    tasks: new Map(entries.map((entry) => [entry.id, taskOf(entry)])),
    maxSteps: interact?.max_steps ?? 1,
    windows: construct === undefined ? null : { max: construct.max_windows, maxSteps: construct.max_window_steps },
    asked: askedIn(entries),
  };
}

/** Of the questions that came up in episodes which found nothing done, those that were asked. */
export function askedIn(entries: EpisodeEntry[]): Earlier['asked'] {
  const asked = { instructions: { part: 0, whole: 0 }, votes: { part: 0, whole: 0 } };
  for (const entry of entries) {
    if (entry.reused || entry.recalled) continue;
    const accounts = Object.entries(entry.usage);
    const of = (stage: string): Usage[] =>
      accounts.filter(([account]) => account.startsWith(stage)).map(([, used]) => used);
    const calls = (used: Usage[]): number => used.reduce((all, each) => all + each.calls, 0);
    asked.instructions.part += calls(of('construct/'));
    asked.instructions.whole += taskOf(entry).pairs;
    asked.votes.part += calls(of('filter/'));
    asked.votes.whole += entry.voted * of('filter/').length;
  }
  return asked;
}

export const entriesOf = async (store: Store, run: string): Promise<EpisodeEntry[]> =>
  (await pagesOf<EpisodeEntry[]>(store, `runs/${run}/episodes/`)).flat();

async function pagesOf<T>(store: Store, prefix: string): Promise<T[]> {
  const pages: T[] = [];
  for (const name of await store.list(prefix)) pages.push(await readPage<T>(store, name));
  return pages;
}

/** Reasons that are not about windows: steps, and instructions that were written. */
const notWindows = ['repeated-step', 'nothing-accomplished', 'instruction-unreadable'];

function taskOf({ steps, outcome, windows, dropped, voted, kept }: EpisodeEntry): EarlierTask {
  const unused = Object.entries(dropped).filter(([reason]) => !notWindows.includes(reason));
  return {
    steps,
    // The decision to finish is one more; two unreadable replies end an episode.
    decisions: steps + ({ finished: 1, failed: 2 }[outcome as string] ?? 0),
    atLimit: outcome === 'step-limit',
    windows: windows - unused.reduce((all, [, number]) => all + number, 0),
    pairs: voted + (dropped['nothing-accomplished'] ?? 0) + (dropped['instruction-unreadable'] ?? 0),
    judged: voted,
    kept,
  };
}

/** How much of a run is gone through for its replies: enough for means, few enough to take no time. */
const most = { documents: 20, episodes: 12, candidates: 6, steps: 8 };

/** Asks the questions of an earlier run again, of the store, so that `deps.stored` hears what their replies took. */
export async function hearRun(deps: Deps, record: RunRecord, plan: Plan): Promise<void> {
  const documents = (await pagesOf<DocumentEntry[]>(deps.store, `runs/${record.run}/documents/`)).flat();
  for (const document of spread(documents, most.documents))
    await hear(() => instruct(deps)({ plan: record.plan, document }));
  const entries = await entriesOf(deps.store, record.run);
  for (const { record: ref } of spread(
    entries.filter(({ record: kept }) => kept !== null),
    most.episodes,
  )) {
    if (ref !== null) await hearEpisode(deps, record, plan, await getJson<Episode>(deps.store, ref));
  }
}

async function hearEpisode(deps: Deps, run: RunRecord, plan: Plan, episode: Episode): Promise<void> {
  if (episode.trajectory !== null) {
    const { head } = await getJson<Trajectory>(deps.store, episode.trajectory);
    const steps = await readTrajectory(deps.store, head);
    const heads = [...steps.flatMap(({ parent }) => (parent === null ? [] : [parent])), head];
    // Examples found by meaning would need the embedder, which takes seconds to load.
    const dense = findStage(plan, 'interact')?.knowledge?.model !== undefined;
    for (const at of spread(heads, most.steps)) {
      const input = { plan: run.plan, task: episode.task, head: at, query: null, retry: 0 };
      if (dense) await hear(() => query(deps)(input));
      else await hear(() => decide(deps)(input));
    }
  }
  const filter = findStage(plan, 'filter');
  for (const { example: ref } of spread(episode.candidates, most.candidates)) {
    const { style, window, head, task } = await getJson<Example>(deps.store, ref);
    await hear(() => relabel(deps)({ plan: run.plan, task, head, window, style }));
    for (const { name: member } of filter === undefined ? [] : seatsOf(filter))
      await hear(() => vote(deps)({ plan: run.plan, example: ref, member }));
  }
}

/** A run of an earlier version of the program may ask otherwise, or lack something: then it teaches nothing here. */
async function hear(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Unanswered) && !(error instanceof LbiError)) throw error;
  }
}

/** At most `count` of the items, evenly from all of them. */
function spread<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items];
  return Array.from({ length: count }, (_, at) => items[Math.floor((at * items.length) / count)]).filter(
    (item) => item !== undefined,
  );
}
