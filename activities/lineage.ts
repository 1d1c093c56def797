/** Where an example comes from, the whole way: document → task → attempt, step by step → window → prompts → votes → verdict → row. */
import { createHash } from 'node:crypto';
import { LbiError } from '../core/errors.ts';
import { stageOf as findStage, isScripted } from '../core/plan.ts';
import type { CountedVote } from '../core/recount.ts';
import type { Ref } from '../schemas/common.ts';
import type { Row } from '../schemas/dataset.ts';
import type { Document } from '../schemas/document.ts';
import type { Candidate, Episode } from '../schemas/episode.ts';
import type { Example } from '../schemas/example.ts';
import type { EpisodeEntry, Progress } from '../schemas/flow.ts';
import type { Plan } from '../schemas/plan.ts';
import type { Step, Trajectory } from '../schemas/step.ts';
import type { Task } from '../schemas/task.ts';
import type { Verdict, Vote } from '../schemas/vote.ts';
import { rowOf } from '../store/dataset/row.ts';
import { findPage, getJson, readPage } from '../store/json.ts';
import type { Store } from '../store/store.ts';
import { factsOf } from './attempt.ts';
import { committeeOf } from './committee.ts';
import { type Judged, readJudged } from './judged.ts';
import { summaryPath } from './record.ts';
import type { KeptExample } from './rows.ts';

/** What is stored, and under which reference. */
type Stored<T> = T & { ref: Ref };

export interface LineageStep {
  /** the stored step: its ref is a head, the trajectory up to here */
  ref: Ref;
  step: Step;
  /** whether the place was in another state afterwards */
  changed: boolean;
  /** whether the example tells it */
  inExample: boolean;
}

export interface Lineage {
  example: Stored<Example>;
  /** the document that the task was invented from, `span` being its characters of the original; null when there was none */
  document: Stored<Document> | null;
  task: Stored<Task>;
  /** the attempt that the window is cut from, and all its steps, the first without an action */
  attempt: Stored<Trajectory> | null;
  steps: LineageStep[];
  /** prompts that had a part in it, as the plan of the run has them */
  prompts: { name: string; sha256: string }[];
  /** what the episode recorded of the example; undefined when it has no such example */
  candidate: Candidate | undefined;
  /** as stored, with what each comes to under the committee of today */
  votes: (Stored<Vote> & CountedVote)[];
  verdict: Verdict;
  /** the row of the dataset; null for a dropped example */
  row: Row | null;
}

/** Finds the way back of a run's examples: each of these is read once for the whole run. */
export interface Lineages {
  /** the examples of the dataset */
  kept: Ref[];
  /** @param id reference of an example or of a row (its id), or a beginning of one that no other has. Throws `spec` when there is none. */
  of(id: string): Promise<Lineage>;
}

/** Throws `spec` when the run has not counted its votes yet. */
export async function openLineages(store: Store, run: string, plan: Plan): Promise<Lineages> {
  const judged = await readJudged(store, run);
  if (judged === undefined) throw new LbiError('spec', `${run} has not tallied its votes yet`);
  const kept = await keptOf(store, run);
  const records = new Map<Ref, Ref>();
  for (const page of await store.list(`runs/${run}/episodes/`))
    for (const { task, record } of await readPage<EpisodeEntry[]>(store, page))
      if (record !== null) records.set(task, record);
  return {
    kept: [...kept.keys()],
    async of(id) {
      const found = findJudged(judged, id, run);
      return trace(store, plan, {
        judged: found,
        kept: kept.get(found.example),
        recordOf: (task) => records.get(task),
      });
    },
  };
}

/** The lineage of one example of a run. */
export const lineageOf = async (store: Store, run: string, plan: Plan, id: string): Promise<Lineage> =>
  (await openLineages(store, run, plan)).of(id);

async function keptOf(store: Store, run: string): Promise<Map<Ref, KeptExample>> {
  const summary = await findPage<Progress>(store, summaryPath(run));
  const kept = summary?.dataset == null ? [] : await getJson<KeptExample[]>(store, summary.dataset.rows);
  return new Map(kept.map((each) => [each.example, each]));
}

