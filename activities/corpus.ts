/**
 * The documents that an agent may be shown (`knowledge.documents`). Sources are read when the run runs (packages are fetched, sites
 * visited), so a plan cannot know their texts; the list that was read is part of each task instead, and with it of the identity of
 * its attempts: other documents, another attempt.
 */
import { join } from 'node:path';
import { LbiError } from '../core/errors.ts';
import type { Ref } from '../schemas/common.ts';
import type { Document } from '../schemas/document.ts';
import type { DocumentEntry } from '../schemas/flow.ts';
import type { Plan } from '../schemas/plan.ts';
import { getJson, putJson, readPage } from '../store/json.ts';
import { buildDocumentIndex, type DocumentIndex, openDocumentIndex } from '../store/retrieval-documents.ts';
import type { Store } from '../store/store.ts';
import type { Deps } from './deps.ts';
import { findStage } from './plans.ts';

/** By store and run: a run's documents are read once, before its first task. */
const listings = new WeakMap<Store, Map<string, Promise<Ref>>>();

/** The list of documents that the tasks of a run may be shown; undefined when the pipeline retrieves none. */
export async function corpusOf(store: Store, plan: Plan, run: string): Promise<Ref | undefined> {
  const wanted = findStage(plan, 'interact')?.knowledge?.documents;
  if (wanted === undefined) return undefined;
  const from = wanted.from === 'sources' ? run : wanted.from;
  const known = listings.get(store) ?? new Map<string, Promise<Ref>>();
  listings.set(store, known);
  const listing = known.get(from) ?? listDocuments(store, from).then((refs) => putJson(store, refs));
  known.set(from, listing);
  listing.catch(() => known.delete(from));
  return listing;
}

/** The documents that a run has read, sorted, so that the order of the sources makes no other list. Throws `spec` when there are none. */
export async function listDocuments(store: Store, run: string): Promise<Ref[]> {
  const refs = new Set<Ref>();
  for (const page of await store.list(`runs/${run}/documents/`))
    for (const { ref } of await readPage<DocumentEntry[]>(store, page)) refs.add(ref);
  if (refs.size > 0) return [...refs].sort();
  throw new LbiError(
    'spec',
    `knowledge.documents: the run ${run} has read no documents; name another one, or write sources`,
  );
}

const opened = new Map<string, Promise<DocumentIndex>>();

/** The index of a list of documents: built when it is first needed, kept beside the runs' indexes under the hash of the list. */
export function openCorpus(deps: Deps, corpus: Ref, by: 'words' | 'meaning'): Promise<DocumentIndex> {
  const folder = join(deps.indexes, 'documents', `${corpus.slice(0, 32)}-${by}`);
  const ready = opened.get(folder);
  if (ready !== undefined) return ready;
  const opening = (async () => {
    const embedder = by === 'meaning' ? await deps.embedder() : undefined;
    const refs = await getJson<Ref[]>(deps.store, corpus);
    const documents = [];
    for (const ref of refs) documents.push({ ref, document: await getJson<Document>(deps.store, ref) });
    await buildDocumentIndex(folder, documents, embedder);
    return openDocumentIndex(folder, embedder);
  })();
  opened.set(folder, opening);
  opening.catch(() => opened.delete(folder));
  return opening;
}
