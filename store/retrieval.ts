/** The retrieval index: kept examples found by what is observed, by their instruction, or by a written query (paper, Algorithm 2). */
import type { Row } from '../schemas/dataset.ts';
import type { TextEmbedder } from './retrieval-build.ts';
import { openTable, type Scored } from './retrieval-table.ts';

export { buildIndex, type TextEmbedder } from './retrieval-build.ts';

export interface Hit {
  /** id of the row */
  id: string;
  /** Higher is nearer: BM25, or the cosine of query and example. Comparable within one answer only. */
  score: number;
  /** The example as a prompt shows it. */
  text: string;
  row: Row;
}

/** Every search gives at most `k` hits, best first, equal ones by id, passing over the ids in `exclude`; none for a text without words. */
export interface RetrievalIndex {
  /** Hash of what was indexed and of the embedder's identity. */
  readonly identity: string;
  readonly size: number;
  /** BM25 of a text (an observation, however long) against all observations of each example. */
  byObservation(text: string, k: number, exclude?: string[]): Promise<Hit[]>;
  /** BM25 of a text against the instructions. */
  byInstruction(text: string, k: number, exclude?: string[]): Promise<Hit[]>;
  /** Dense search (exact) over instruction and actions. Throws `spec` without vectors or embedder. */
  byQuery(text: string, k: number, exclude?: string[]): Promise<Hit[]>;
  close(): void;
}

/** Opens the version in force; a rebuild meanwhile does not disturb it. Throws a `spec` StoreError when there is none or the embedder is another one. */
export async function openIndex(folder: string, embedder?: TextEmbedder): Promise<RetrievalIndex> {
  const { identity, size, byWords, byMeaning, close } = await openTable(folder, embedder);
  const hits = async (found: Promise<Scored[]>): Promise<Hit[]> =>
    (await found).map(({ id, score, text, row }) => ({ id, score, text, row: JSON.parse(row) as Row }));
  return {
    identity,
    size,
    byObservation: (text, k, exclude) => hits(byWords('observations', text, k, exclude)),
    byInstruction: (text, k, exclude) => hits(byWords('instruction', text, k, exclude)),
    byQuery: (text, k, exclude) => hits(byMeaning(text, k, exclude)),
    close,
  };
}
