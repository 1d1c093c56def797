/** Stages of the user's own in a walk: what they made before is taken over; where they were never called, what they were given stands. */
import type { Deps } from '../../activities/deps.ts';
import { transform } from '../../activities/transform.ts';
import type { Ref } from '../../schemas/common.ts';
import type { DocumentEntry, Flow, OwnCall, TransformInput, TransformResult } from '../../schemas/flow.ts';
import { Unmade } from './dry.ts';

export interface OwnWalk {
  deps: Deps;
  plan: Ref;
  flow: Flow;
  /** names of the stages of which something is not known */
  unmade: Set<string>;
}

type Given<K extends string> = Omit<Extract<TransformInput, Record<K, unknown>>, 'plan' | 'run' | 'stage'>;

async function made<K extends string>(
  { deps, plan, flow, unmade }: OwnWalk,
  own: OwnCall,
  given: Given<K>,
): Promise<TransformResult | undefined> {
  try {
    return await transform(deps)({ plan, run: flow.run, stage: own.stage, ...given } as unknown as TransformInput);
  } catch (error) {
    if (!(error instanceof Unmade)) throw error;
    unmade.add(own.name);
    return undefined;
  }
}

/** Documents of one page of a run. */
const pageSize = 100;

const chunks = <T>(items: T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, at) => items.slice(at * size, (at + 1) * size));

export async function walkedDocuments(walk: OwnWalk, documents: DocumentEntry[]): Promise<DocumentEntry[]> {
  const stages = walk.flow.own?.documents ?? [];
  if (stages.length === 0) return documents;
  const passed: DocumentEntry[] = [];
  for (const page of chunks(documents, pageSize)) {
    let now = page;
    for (const own of stages) {
      const next: DocumentEntry[] = [];
      for (const part of chunks(now, own.batch))
        next.push(...((await made<'documents'>(walk, own, { documents: part }))?.documents ?? part));
      now = next;
    }
    passed.push(...now);
  }
  return passed;
}

export async function walkedTasks(walk: OwnWalk, document: DocumentEntry, tasks: Ref | null): Promise<Ref | null> {
  let now = tasks;
  for (const own of walk.flow.own?.tasks ?? []) {
    if (now === null) break;
    const result = await made<'tasks'>(walk, own, { tasks: now, document });
    if (result?.tasks !== undefined) now = result.tasks.ref;
  }
  return now;
}

export async function passesTrajectory(walk: OwnWalk, trajectory: Given<'trajectory'>['trajectory']): Promise<boolean> {
  for (const own of walk.flow.own?.trajectories ?? [])
    if ((await made<'trajectory'>(walk, own, { trajectory }))?.trajectory === false) return false;
  return true;
}

/** Examples after their stages; `all` is false where some of the episode are not written yet, and so are not known together. */
export async function walkedExamples(walk: OwnWalk, examples: Ref[], all: boolean): Promise<Ref[]> {
  let now = [...new Set(examples)];
  for (const own of walk.flow.own?.examples ?? []) {
    if (now.length === 0) break;
    if (!all) {
      walk.unmade.add(own.name);
      continue;
    }
    const next: Ref[] = [];
    for (const part of chunks(now, own.batch)) {
      const result = await made<'examples'>(walk, own, { examples: part });
      next.push(...(result?.examples ?? part).filter((ref) => ref !== null));
    }
    now = next;
  }
  return now;
}
