/** Keeping what an episode made, and finding it again under its identity. */
import { ownEpisodeIdentity } from '../core/own.ts';
import { stageIdentity } from '../core/plan.ts';
import { verdict } from '../core/tally.ts';
import { noUsage } from '../core/usage.ts';
import type { Ref } from '../schemas/common.ts';
import type { Episode } from '../schemas/episode.ts';
import type { EpisodeEntry, TaskEntry } from '../schemas/flow.ts';
import type { Plan } from '../schemas/plan.ts';
import type { Vote } from '../schemas/vote.ts';
import { getJson, hashOf, putJson } from '../store/json.ts';
import type { Deps } from './deps.ts';
import { findStage } from './plans.ts';

/** Identity of an episode: the stages that make it (not the rule over its votes) and its task. */
export const episodeKey = (plan: Plan, task: Ref): string =>
  hashOf({
    unit: 'episode',
    task,
    stages: (['interact', 'construct', 'filter'] as const).map((name) => stageIdentity(plan, name)),
    ...ownEpisodeIdentity(plan),
  });

export const conclude =
  (deps: Deps) =>
  async (input: { plan: Ref; record: Episode }): Promise<Ref> => {
    const plan = await deps.plan(input.plan);
    return deps.store.remember(episodeKey(plan, input.record.task), await putJson(deps.store, input.record));
  };

/** The finished episode of a task under its identity, its votes counted anew under the plan's rule; undefined when there is none. */
export async function finishedEpisode(deps: Deps, plan: Plan, task: TaskEntry): Promise<EpisodeEntry | undefined> {
  const ref = await deps.store.memo(episodeKey(plan, task.ref));
  if (ref === undefined) return undefined;
  const record = await getJson<Episode>(deps.store, ref);
  const filter = findStage(plan, 'filter');
  let kept = 0;
  for (const { votes } of record.candidates) {
    if (filter === undefined) continue;
    const ballots = await Promise.all(votes.map((vote) => getJson<Vote>(deps.store, vote)));
    if (verdict(ballots, filter.committee.accept, filter.committee.members).kept) kept += 1;
  }
  return {
    task: task.ref,
    id: task.id,
    title: task.title,
    record: ref,
    outcome: record.outcome,
    detail: record.detail,
    steps: record.steps,
    windows: record.windows,
    voted: record.candidates.length,
    kept,
    unreadable: 0,
    dropped: record.dropped,
    usage: Object.fromEntries(Object.keys(record.usage).map((account) => [account, noUsage])),
    reused: true,
    recalled: false,
  };
}