function findJudged(judged: Judged[], id: string, run: string): Judged {
  const found = id === '' ? [] : judged.filter(({ example }) => example.startsWith(id.toLowerCase()));
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  const some = (found.length > 1 ? found : judged).slice(0, 5).map(({ example }) => example.slice(0, 16));
  throw new LbiError(
    'spec',
    `${found.length > 1 ? 'more than one example' : 'no example'} of ${run} begins with "${id}"; ${some.length === 0 ? 'it has none' : `there are ${some.join(', ')}`}`,
  );
}

interface Known {
  judged: Judged;
  /** how the dataset has it; undefined for a dropped example */
  kept: KeptExample | undefined;
  /** the record of a task's episode in this run */
  recordOf(task: Ref): Ref | undefined;
}

async function trace(store: Store, plan: Plan, { judged, kept, recordOf }: Known): Promise<Lineage> {
  const stored = async <T extends object>(ref: Ref): Promise<Stored<T>> => ({ ...(await getJson<T>(store, ref)), ref });
  const example = await stored<Example>(judged.example);
  const task = await stored<Task>(example.task);
  const document = task.document === null ? null : await stored<Document>(task.document);
  const record = recordOf(example.task);
  const episode = record === undefined ? undefined : await getJson<Episode>(store, record);
  return {
    example,
    document,
    task,
    attempt: episode?.trajectory == null ? null : await stored<Trajectory>(episode.trajectory),
    steps: await stepsOf(store, example),
    prompts: promptsOf(plan, example.style, document?.kind === 'observation'),
    candidate: episode?.candidates.find((candidate) => candidate.example === example.ref),
    votes: await Promise.all(
      judged.votes.map(async (counted) => ({ ...(await stored<Vote>(counted.vote)), ...counted })),
    ),
    verdict: { kept: judged.kept, reason: judged.reason },
    row: kept === undefined ? null : await rowOf(store, { ...kept, scripted: isScripted(plan) }, committeeOf(plan)),
  };
}

/** The chain behind the head, root first, each step under its own reference. */
async function stepsOf(store: Store, { head, window }: Example): Promise<LineageStep[]> {
  const chain: { ref: Ref; step: Step }[] = [];
  for (let ref: Ref | null = head; ref !== null; ) {
    const step: Step = await getJson<Step>(store, ref);
    chain.unshift({ ref, step });
    ref = step.parent;
  }
  const inside = new Set(window.steps);
  return chain.map(({ ref, step }, at) => ({
    ref,
    step,
    changed: at > 0 && factsOf(step, chain[at - 1]?.step ?? step).changed,
    inExample: inside.has(step.index),
  }));
}

/** Which texts were asked with. They are in the identities of what they made, so what was reused was made with the same. */
function promptsOf(plan: Plan, style: Example['style'], observed: boolean): Lineage['prompts'] {
  const fromObservation = observed && plan.prompts['instruct/observation'] !== undefined;
  const asks = (name: string): boolean => {
    if (name === 'interact') return true;
    if (name === 'instruct') return !fromObservation;
    if (name === 'instruct/observation') return fromObservation;
    if (name === 'interact/query') return findStage(plan, 'interact')?.knowledge?.model !== undefined;
    if (name.startsWith('construct/')) return name === `construct/${style}`;
    return (name === 'filter' || name.startsWith('filter/')) && findStage(plan, 'filter') !== undefined;
  };
  return Object.entries(plan.prompts)
    .filter(([name]) => asks(name))
    .map(([name, text]) => ({ name, sha256: createHash('sha256').update(text).digest('hex') }));
}

/** What does not hold together between the dataset's row and what its run recorded; empty when all does. */
export function brokenLinks({ row, task, document, candidate, votes, steps, attempt }: Lineage): string[] {
  const recorded = new Set(candidate?.votes);
  return [
    ...(candidate === undefined ? ['No episode of the run has recorded this example.'] : []),
    ...(candidate !== undefined && votes.some(({ ref }) => !recorded.has(ref))
      ? ['A vote of this example was cast on another one.']
      : []),
    ...(attempt !== null && attempt.task !== task.ref ? ['The trajectory is that of another task.'] : []),
    ...(attempt !== null && !steps.some(({ ref }) => ref === attempt.head)
      ? ['The window is not cut from the trajectory that the episode recorded.']
      : []),
    ...(row !== null && (row.document?.id ?? null) !== (document?.id ?? null)
      ? ['The document is not the one that the task was invented from.']
      : []),
  ];
}
