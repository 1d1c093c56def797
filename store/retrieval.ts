/** The retrieval index: kept examples found by what is observed, by their instruction, or by a written query (paper, Algorithm 2). */
import { join } from 'node:path';
import { connect, MatchQuery, type Table } from '@lancedb/lancedb';
import { StoreError } from '../core/errors.ts';
import type { Row } from '../schemas/dataset.ts';
import { readCurrent, TABLE, type TextEmbedder } from './retrieval-build.ts';
import { boundedTerms } from './terms.ts';

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

/** Every search gives at most `k` hits, best first, equal ones by id; none for a text without words. */
export interface RetrievalIndex {
  /** Hash of what was indexed and of the embedder's identity. */
  readonly identity: string;
  readonly size: number;
  /** BM25 of a text (an observation, however long) against all observations of each example. */
  byObservation(text: string, k: number): Promise<Hit[]>;
  /** BM25 of a text against the instructions. */
  byInstruction(text: string, k: number): Promise<Hit[]>;
  /** Dense search (exact) over instruction and actions, passing over the ids in `exclude`. Throws `spec` without vectors or embedder. */
  byQuery(text: string, k: number, exclude?: string[]): Promise<Hit[]>;
  close(): void;
}

/** Distinct terms of a query: 600 take about 20 ms over 2,000 examples, and time grows faster than the terms. */
const QUERY_TERMS = 512;
/** Fetched beyond `k`, so that hits of one score are cut by id and not by chance. */
const MARGIN = 16;

/** Opens the version in force; a rebuild meanwhile does not disturb it. Throws a `spec` StoreError when there is none or the embedder is another one. */
export async function openIndex(folder: string, embedder?: TextEmbedder): Promise<RetrievalIndex> {
  const current = await readCurrent(folder);
  if (current === undefined) {
    throw new StoreError(
      'spec',
      `There is no index in ${folder}. Make one with the stage \`index\`, or name its folder.`,
    );
  }
  if (embedder !== undefined && current.embedder !== embedder.identity) {
    const made = current.embedder === null ? 'without vectors' : `with ${current.embedder}`;
    throw new StoreError(
      'spec',
      `The index in ${folder} was made ${made}, not with ${embedder.identity}. Build it again.`,
    );
  }
  const connection = await connect(join(folder, current.identity));
  const table = current.rows === 0 ? undefined : await connection.openTable(TABLE);
  return {
    identity: current.identity,
    size: current.rows,
    byObservation: (text, k) => byWords(table, 'observations', text, k),
    byInstruction: (text, k) => byWords(table, 'instruction', text, k),
    async byQuery(text, k, exclude = []) {
      if (current.embedder === null || embedder === undefined) {
        const why = current.embedder === null ? 'it has no vectors' : 'no embedder was given';
        throw new StoreError('spec', `The index in ${folder} cannot be searched by a query: ${why}.`);
      }
      return byVector(table, embedder, text, { k, exclude });
    },
    close() {
      table?.close();
      connection.close();
    },
  };
}

interface Found {
  id: string;
  row: string;
  text: string;
  _score?: number;
  _distance?: number;
}

async function byWords(table: Table | undefined, column: string, text: string, k: number): Promise<Hit[]> {
  const words = boundedTerms(text, QUERY_TERMS);
  if (table === undefined || words.length === 0 || k < 1) return [];
  const query = table.query().fullTextSearch(new MatchQuery(words.join(' '), column));
  const found: Found[] = await query
    .select(['id', 'row', 'text', '_score'])
    .limit(k + MARGIN)
    .toArray();
  return best(found, (each) => each._score, k);
}

async function byVector(
  table: Table | undefined,
  embedder: TextEmbedder,
  text: string,
  { k, exclude }: { k: number; exclude: string[] },
): Promise<Hit[]> {
  if (table === undefined || text.trim() === '' || k < 1) return [];
  const [vector] = await embedder.embed([text]);
  if (vector === undefined) throw new StoreError('fatal', `${embedder.identity} gave no vector for a query.`);
  const query = table.vectorSearch(vector).distanceType('cosine').select(['id', 'row', 'text', '_distance']);
  const found: Found[] = await query.limit(k + exclude.length + MARGIN).toArray();
  const excluded = new Set(exclude);
  const others = found.filter((each) => !excluded.has(each.id));
  return best(others, (each) => (each._distance === undefined ? undefined : 1 - each._distance), k);
}

function best(found: Found[], scoreOf: (each: Found) => number | undefined, k: number): Hit[] {
  const hits = found.map((each) => ({ each, score: scoreOf(each) ?? Number.NaN }));
  return hits
    .filter(({ score }) => Number.isFinite(score))
    .sort((a, b) => b.score - a.score || (a.each.id < b.each.id ? -1 : 1))
    .slice(0, k)
    .map(({ each, score }) => ({ id: each.id, score, text: each.text, row: JSON.parse(each.row) as Row }));
}
