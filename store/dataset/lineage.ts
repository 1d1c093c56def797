/** Where an example comes from, walked back through the store: votes, instruction, window, steps, task, document. */
import type { Ref } from '../../schemas/common.ts';
import type { Document } from '../../schemas/document.ts';
import type { Example } from '../../schemas/example.ts';
import type { Step } from '../../schemas/step.ts';
import type { Task } from '../../schemas/task.ts';
import type { Vote } from '../../schemas/vote.ts';
import { getJson } from '../json.ts';
import type { Store } from '../store.ts';
import { readChain } from './row.ts';

export interface Lineage {
  example: Ref;
  instruction: string;
  style: Example['style'];
  window: Example['window'];
  environment: string;
  document: Document | null;
  task: Task & { ref: Ref };
  /** The chain that the window is cut from, root first. */
  head: Ref;
  steps: Step[];
  votes: (Vote & { ref: Ref })[];
}

/** Reads it all. Throws a fatal StoreError when a link is missing or damaged. */
export async function lineageOf(store: Store, example: Ref, votes: Ref[]): Promise<Lineage> {
  const { instruction, style, window, head, task: ref, environment } = await getJson<Example>(store, example);
  const task = await getJson<Task>(store, ref);
  return {
    ...{ example, instruction, style, window, environment, head },
    document: task.document === null ? null : await getJson<Document>(store, task.document),
    task: { ...task, ref },
    steps: await readChain(store, head),
    votes: await Promise.all(votes.map(async (vote) => ({ ...(await getJson<Vote>(store, vote)), ref: vote }))),
  };
}
