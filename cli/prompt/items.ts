/** Something real to fill a prompt with: a document of the sources, or what a run has stored. */
import { readTrajectory } from '../../activities/chain.ts';
import { decide, query } from '../../activities/decide.ts';
import type { Deps } from '../../activities/deps.ts';
import { instruct } from '../../activities/instruct.ts';
import { open } from '../../activities/open.ts';
import { findStage, type PromptName, stageOf } from '../../activities/plans.ts';
import { sealedEpisodes } from '../../activities/record.ts';
import { relabel } from '../../activities/relabel.ts';
import { vote } from '../../activities/vote.ts';
import { seatsOf } from '../../core/committee.ts';
import { LbiError } from '../../core/errors.ts';
import type { Ref } from '../../schemas/common.ts';
import type { Episode } from '../../schemas/episode.ts';
import type { Example } from '../../schemas/example.ts';
import type { EpisodeEntry } from '../../schemas/flow.ts';
import type { Plan } from '../../schemas/plan.ts';
import type { Trajectory } from '../../schemas/step.ts';
import type { Task } from '../../schemas/task.ts';
import { getJson, putJson } from '../../store/json.ts';
import { entryOf, pickDocument } from '../documents.ts';
import { thingOf } from '../explain/things.ts';
import { program } from '../home.ts';
import { findRun, listRuns, type RunRecord } from '../runs.ts';

export interface ItemOptions {
  member?: string;
  from?: string;
  document?: string;
  task?: string;
}

/** The question that would be asked, as work that asks it, and what it is about, in words. */
export interface Item {
  about: string;
  /** The prompt that is used, where the item decides it. */
  name?: PromptName;
  ask(): Promise<unknown>;
}

interface Given {
  deps: Deps;
  plan: Plan;
  ref: Ref;
  options: ItemOptions;
}

export async function itemFor(name: PromptName, given: Given): Promise<Item> {
  if (name === 'instruct' || name === 'instruct/observation') return document(given);
  if (name === 'interact' || name === 'interact/query') return moment(name, given);
  if (name === 'filter') return example(given);
  return window(name === 'construct/replicate' ? 'replicate' : 'new-task', given);
}

async function document({ deps, plan, ref, options }: Given): Promise<Item> {
  const picked = await pickDocument(deps, plan, options.document ?? '1');
  const entry = await entryOf(deps.store, picked.document);
  const seen = picked.document.kind === 'observation' && plan.prompts['instruct/observation'] !== undefined;
  return {
    about: `document ${picked.number} of the sources: ${picked.document.id}, "${picked.document.title}"`,
    ...(seen ? { name: 'instruct/observation' } : {}),
    ask: () => instruct(deps)({ plan: ref, document: entry }),
  };
}

interface Stored {
  run: string;
  task: Ref;
  taskId: string;
  episode: Episode;
  trajectory: Trajectory;
  /** Set when an example was named. */
  example?: Ref;
}

/** The newest run of the pipeline, or the one that was named; undefined when there is none and none was named. */
async function runFor({ deps, plan, options }: Given): Promise<RunRecord | undefined> {
  if (options.from !== undefined) return findRun(deps.store, options.from.split('/')[0] ?? '');
  return (await listRuns(deps.store)).find(({ pipeline }) => pipeline === plan.spec.name);
}

/** What a run has stored that has the wanted part: the named example or task, else the first that will do. */
async function storedFor(given: Given, fits: (stored: Stored) => boolean): Promise<Stored | undefined> {
  const { deps, options } = given;
  const record = await runFor(given);
  if (record === undefined) return undefined;
  const thing = options.from?.includes('/') === true ? await thingOf(options.from) : undefined;
  const named = thing === undefined ? undefined : thing.kind === 'task' ? thing.entry.id : thing.judged.task;
  for await (const entry of sealedEpisodes(deps, record.run, await pagesOf(given, record.run))) {
    if (named !== undefined && entry.id !== named) continue;
    const stored = await storedOf(deps, record.run, entry);
    if (stored === undefined) continue;
    if (thing?.kind === 'example') return { ...stored, example: thing.judged.example };
    if (fits(stored)) return stored;
  }
  return undefined;
}

const pagesOf = async ({ deps }: Given, run: string): Promise<number> =>
  (await deps.store.list(`runs/${run}/episodes/`)).length;

