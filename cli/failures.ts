/** `lbi failures`: what failed in a run, by class, and why; from the store, and what an open run has not sealed yet from itself. */
import { sealedEpisodes } from '../activities/record.ts';
import { failedDocuments } from '../activities/take-up.ts';
import { failureClass, failureClasses, failuresOf, unreadableInstruction } from '../core/failure-class.ts';
import type { Episode } from '../schemas/episode.ts';
import type { EpisodeEntry, FailedDocument, FailureClass, FailureCounts } from '../schemas/flow.ts';
import { getJson } from '../store/json.ts';
import type { Store } from '../store/store.ts';
import { openStore } from '../store/stores.ts';
import { withClient } from './connection.ts';
import { homeFolder, program, storeUrl } from './home.ts';
import { paint } from './progress.ts';
import { findRun, type RunRecord, runSummary } from './runs.ts';
import type { JsonOption } from './steer.ts';

/** One kind of failure of one item. */
export interface Failure {
  what: 'document' | 'task' | 'window' | 'vote';
  /** of the document or the task */
  id: string;
  title: string;
  class: FailureClass;
  /** the kind of error (docs/guides/errors.md), `unreadable` or `absent` */
  kind: string;
  why: string;
  /** failures of this kind in the item */
  count: number;
  /** ISO 8601, or null where it was in an earlier run */
  at: string | null;
  /** a command that shows more */
  look: string;
}

export interface FailureOptions extends JsonOption {
  class?: FailureClass;
}

interface Failed {
  documents: FailedDocument[];
  episodes: EpisodeEntry[];
}

/** Everything of a run in which something failed. */
export async function failedOf(store: Store, record: RunRecord): Promise<Failed> {
  const unsealed = (await runSummary(store, record.run)) === undefined ? await unsealedOf(record) : undefined;
  const documents = await failedDocuments(store, record.run);
  const pages = await store.list(`runs/${record.run}/episodes/`);
  const episodes: EpisodeEntry[] = [];
  for await (const entry of sealedEpisodes({ store }, record.run, pages.length))
    if (Object.keys(failuresOf(entry)).length > 0) episodes.push(entry);
  const known = new Set([...documents.map(keyOfDocument), ...episodes.map(keyOfEpisode)]);
  return {
    documents: [...documents, ...(unsealed?.documents ?? []).filter((one) => !known.has(keyOfDocument(one)))],
    episodes: [...episodes, ...(unsealed?.episodes ?? []).filter((one) => !known.has(keyOfEpisode(one)))],
  };
}

const keyOfDocument = ({ document, at }: FailedDocument): string => `${document.id} ${at}`;
const keyOfEpisode = ({ id, tries = 0 }: EpisodeEntry): string => `${id} ${tries}`;

/** What a run that goes on has not sealed yet. Nothing is started for it: without a server the store is all there is. */
async function unsealedOf({ workflowId }: RunRecord): Promise<Failed | undefined> {
  try {
    return await withClient(homeFolder(), (client) => client.workflow.getHandle(workflowId).query<Failed>('unsealed'));
  } catch {
    return undefined;
  }
}

/** How many failures there are of each class. */
export function countByClass({ documents, episodes }: Failed): FailureCounts {
  const counts: FailureCounts = {};
  const add = (name: FailureClass, by: number): void => {
    counts[name] = (counts[name] ?? 0) + by;
  };
  for (const { class: name } of documents) add(name, 1);
  for (const entry of episodes)
    for (const [name, number] of Object.entries(failuresOf(entry))) add(name as FailureClass, number);
  return counts;
}

export async function listFailures(store: Store, { run }: RunRecord, failed: Failed): Promise<Failure[]> {
  const documents = failed.documents.map(
    ({ document, class: name, kind, detail, at }): Failure => ({
      what: 'document',
      id: document.id,
      title: document.title,
      class: name,
      kind,
      why: detail,
      count: 1,
      at: new Date(at).toISOString(),
      look: `${program} ui ${run}`,
    }),
  );
  const episodes = await Promise.all(failed.episodes.map((entry) => ofEpisode(store, run, entry)));
  return [...documents, ...episodes.flat()];
}

async function ofEpisode(store: Store, run: string, entry: EpisodeEntry): Promise<Failure[]> {
  const { id, title, detail, endedAt, record } = entry;
  const shared = {
    id,
    title,
    at: endedAt === undefined ? null : new Date(endedAt).toISOString(),
    look: `${program} show ${run} ${id}`,
  };
  const whole = (name: FailureClass, kind: string): Failure => ({
    ...shared,
    what: 'task',
    class: name,
    kind,
    why: detail,
    count: 1,
  });
  if (record === null) return [whole(failureClass(entry.kind) ?? 'infrastructure', entry.kind ?? 'unknown')];
  const { outcome, dropped, candidates } = await getJson<Episode>(store, record);
  const counted = new Map<string, Failure>();
  const note = (failure: Omit<Failure, keyof typeof shared | 'count'>): void => {
    const key = JSON.stringify(failure);
    const before = counted.get(key) ?? { ...shared, ...failure, count: 0 };
    counted.set(key, { ...before, count: before.count + 1 });
  };
  const unreadable = { kind: 'unreadable', why: 'the reply could not be read' };
  for (let left = dropped[unreadableInstruction] ?? 0; left > 0; left -= 1)
    note({ what: 'window', class: 'model', ...unreadable });
  for (const { absent = [], digest } of candidates) {
    for (const { member, why, detail: said } of absent)
      if (why === 'failed') note({ what: 'vote', class: 'judge', kind: 'absent', why: `${member}: ${said}` });
    for (const { parsed } of digest.ballots) if (!parsed) note({ what: 'vote', class: 'judge', ...unreadable });
  }
  return [...(outcome === 'failed' ? [whole('agent', 'unreadable')] : []), ...counted.values()];
}

/** Failures that are printed one by one. */
const mostShown = 50;

export async function failuresCommand(text: string, options: FailureOptions): Promise<number> {
  const store = await openStore(storeUrl());
  const record = await findRun(store, text);
  const all = await listFailures(store, record, await failedOf(store, record));
  const wanted = all.filter((failure) => options.class === undefined || failure.class === options.class);
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify({ run: record.run, failures: wanted })}\n`);
    return 0;
  }
  const { stdout } = process;
  if (wanted.length === 0) {
    stdout.write(
      `nothing${options.class === undefined ? '' : ` of the class ${options.class}`} failed in ${record.run}\n`,
    );
    return 0;
  }
  for (const [name, says] of Object.entries(failureClasses)) {
    const own = wanted.filter((failure) => failure.class === name);
    if (own.length === 0) continue;
    const number = own.reduce((sum, { count }) => sum + count, 0);
    stdout.write(`${paint('bold', `${number} ${name}`)}  ${paint('dim', says)}\n`);
    for (const { what, id, kind, why, count, at } of own.slice(0, mostShown)) {
      const when = at === null ? 'in an earlier run' : `${at.slice(0, 19).replace('T', ' ')} UTC`;
      stdout.write(`  ${what} ${id}${count > 1 ? ` ×${count}` : ''}  ${paint('dim', `${when}, ${kind}`)}\n`);
      stdout.write(`    ${paint('red', why.replaceAll(/\s+/g, ' ').slice(0, 300))}\n`);
    }
    if (own.length > mostShown) stdout.write(`  … ${own.length - mostShown} more: --json lists all\n`);
  }
  stdout.write(`\n  one of them  ${program} show ${record.run} TASK\n  again        ${program} retry ${record.run}\n`);
  return 0;
}
