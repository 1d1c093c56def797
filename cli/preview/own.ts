/** Stages of the user's own in a preview: they work as in a run, on what there is. */
import { transform } from '../../activities/transform.ts';
import type { Ref } from '../../schemas/common.ts';
import type { DocumentEntry, Flow, OwnCall, TransformInput, TransformResult } from '../../schemas/flow.ts';
import { getJson } from '../../store/json.ts';
import { count } from './calls.ts';
import type { Preview } from './episode.ts';

async function work(preview: Preview, own: OwnCall, given: object): Promise<TransformResult> {
  const { deps, ref, bill, tell } = preview;
  const input = { plan: ref, run: 'preview', stage: own.stage, ...given } as TransformInput;
  const result = await transform(deps)(input);
  for (const [account, usage] of Object.entries(result.usage)) count(bill, account, usage);
  for (const [reason, number] of Object.entries(result.dropped))
    tell({ type: 'note', text: `  left out: ${number} × ${reason}` });
  return result;
}

/** The tasks of the document that are left. */
export async function ownTasks(preview: Preview, flow: Flow, document: DocumentEntry, tasks: Ref): Promise<string[]> {
  let now: Ref | null = tasks;
  for (const own of flow.own?.tasks ?? []) {
    if (now === null) return [];
    now = (await work(preview, own, { tasks: now, document })).tasks?.ref ?? null;
  }
  return now === null ? [] : getJson<string[]>(preview.deps.store, now);
}

export async function ownTrajectory(
  preview: Preview,
  flow: Flow,
  trajectory: Extract<TransformInput, { trajectory: unknown }>['trajectory'],
): Promise<boolean> {
  for (const own of flow.own?.trajectories ?? [])
    if ((await work(preview, own, { trajectory })).trajectory !== true) return false;
  return true;
}

/** The example that stands in its place, alone here where a run hands over all of the episode; null when it is left out. */
export async function ownExample(preview: Preview, flow: Flow, example: Ref): Promise<Ref | null> {
  let now: Ref | null = example;
  for (const own of flow.own?.examples ?? []) {
    if (now === null) return null;
    const { examples }: TransformResult = await work(preview, own, { examples: [now] });
    now = examples?.[0] ?? null;
  }
  return now;
}