async function storedOf(deps: Deps, run: string, entry: EpisodeEntry): Promise<Stored | undefined> {
  if (entry.record === null) return undefined;
  const episode = await getJson<Episode>(deps.store, entry.record);
  if (episode.trajectory === null) return undefined;
  const trajectory = await getJson<Trajectory>(deps.store, episode.trajectory);
  return { run, task: entry.task, taskId: entry.id, episode, trajectory };
}

/** The agent before its last stored action, so that there is something it did and something it sees. */
async function moment(name: 'interact' | 'interact/query', given: Given): Promise<Item> {
  const { deps, plan, ref } = given;
  if (name === 'interact/query' && stageOf(plan, 'interact').knowledge?.model === undefined)
    throw new LbiError('spec', `this pipeline asks for no query: it has no stages.interact.knowledge.model`);
  const work = name === 'interact' ? decide(deps) : query(deps);
  const stored =
    given.options.task === undefined ? await storedFor(given, ({ trajectory }) => trajectory.steps > 0) : undefined;
  if (stored === undefined) return begin(work, given);
  const chain = await readTrajectory(deps.store, stored.trajectory.head);
  const last = chain.at(-1);
  const head = chain.length > 2 && last?.parent != null ? last.parent : stored.trajectory.head;
  const step = head === stored.trajectory.head ? chain.length : chain.length - 1;
  return {
    about: `step ${step} of ${stored.run}/${stored.taskId}`,
    ask: () => work({ plan: ref, task: stored.task, head, query: null, retry: 0 }),
  };
}

/** Without a run, the place is opened and its first observation read: no model is needed for that. */
async function begin(work: ReturnType<typeof decide> | ReturnType<typeof query>, given: Given): Promise<Item> {
  const { deps, plan, ref, options } = given;
  const { environment } = stageOf(plan, 'interact');
  process.stderr.write(`opening ${environment} for its first observation; no model is asked\n`);
  const task: Task = {
    id: 'prompt',
    instruction: options.task ?? '(a task that the stage instruct will have invented)',
    ...{ document: null, documentId: null, attempt: 0, seed: plan.spec.seed },
  };
  const stored = await putJson(deps.store, task);
  const session = 'prompt#1';
  const { head } = await open(deps)({ plan: ref, environment, task: stored, session, head: null });
  await deps.sessions.close(session);
  return {
    about: `the first observation of ${environment}`,
    ask: () => work({ plan: ref, task: stored, head, query: null, retry: 0 }),
  };
}

const nothingYet = (what: string): LbiError =>
  new LbiError(
    'spec',
    `this prompt is filled with ${what}, and no run here has one yet: ${program} preview PIPELINE.yaml shows one, ${program} run keeps them (then --from RUN)`,
  );

async function window(style: 'new-task' | 'replicate', given: Given): Promise<Item> {
  const { deps, ref } = given;
  const stored = await storedFor(given, ({ trajectory }) => trajectory.steps > 0);
  if (stored === undefined) throw nothingYet('a stretch of an attempt');
  const { task, taskId, run, trajectory } = stored;
  const whole = { from: 0, to: trajectory.steps, steps: Array.from({ length: trajectory.steps }, (_, at) => at + 1) };
  const own = stored.example === undefined ? undefined : await getJson<Example>(deps.store, stored.example);
  const cut = own?.window ?? whole;
  return {
    about: `observations ${cut.from}–${cut.to} of ${run}/${taskId}`,
    ask: () => relabel(deps)({ plan: ref, task, head: own?.head ?? trajectory.head, window: cut, style }),
  };
}

async function example(given: Given): Promise<Item> {
  const { deps, plan, ref, options } = given;
  const stage = findStage(plan, 'filter');
  const members = stage === undefined ? [] : seatsOf(stage).map(({ name }) => name);
  const member = options.member ?? members[0] ?? '';
  if (!members.includes(member))
    throw new LbiError('spec', `--member ${member}: the committee has ${members.join(', ') || 'no members'}`);
  const stored = await storedFor(given, ({ episode }) => episode.candidates.length > 0);
  const chosen = stored?.example ?? stored?.episode.candidates[0]?.example;
  if (stored === undefined || chosen === undefined) throw nothingYet('an example');
  const { instruction } = await getJson<Example>(deps.store, chosen);
  return {
    about: `example ${chosen.slice(0, 12)} of ${stored.run}: "${instruction.replaceAll(/\s+/g, ' ').slice(0, 80)}"`,
    ask: () => vote(deps)({ plan: ref, example: chosen, member }),
  };
}
