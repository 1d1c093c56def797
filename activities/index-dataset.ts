/** Builds the retrieval index over what a run kept. */
import type { Ref } from '../schemas/common.ts';
import { buildIndex } from '../store/retrieval.ts';
import type { Deps } from './deps.ts';
import { stageOf } from './plans.ts';
import { indexFolder } from './retrieve.ts';
import { readRows } from './rows.ts';

export const indexDataset =
  (deps: Deps) =>
  async (input: { plan: Ref; run: string; rows: Ref }): Promise<{ folder: string }> => {
    const plan = await deps.plan(input.plan);
    const { embedding } = stageOf(plan, 'index');
    const folder = indexFolder(deps.indexes, input.run);
    await buildIndex(
      folder,
      await readRows(deps.store, plan, input.rows),
      embedding === 'none' ? undefined : await deps.embedder(),
    );
    return { folder };
  };
