/** Near-duplicates among what the committee accepted: by their words, then by what their instructions mean. */
import { nearDuplicates } from '../core/duplicates.ts';
import { sameMeaning } from '../core/same-meaning.ts';
import type { Plan } from '../schemas/plan.ts';
import type { Deps } from './deps.ts';
import type { Judged } from './judged.ts';
import { findStage } from './plans.ts';
import { vectorsOf } from './vectors.ts';

/** Marks duplicates as dropped; of each group the shorter stays. The embedder is asked only for instructions that it never saw. */
export async function dropDuplicates(
  deps: Pick<Deps, 'store' | 'embedder'>,
  plan: Plan,
  judged: Judged[],
): Promise<void> {
  const wanted = findStage(plan, 'filter')?.duplicates ?? 1;
  const { words = 1, meaning } = typeof wanted === 'number' ? { words: wanted } : wanted;
  const drop = (ids: Map<string, string>, reason: string): void => {
    for (const item of judged) {
      if (!ids.has(item.example)) continue;
      item.kept = false;
      item.reason = reason;
    }
  };
  const kept = (): Judged[] => judged.filter((item) => item.kept);
  const texts = kept().map(({ example, instruction, actions }) => ({
    id: example,
    text: [instruction, ...actions].join('\n'),
    length: actions.length,
  }));
  drop(nearDuplicates(texts, words), 'near-duplicate of a kept example');
  if (meaning === undefined) return;
  const left = kept();
  const vectors = await vectorsOf(
    deps,
    left.map(({ instruction }) => instruction),
  );
  const items = left.map(({ example, actions }, at) => ({
    id: example,
    length: actions.length,
    vector: vectors[at] ?? new Float32Array(),
  }));
  drop(sameMeaning(items, meaning), 'means the same as a kept example');
}
