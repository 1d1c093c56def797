/** Pages that a run's workflow seals, and its look after episodes that ended without a word. */
import { emptyEntry } from '../core/episode-entry.ts';
import type { Json, Ref } from '../schemas/common.ts';
import type { Episode } from '../schemas/episode.ts';
import type { EpisodeEntry, TaskEntry } from '../schemas/flow.ts';
import type { Plan } from '../schemas/plan.ts';
import { getJson, readPage, writePage } from '../store/json.ts';
import { finishedEpisode } from './conclude.ts';
import type { Deps } from './deps.ts';

export const manifestPath = (run: string, page: number): string =>
  `runs/${run}/episodes/${String(page + 1).padStart(6, '0')}.json`;
export const summaryPath = (run: string): string => `runs/${run}/summary.json`;

export const record =
  (deps: Deps) =>
  async (input: { run: string; page: number; entries: EpisodeEntry[] }): Promise<void> =>
    writePage(deps.store, manifestPath(input.run, input.page), input.entries);

export const finish =
  (deps: Deps) =>
  async (input: { run: string; summary: unknown }): Promise<void> =>
    writePage(deps.store, summaryPath(input.run), input.summary as Json);

export const inspect =
  (deps: Deps) =>
  async (input: {
    plan: Ref;
    episodes: { id: string; task: TaskEntry }[];
  }): Promise<{ id: string; entry: EpisodeEntry }[]> => {
    const plan = await deps.plan(input.plan);
    const ended = new Set(await deps.ended(input.episodes.map(({ id }) => id)));
    const found = input.episodes.filter(({ id }) => ended.has(id));
    return Promise.all(
      found.map(async ({ id, task }) => ({ id, entry: (await endedEntry(deps, plan, task)) ?? lostEntry(task) })),
    );
  };

/** An episode of this run whose report got lost: what it cost counts here. */
async function endedEntry(deps: Deps, plan: Plan, task: TaskEntry): Promise<EpisodeEntry | undefined> {
  const entry = await finishedEpisode(deps, plan, task);
  if (entry === undefined || entry.record === null) return undefined;
  // Of one that was taken up again, the record of an earlier try is not its own.
  if ((entry.again ?? 0) !== (task.again ?? 0)) return undefined;
  const { usage } = await getJson<Episode>(deps.store, entry.record);
  return { ...entry, usage, reused: false };
}

const lostEntry = (task: TaskEntry): EpisodeEntry => ({
  ...emptyEntry(task, 'the episode ended without a record (terminated or failed); see its history'),
  kind: 'terminated',
});

/** All entries that a run has sealed, page by page. */
export async function* sealedEpisodes(
  deps: Pick<Deps, 'store'>,
  run: string,
  pages: number,
): AsyncGenerator<EpisodeEntry> {
  for (let page = 0; page < pages; page += 1)
    yield* await readPage<EpisodeEntry[]>(deps.store, manifestPath(run, page));
}
