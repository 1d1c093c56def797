/** The rows of a dataset: listed by the tally as references, made whole when something reads them. */
import { isScripted } from '../core/plan.ts';
import type { Ref } from '../schemas/common.ts';
import type { Row } from '../schemas/dataset.ts';
import type { Plan } from '../schemas/plan.ts';
import { rowOf } from '../store/dataset/row.ts';
import { getJson } from '../store/json.ts';
import type { Store } from '../store/store.ts';
import { committeeOf } from './committee.ts';

/** An example that was kept, as the tally lists it. */
export interface KeptExample {
  example: Ref;
  votes: Ref[];
  split: Row['split'];
}

/** Rows that are made at once: each reads its whole trajectory. */
const together = 32;

/** The rows behind the list that the tally stored. */
export const readRows = async (store: Store, plan: Plan, list: Ref): Promise<Row[]> =>
  rowsOf(store, plan, await getJson<KeptExample[]>(store, list));

/** The rows of these examples. */
export async function rowsOf(store: Store, plan: Plan, kept: KeptExample[]): Promise<Row[]> {
  const scripted = isScripted(plan);
  const committee = committeeOf(plan);
  const rows: Row[] = [];
  for (let at = 0; at < kept.length; at += together) {
    const some = kept.slice(at, at + together).map((one) => rowOf(store, { ...one, scripted }, committee));
    rows.push(...(await Promise.all(some)));
  }
  return rows;
}
