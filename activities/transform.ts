/** Gives a stage of the user's own what it works on, checks what comes back, and keeps it under the identity of both. */
import { resolve } from 'node:path';
import { LbiError } from '../core/errors.ts';
import { ownStageIdentity, type PlannedStage } from '../core/own.ts';
import { charge, count } from '../core/usage.ts';
import type { Json, Ref, Usage } from '../schemas/common.ts';
import type { Document } from '../schemas/document.ts';
import type { TransformInput, TransformResult } from '../schemas/flow.ts';
import type { Plan } from '../schemas/plan.ts';
import { getJson, hashOf, putJson } from '../store/json.ts';
import type { Deps } from './deps.ts';
import { documentEntries, exampleItems, instructionsOf, keptOf, trajectoryItem } from './own-items.ts';
import { type Run, runOf, runStage, writeFiles } from './own-run.ts';
import { type KeptExample, rowsOf } from './rows.ts';

type Made = Omit<TransformResult, 'usage'>;

/** What is kept of one call: its result and who paid. */
interface Kept {
  made: Made;
  usage: Record<string, Usage>;
  caller: string;
}

export const transform =
  (deps: Deps) =>
  async (input: TransformInput): Promise<TransformResult> => {
    const plan = await deps.plan(input.plan);
    const planned = plannedAt(plan, input.stage);
    if (planned.module.gives === 'files') return files(deps, plan, planned, input);
    if ('rows' in input) return rows(deps, plan, planned, input.rows);
    const run = await runOf(deps, plan, planned);
    return once(deps, plan, planned, given(input), run, () => pass(deps, run, input));
  };

function plannedAt(plan: Plan, index: number): PlannedStage {
  const stage = plan.spec.stages[index];
  const module = stage === undefined ? undefined : plan.own?.[stage.uses];
  if (stage === undefined || module === undefined)
    throw new LbiError('spec', `stage ${index + 1} of the plan is none of the user's own`);
  return { index, stage: stage as PlannedStage['stage'], module };
}

/** What a call is given, by content: titles and names are left out. */
const given = (input: TransformInput): Json => {
  if ('documents' in input) return input.documents.map(({ ref }) => ref);
  if ('tasks' in input) return [input.document.ref, input.tasks];
  if ('trajectory' in input) return { ...input.trajectory };
  return 'examples' in input ? input.examples : [input.rows];
};

/** The same items under the same identity are worked on once; a retry of this call still reports what it cost. */
async function once(
  deps: Deps,
  plan: Plan,
  planned: PlannedStage,
  items: Json,
  run: Run,
  work: () => Promise<Made>,
): Promise<TransformResult> {
  const key = hashOf({ unit: 'transform', version: 1, stage: ownStageIdentity(plan, planned), items });
  run.seed = Number.parseInt(key.slice(0, 8), 16);
  const me = deps.caller();
  const known = await deps.store.memo(key);
  const ref = known ?? (await deps.store.remember(key, await putJson(deps.store, await paid(run, me, work))));
  const { made, usage, caller } = await getJson<Kept>(deps.store, ref);
  return { ...made, usage: caller === me ? usage : {} };
}

async function paid(run: Run, caller: string, work: () => Promise<Made>): Promise<Kept> {
  const made = await work();
  return { made, usage: run.usage, caller };
}

async function pass(deps: Deps, run: Run, input: TransformInput): Promise<Made> {
  const { store } = deps;
  if ('documents' in input) {
    const items = await Promise.all(input.documents.map(({ ref }) => getJson<Document>(store, ref)));
    const { returned, dropped } = await runStage(run, items, 'documents');
    return { documents: await documentEntries(store, run.name, returned, items.length), dropped };
  }
  if ('tasks' in input) {
    const document = await getJson<Document>(store, input.document.ref);
    const instructions = await getJson<string[]>(store, input.tasks);
    const items = instructions.map((instruction) => ({ instruction, document }));
    const { returned, dropped } = await runStage(run, items, 'tasks');
    const tasks = instructionsOf(run.name, returned);
    return { tasks: { ref: tasks.length === 0 ? null : await putJson(store, tasks), count: tasks.length }, dropped };
  }
  if ('trajectory' in input) {
    const { returned, dropped } = await runStage(run, [await trajectoryItem(store, input.trajectory)], 'trajectories');
    return { trajectory: returned.length > 0, dropped };
  }
  if ('examples' in input) {
    const { items, refs, changed } = await exampleItems(store, input.examples);
    const { returned, dropped } = await runStage(run, items, 'examples');
    const kept = keptOf(run.name, refs, returned);
    return { examples: await Promise.all(refs.map((ref) => changed(ref, kept.get(ref)))), dropped };
  }
  throw new LbiError('fatal', 'a stage was given nothing');
}

/** Kept examples batch by batch: an interrupted call goes on where it was. */
async function rows(deps: Deps, plan: Plan, planned: PlannedStage, list: Ref): Promise<TransformResult> {
  const all = await getJson<KeptExample[]>(deps.store, list);
  const size = planned.stage.batch ?? 200;
  const total: TransformResult = { dropped: {}, usage: {} };
  const left: KeptExample[] = [];
  for (let from = 0; from < all.length; from += size) {
    const batch = all.slice(from, from + size);
    const { examples, dropped, usage } = await passRows(deps, plan, planned, batch);
    left.push(...batch.filter((_, index) => examples?.[index] != null));
    for (const [reason, number] of Object.entries(dropped)) count(total.dropped, reason, number);
    for (const [account, used] of Object.entries(usage)) charge(total.usage, account, used);
  }
  const test = left.filter(({ split }) => split === 'test').length;
  const ref = await putJson(deps.store, left);
  return { ...total, rows: { ref, kept: left.length, train: left.length - test, test } };
}

/** One batch: `examples` of the result are those that were passed on, null in place of the others. */
async function passRows(deps: Deps, plan: Plan, planned: PlannedStage, batch: KeptExample[]): Promise<TransformResult> {
  const run = await runOf(deps, plan, planned);
  const items = batch.map(({ example, votes, split }) => ({ example, votes, split }));
  return once(deps, plan, planned, items, run, async () => {
    const all = await rowsOf(deps.store, plan, batch);
    const ids = all.map(({ id }) => id);
    const { returned, dropped } = await runStage(run, all, 'kept');
    const kept = keptOf(run.name, ids, returned);
    return { examples: batch.map(({ example }, at) => (kept.has(ids[at] ?? '') ? example : null)), dropped };
  });
}

/** An export of one's own. It is written anew each time: what it gives is a folder, not an object. */
async function files(deps: Deps, plan: Plan, planned: PlannedStage, input: TransformInput): Promise<TransformResult> {
  if (!('rows' in input)) throw new LbiError('fatal', 'a stage that writes files was not given the kept examples');
  const run = await runOf(deps, plan, planned);
  run.seed = plan.spec.seed;
  const path = (planned.stage.path ?? `.lbi/exports/\${run}/${planned.module.name}`)
    .replaceAll('${run}', input.run)
    .replaceAll('${pipeline}', plan.spec.name);
  const folder = resolve(deps.home, path);
  const written = await writeFiles(run, folder, await getJson<KeptExample[]>(deps.store, input.rows), {
    run: input.run,
    pipeline: plan.spec.name,
  });
  return { files: { folder, files: written }, dropped: {}, usage: run.usage };
}
