/** What a run made, found by what a person types: `RUN/ID`, the beginning of an example's id, or a task. */

import { type Judged, readJudged } from '../../activities/judged.ts';
import { manifestPath, sealedEpisodes } from '../../activities/record.ts';
import { LbiError } from '../../core/errors.ts';
import { nearest } from '../../core/spec/suggest.ts';
import type { EpisodeEntry } from '../../schemas/flow.ts';
import type { Plan } from '../../schemas/plan.ts';
import { getJson } from '../../store/json.ts';
import type { Store } from '../../store/store.ts';
import { openStore } from '../../store/stores.ts';
import { program, storeUrl } from '../home.ts';
import { findRun, listRuns, type RunRecord } from '../runs.ts';

export type Thing = { store: Store; record: RunRecord; plan: Plan } & (
  | { kind: 'example'; judged: Judged }
  | { kind: 'task'; entry: EpisodeEntry }
);

/** Runs that are searched for a bare id, newest first. */
const searched = 50;

/** Throws a spec error that says what there is when nothing, or more than one thing, is meant. */
export async function thingOf(what: string): Promise<Thing> {
  const store = await openStore(storeUrl());
  const slash = what.indexOf('/');
  if (slash > 0) {
    const record = await findRun(store, what.slice(0, slash));
    const found = await inRun(store, record, what.slice(slash + 1));
    if (found !== undefined) return found;
    throw new LbiError(
      'spec',
      `${record.run} has nothing called "${what.slice(slash + 1)}"; ${await offered(store, record, what.slice(slash + 1))}`,
    );
  }
  const runs = (await listRuns(store)).slice(0, searched);
  for (const record of runs) {
    const found = await inRun(store, record, what);
    if (found !== undefined) return found;
  }
  throw new LbiError('spec', nothingCalled(what, runs));
}

const nothingCalled = (what: string, runs: RunRecord[]): string =>
  [
    `"${what}" is no key of the pipeline file, and no run here has an example or a task of that name.`,
    `  a key      ${program} explain interact.max_steps`,
    `  an example ${program} explain ${runs[0]?.run ?? 'RUN'}/ID   (ids: ${program} show ${runs[0]?.run ?? '@last'} --examples)`,
    `  a task     ${program} explain ${runs[0]?.run ?? 'RUN'}/TASK   (tasks: ${program} show ${runs[0]?.run ?? '@last'})`,
  ].join('\n');

const judgedOf = async (store: Store, run: string): Promise<Judged[]> => (await readJudged(store, run)) ?? [];

const entriesOf = async (store: Store, run: string): Promise<EpisodeEntry[]> => {
  const first = manifestPath(run, 0);
  const pages = await store.list(first.slice(0, first.lastIndexOf('/') + 1));
  const all: EpisodeEntry[] = [];
  for await (const entry of sealedEpisodes({ store }, run, pages.length)) all.push(entry);
  return all;
};

async function inRun(store: Store, record: RunRecord, id: string): Promise<Thing | undefined> {
  const judged = /^[0-9a-f]{4,64}$/.test(id)
    ? (await judgedOf(store, record.run)).filter(({ example }) => example.startsWith(id))
    : [];
  if (judged.length > 1)
    throw new LbiError(
      'spec',
      `${judged.length} examples of ${record.run} begin with "${id}": ${judged.map(({ example }) => example.slice(0, 12)).join(', ')}`,
    );
  const [only] = judged;
  const plan = (): Promise<Plan> => getJson<Plan>(store, record.plan);
  if (only !== undefined) return { kind: 'example', judged: only, store, record, plan: await plan() };
  const entry = (await entriesOf(store, record.run)).find((each) => each.id === id);
  return entry === undefined ? undefined : { kind: 'task', entry, store, record, plan: await plan() };
}

async function offered(store: Store, { run }: RunRecord, id: string): Promise<string> {
  const tasks = (await entriesOf(store, run)).map((entry) => entry.id);
  const examples = (await judgedOf(store, run)).map(({ example }) => example.slice(0, 12));
  const near = nearest(id, [...tasks, ...examples]);
  if (near !== undefined) return `did you mean ${near}?`;
  const some = [...examples.slice(0, 3), ...tasks.slice(0, 3)];
  return some.length === 0 ? 'it has finished nothing yet' : `it has ${some.join(', ')} …`;
}
