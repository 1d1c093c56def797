/** Keeping what an episode made, and finding it again under its identity. */
import { shortfallOf } from '../core/failure-class.ts';
import { ownEpisodeIdentity } from '../core/own.ts';
import { stageIdentity } from '../core/plan.ts';
import { recount, settled } from '../core/recount.ts';
import { noUsage } from '../core/usage.ts';
import type { Json, JsonObject, Ref } from '../schemas/common.ts';
import type { Episode, EpisodeDraft } from '../schemas/episode.ts';
import type { EpisodeEntry, FailureCounts, TaskEntry } from '../schemas/flow.ts';
import type { Plan } from '../schemas/plan.ts';
import type { Task } from '../schemas/task.ts';
import { getJson, hasherOf, hashOf, putJson } from '../store/json.ts';
import type { Store } from '../store/store.ts';
import { committeeOf } from './committee.ts';
import type { Deps } from './deps.ts';
import { digestOf } from './digest.ts';
import { stageOf } from './plans.ts';

/** Version of a record's shape: one of another shape is not found, and made again from replies that are. */
const recordVersion = 3;

const hashers = new WeakMap<Plan, (task: Ref) => string>();

/** Identity of an episode: the stages that make it (not the rule over its votes) and its task. */
export function episodeKey(plan: Plan, task: Ref): string {
  const stages = (): Json[] => (['interact', 'construct', 'filter'] as const).map((name) => stageIdentity(plan, name));
  const identity = (): JsonObject => ({
    unit: 'episode',
    record: recordVersion,
    stages: stages(),
    ...ownEpisodeIdentity(plan),
  });
  const hasher = hashers.get(plan) ?? hasherOf(identity(), 'task');
  hashers.set(plan, hasher);
  return hasher(task);
}

/** Where an episode is kept that was made anew because something of the ones before it had failed. */
const keyOf = (plan: Plan, task: Ref, again: number): string => {
  const first = episodeKey(plan, task);
  return again === 0 ? first : hashOf({ unit: 'episode again', episode: first, again });
};

/** Where an episode is kept whose votes were too few for the rule of a later run: more were asked for under that rule. */
const recountKey = (plan: Plan, episode: string): string => {
  const { members = [], ...rules } = committeeOf(plan) ?? {};
  const voters = members.map(({ name: _name, ...voter }) => voter);
  return hashOf({ unit: 'episode under a rule', episode, rules, voters });
};

const enough = (plan: Plan, { candidates }: Episode): boolean => {
  const committee = committeeOf(plan);
  return committee === undefined || candidates.every((candidate) => settled(candidate, committee));
};

export const conclude =
  (deps: Deps) =>
  async (input: { plan: Ref; record: EpisodeDraft; again?: number }): Promise<Ref> => {
    const plan = await deps.plan(input.plan);
    const { environment } = stageOf(plan, 'interact');
    const record = await putJson(deps.store, await withDigests(deps.store, input.record, environment));
    const key = keyOf(plan, input.record.task, input.again ?? 0);
    const first = await deps.store.remember(key, record);
    if (first === record || enough(plan, await getJson<Episode>(deps.store, first))) return first;
    return deps.store.remember(recountKey(plan, key), record);
  };

async function withDigests(store: Store, draft: EpisodeDraft, environment: string): Promise<Episode> {
  const candidates = draft.candidates.map(async (candidate) => ({
    ...candidate,
    digest: await digestOf(store, candidate),
  }));
  const { documentId, instruction } = await getJson<Task>(store, draft.task);
  return {
    ...draft,
    origin: { documentId, task: instruction, environment },
    candidates: await Promise.all(candidates),
  };
}

interface Found {
  ref: Ref;
  record: Episode;
  again: number;
  failures: FailureCounts;
}

/** The record of a task under its identity, with all the votes that the plan's rule needs: the newest where something failed in the ones before. */
async function findRecord(deps: Deps, plan: Plan, task: Ref): Promise<Found | undefined> {
  let found: Found | undefined;
  for (let again = 0; ; again += 1) {
    const next = await recordAt(deps, plan, keyOf(plan, task, again));
    if (next === undefined) return found;
    found = { ...next, again, failures: shortfallOf(next.record, votersOf(plan)) };
    if (Object.keys(found.failures).length === 0) return found;
  }
}

async function recordAt(deps: Deps, plan: Plan, key: string): Promise<{ ref: Ref; record: Episode } | undefined> {
  for (const place of [() => key, () => recountKey(plan, key)]) {
    const ref = await deps.store.memo(place());
    if (ref === undefined) return undefined;
    const record = await getJson<Episode>(deps.store, ref);
    if (enough(plan, record)) return { ref, record };
  }
  return undefined;
}

const votersOf = (plan: Plan): Set<string> => new Set(committeeOf(plan)?.members.map(({ voter }) => voter));

/** The finished episode of a task under its identity, its votes counted anew under the plan's rule; undefined when there is none. */
export async function finishedEpisode(deps: Deps, plan: Plan, task: TaskEntry): Promise<EpisodeEntry | undefined> {
  const found = await findRecord(deps, plan, task.ref);
  if (found === undefined) return undefined;
  const { ref, record, again, failures } = found;
  const committee = committeeOf(plan);
  const kept = record.candidates.filter(
    (candidate) => committee === undefined || recount(candidate, committee).kept,
  ).length;
  return {
    task: task.ref,
    id: task.id,
    title: task.title,
    record: ref,
    outcome: record.outcome,
    detail: record.detail,
    steps: record.steps,
    windows: record.windows,
    voted: committee === undefined ? 0 : record.candidates.length,
    kept,
    unreadable: 0,
    dropped: record.dropped,
    usage: Object.fromEntries(Object.keys(record.usage).map((account) => [account, noUsage])),
    reused: true,
    recalled: false,
    ...(Object.keys(failures).length > 0 ? { failures } : {}),
    ...(again > 0 ? { again } : {}),
    ...(task.tries === undefined ? {} : { tries: task.tries }),
  };
}
