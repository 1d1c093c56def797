/** The documents that a run would read, as far as they can be read without the network. */
import type { Deps } from '../../activities/deps.ts';
import { NotReadYet } from '../../activities/sources/context.ts';
import { cachedContext } from '../../activities/sources/open.ts';
import { readSources } from '../../activities/sources/sources.ts';
import { LbiError } from '../../core/errors.ts';
import type { DocumentEntry } from '../../schemas/flow.ts';
import type { Plan } from '../../schemas/plan.ts';
import { putJson, readPage } from '../../store/json.ts';
import type { Store } from '../../store/store.ts';

export interface Documents {
  entries: DocumentEntry[];
  /** why they are not the real ones, and what stands in for them; undefined when they were read */
  instead?: string;
}

/** Throws what is wrong with the sources themselves; what is only not here yet is said in `instead`. */
export async function readDocuments(deps: Deps, plan: Plan, earlier: DocumentEntry[]): Promise<Documents> {
  const entries: DocumentEntry[] = [];
  try {
    for await (const document of readSources(plan.spec.sources, cachedContext(deps, plan)))
      entries.push({ ref: await putJson(deps.store, document), id: document.id, title: document.title });
    return { entries };
  } catch (error) {
    if (!(error instanceof LbiError) || (error.kind === 'spec' && !(error instanceof NotReadYet))) throw error;
    return { entries: earlier, instead: error.message };
  }
}

/** The documents that a run has read. */
export async function documentsOfRun(store: Store, run: string): Promise<DocumentEntry[]> {
  const entries: DocumentEntry[] = [];
  for (const page of await store.list(`runs/${run}/documents/`))
    entries.push(...(await readPage<DocumentEntry[]>(store, page)));
  return entries;
}
