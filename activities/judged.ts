/** Pages of a run that say of every judged example what became of it and why: what `lbi show` lists. */
import type { CountedVote } from '../core/recount.ts';
import type { Ref } from '../schemas/common.ts';
import type { Absence } from '../schemas/episode.ts';
import type { Example } from '../schemas/example.ts';
import { readPage, writePage } from '../store/json.ts';
import type { Store } from '../store/store.ts';

export interface Judged {
  example: Ref;
  task: string;
  /** what its task was made from: the split goes by it */
  family: string;
  instruction: string;
  style: Example['style'];
  actions: string[];
  votes: CountedVote[];
  absent?: Absence[];
  kept: boolean;
  reason: string;
}

const pageSize = 500;

const folderOf = (run: string): string => `runs/${run}/judged/`;

/** Examples of a run stay the same however often they are counted, and so do its pages. At least one is written. */
export async function writeJudged(store: Pick<Store, 'write'>, run: string, judged: Judged[]): Promise<void> {
  for (let page = 0; page === 0 || page * pageSize < judged.length; page += 1) {
    const path = `${folderOf(run)}${String(page + 1).padStart(6, '0')}.json`;
    await writePage(store, path, judged.slice(page * pageSize, (page + 1) * pageSize));
  }
}

/** Every judged example of a run, or undefined when its votes were not counted yet. */
export async function readJudged(store: Store, run: string): Promise<Judged[] | undefined> {
  const pages = await store.list(folderOf(run));
  if (pages.length === 0) return undefined;
  const judged: Judged[] = [];
  for (const page of pages) judged.push(...(await readPage<Judged[]>(store, page)));
  return judged;
}
