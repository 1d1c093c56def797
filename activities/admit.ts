/** Takes new tasks into a run: duplicates are turned away, attempts spread, and what is finished under its identity comes back done. */
import { type TaskSet, taskSet } from '../core/task-set.ts';
import type { Ref } from '../schemas/common.ts';
import type { Document } from '../schemas/document.ts';
import type { DocumentEntry, EpisodeEntry, FailureClass, TaskEntry } from '../schemas/flow.ts';
import type { Plan } from '../schemas/plan.ts';
import type { Task } from '../schemas/task.ts';
import { findPage, getJson, hashOf, putJson, readPage, writePage } from '../store/json.ts';
import { findAttempt } from './attempt.ts';
import { finishedEpisode } from './conclude.ts';
import { corpusOf } from './corpus.ts';
import type { Deps } from './deps.ts';
import { stageOf } from './plans.ts';
import { againTask, isRetried } from './take-up.ts';

/** What became of a document's tasks; a page of the run. */
export interface Batch {
  instructions: string[];
  /** one entry for each attempt at each */
  fresh: TaskEntry[];
  duplicates: number;
}

const batchPath = (run: string, batch: number): string =>
  `runs/${run}/tasks/${String(batch + 1).padStart(6, '0')}.json`;

/** Runs whose tasks are kept in memory, about 1 kB each: those that admitted last. */
const mostRuns = 4;

/** Tasks admitted so far, by run: read once from the store, then kept. */
const admittedBefore = new Map<string, { batches: number; tasks: TaskSet }>();

async function tasksBefore(deps: Deps, run: string, batch: number, threshold: number): Promise<TaskSet> {
  const known = admittedBefore.get(run);
  const before = known !== undefined && known.batches <= batch ? known : { batches: 0, tasks: taskSet(threshold) };
  const start = before.batches;
  const pages: Batch[] = [];
  for (let page = start; page < batch; page += 1) pages.push(await readPage<Batch>(deps.store, batchPath(run, page)));
  // Without a pause from here on: another call for the same run may have added some of them meanwhile.
  for (const { instructions } of pages.slice(before.batches - start)) {
    for (const instruction of instructions) before.tasks.add(instruction);
    before.batches += 1;
  }
  admittedBefore.delete(run);
  admittedBefore.set(run, before);
  const [oldest] = admittedBefore.keys();
  if (admittedBefore.size > mostRuns && oldest !== undefined) admittedBefore.delete(oldest);
  return before.tasks;
}

interface AdmitInput {
  plan: Ref;
  run: string;
  batch: number;
  document: DocumentEntry | null;
  tasks: Ref | null;
  /** set where finished tasks in which something failed are taken up again */
  retry?: { class: FailureClass | null };
}

export const admit =
  (deps: Deps) =>
  async (input: AdmitInput): Promise<{ fresh: TaskEntry[]; finished: EpisodeEntry[]; duplicates: number }> => {
    const plan = await deps.plan(input.plan);
    const batch = await admitted(deps, plan, input);
    const known = await inChunks(batch.fresh, async (task) => ({
      task,
      done: await finishedEpisode(deps, plan, task),
    }));
    const taken = await inChunks(
      known,
      async ({ task, done }): Promise<{ fresh: TaskEntry } | { done: EpisodeEntry }> => {
        if (done !== undefined)
          return isRetried(input.retry, done) ? { fresh: await againTask(deps.store, done) } : { done };
        const fresh = await withAttempt(deps, plan, task);
        return { fresh: input.retry === undefined ? fresh : { ...fresh, anew: true } };
      },
    );
    const finished = taken.flatMap((each) => ('done' in each ? [each.done] : []));
    const fresh = taken.flatMap((each) => ('fresh' in each ? [each.fresh] : []));
    return { fresh, finished, duplicates: batch.duplicates };
  };

/** The episodes of a document's tasks, duplicates apart, whether or not they are done. */
export async function admitted(deps: Deps, plan: Plan, input: AdmitInput): Promise<Batch> {
  const path = batchPath(input.run, input.batch);
  return (await findPage<Batch>(deps.store, path)) ?? (await admitBatch(deps, plan, input, path));
}

/** A task whose trajectory is in the store already: its episode opens no session. */
async function withAttempt(deps: Deps, plan: Plan, task: TaskEntry): Promise<TaskEntry> {
  return { ...task, ...(await findAttempt(deps.store, plan, task)) };
}

async function admitBatch(deps: Deps, plan: Plan, input: AdmitInput, path: string): Promise<Batch> {
  const stage = stageOf(plan, 'instruct');
  const before = await tasksBefore(deps, input.run, input.batch, stage.duplicates);
  const candidates = input.tasks === null ? [] : await getJson<string[]>(deps.store, input.tasks);
  const origin = input.document === null ? undefined : await getJson<Document>(deps.store, input.document.ref);
  const proposed = candidates.map((instruction) => ({ instruction }));
  // The same goal in another state is another task.
  const { fresh, duplicates } =
    origin?.kind === 'goal' ? { fresh: proposed, duplicates: [] } : before.distinct(proposed);
  const room = Math.max(0, (stage.limit ?? Number.POSITIVE_INFINITY) - before.size());
  const admitted = fresh.slice(0, room).map(({ instruction }) => instruction);
  const attempts = stageOf(plan, 'interact').attempts;
  const corpus = await corpusOf(deps.store, plan, input.run);
  const shared = {
    document: input.document,
    ...(origin?.start ?? { seed: plan.spec.seed }),
    ...(corpus === undefined ? {} : { corpus }),
  };
  const wanted = admitted.flatMap((instruction) =>
    Array.from({ length: attempts }, (_, attempt) => ({ ...shared, instruction, attempt })),
  );
  const entries = await inChunks(wanted, (task) => storeTask(deps, task));
  const batch: Batch = { instructions: admitted, fresh: entries, duplicates: duplicates.length };
  await writePage(deps.store, path, batch);
  return batch;
}

/** Pieces of work on the store that are under way at once. */
const together = 16;

async function inChunks<T, R>(items: T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let start = 0; start < items.length; start += together)
    results.push(...(await Promise.all(items.slice(start, start + together).map(work))));
  return results;
}

async function storeTask(
  deps: Deps,
  {
    document,
    ...rest
  }: Pick<Task, 'instruction' | 'attempt' | 'seed' | 'setup' | 'corpus'> & { document: DocumentEntry | null },
): Promise<TaskEntry> {
  const { instruction, attempt } = rest;
  const id = taskId(document, instruction, attempt);
  const task: Task = { ...rest, id, document: document?.ref ?? null, documentId: document?.id ?? null };
  const title = instruction.length > 100 ? `${instruction.slice(0, 99)}…` : instruction;
  return { ref: await putJson(deps.store, task), id, title };
}

/** Readable in the Temporal UI and the same in every run: the document's name, a hash of the instruction, the attempt. */
function taskId(document: DocumentEntry | null, instruction: string, attempt: number): string {
  const name = (document?.id ?? 'task')
    .toLowerCase()
    .replaceAll(/\.[a-z]+(?=#|$)/g, '')
    .replaceAll(/[^a-z0-9]+/g, '-');
  const short = name.split('-').filter(Boolean).slice(-4).join('-').slice(0, 40);
  const hash = hashOf({ instruction, document: document?.id ?? null }).slice(0, 6);
  return `${short}-${hash}${attempt > 0 ? `-${attempt + 1}` : ''}`;
}
