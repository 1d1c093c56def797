/** Failed items of a run: documents sealed in pages of their own, and the failed part of a page taken out to be tried again. */
import { failuresOf, hasFailed } from '../core/failure-class.ts';
import type { Episode } from '../schemas/episode.ts';
import type { EpisodeEntry, FailedDocument, FailureClass, TakenUp, TakeUpInput, TaskEntry } from '../schemas/flow.ts';
import { findPage, getJson, readPage, writePage } from '../store/json.ts';
import type { Store } from '../store/store.ts';
import { findAttempt } from './attempt.ts';
import type { Deps } from './deps.ts';
import { manifestPath } from './record.ts';

const foldersOfDocuments = (run: string): string => `runs/${run}/failed-documents/`;

const documentsPath = (run: string, page: number): string =>
  `${foldersOfDocuments(run)}${String(page + 1).padStart(6, '0')}.json`;

/** What a request took out of a page: kept, so that the same request finds it again when its answer got lost. */
const takenPath = ({ run, of, page, id }: TakeUpInput): string =>
  `runs/${run}/retried/${of}-${String(page + 1).padStart(6, '0')}-${id}.json`;

export const recordFailed =
  (deps: Deps) =>
  async (input: { run: string; page: number; documents: FailedDocument[] }): Promise<void> =>
    writePage(deps.store, documentsPath(input.run, input.page), input.documents);

/** All documents of a run that gave no tasks because something failed. */
export async function failedDocuments(store: Store, run: string): Promise<FailedDocument[]> {
  const names = await store.list(foldersOfDocuments(run));
  return (await Promise.all(names.map((name) => readPage<FailedDocument[]>(store, name)))).flat();
}

export const takeUp =
  (deps: Deps) =>
  async (input: TakeUpInput): Promise<TakenUp> => {
    const path = takenPath(input);
    const known = await findPage<TakenUp>(deps.store, path);
    const taken = known ?? (await (input.of === 'documents' ? failedOf(deps, input) : retriedOf(deps, input)));
    if (taken.documents.length + taken.episodes.length === 0) return taken;
    // First what was taken, then the page without it: whatever happens in between, nothing is lost.
    if (known === undefined) await writePage(deps.store, path, taken);
    await takeOut(deps.store, input, taken);
    return taken;
  };

const pathOf = ({ run, of, page }: TakeUpInput): string =>
  of === 'documents' ? documentsPath(run, page) : manifestPath(run, page);

async function takeOut(store: Store, input: TakeUpInput, taken: TakenUp): Promise<void> {
  const path = pathOf(input);
  const gone = new Set([...taken.documents.map(failureOf), ...taken.episodes.map(({ entry }) => tryOf(entry))]);
  const all = await readPage<(FailedDocument | EpisodeEntry)[]>(store, path);
  await writePage(
    store,
    path,
    all.filter((one) => !gone.has('document' in one ? failureOf(one) : tryOf(one))),
  );
}

const failureOf = ({ document, at }: FailedDocument): string => `${document.id} ${at}`;

const tryOf = ({ id, tries = 0 }: EpisodeEntry): string => `${id} ${tries}`;

async function failedOf({ store }: Deps, input: TakeUpInput): Promise<TakenUp> {
  const all = await readPage<FailedDocument[]>(store, pathOf(input));
  return { documents: all.filter((one) => input.class === null || one.class === input.class), episodes: [] };
}

async function retriedOf(deps: Deps, input: TakeUpInput): Promise<TakenUp> {
  const plan = await deps.plan(input.plan);
  const all = await readPage<EpisodeEntry[]>(deps.store, pathOf(input));
  const failed = all.filter((entry) => hasFailed(failuresOf(entry), input.class));
  const episodes = failed.map(async (entry) => {
    const task = await againTask(deps.store, entry);
    const found = entry.record === null ? await findAttempt(deps.store, plan, task) : undefined;
    return { task: { ...task, ...found, tries: (entry.tries ?? 0) + 1 }, entry };
  });
  return { documents: [], episodes: await Promise.all(episodes) };
}

/**
 * The task of a failed episode, to be tried again. Where there is a record, that is the failure: what it lacks is made anew under the
 * next number, from a good trajectory where there is one. Without a record nothing is stored that stands in the way.
 */
export async function againTask(store: Store, entry: EpisodeEntry): Promise<TaskEntry> {
  const { task: ref, id, title, record, again = 0 } = entry;
  if (record === null) return { ref, id, title, anew: true, ...(again > 0 ? { again } : {}) };
  const { trajectory, outcome } = await getJson<Episode>(store, record);
  return {
    ref,
    id,
    title,
    anew: true,
    again: again + 1,
    ...(outcome === 'failed' || trajectory === null ? {} : { attempt: trajectory }),
    before: { ...entry, usage: {} },
  };
}

/** Whether a finished episode is to be taken up again by a run that retries. */
export const isRetried = (retry: { class: FailureClass | null } | undefined, entry: EpisodeEntry): boolean =>
  retry !== undefined && hasFailed(failuresOf(entry), retry.class);
