/** Builds the retrieval index over what a run kept. */
import type { Ref } from '../schemas/common.ts';
import type { Row } from '../schemas/dataset.ts';
import { getJson } from '../store/json.ts';
import { buildIndex } from '../store/retrieval.ts';
import type { Store } from '../store/store.ts';
import type { Deps } from './deps.ts';
import { stageOf } from './plans.ts';
import { indexFolder } from './retrieve.ts';

/** The rows behind the list that the tally stored. */
export async function readRows(store: Store, list: Ref): Promise<Row[]> {
  const refs = await getJson<Ref[]>(store, list);
  return Promise.all(refs.map((ref) => getJson<Row>(store, ref)));
}

export const indexDataset =
  (deps: Deps) =>
  async (input: { plan: Ref; run: string; rows: Ref }): Promise<{ folder: string }> => {
    const plan = await deps.plan(input.plan);
    const { embedding } = stageOf(plan, 'index');
    const folder = indexFolder(deps.indexes, input.run);
    await buildIndex(
      folder,
      await readRows(deps.store, input.rows),
      embedding === 'none' ? undefined : await deps.embedder(),
    );
    return { folder };
  };
