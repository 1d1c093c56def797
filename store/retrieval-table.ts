/** Searching the table of an index, whatever its entries are: by words in a column, or by the nearness of vectors. */
import { join } from 'node:path';
import { connect, MatchQuery, type Table } from '@lancedb/lancedb';
import { StoreError } from '../core/errors.ts';
import { readCurrent, TABLE, type TextEmbedder } from './retrieval-build.ts';
import { boundedTerms } from './terms.ts';

export interface Scored {
  id: string;
  /** Higher is nearer: BM25, or the cosine of query and entry. Comparable within one answer only. */
  score: number;
  /** the entry as a prompt shows it */
  text: string;
  /** the entry itself, as JSON */
  row: string;
}

/** At most `k` entries, best first, equal ones by id. */
export interface IndexTable {
  readonly identity: string;
  readonly size: number;
  byWords(column: string, text: string, k: number, exclude?: string[]): Promise<Scored[]>;
  byMeaning(text: string, k: number, exclude?: string[]): Promise<Scored[]>;
  close(): void;
}

/** Distinct terms of a query: 600 take about 20 ms over 2,000 examples, and time grows faster than the terms. */
const QUERY_TERMS = 512;
/** Fetched beyond `k`, so that hits of one score are cut by id and not by chance. */
const MARGIN = 16;

/** Opens the version in force. Throws a `spec` StoreError when there is none or the embedder is another one. */
export async function openTable(folder: string, embedder?: TextEmbedder): Promise<IndexTable> {
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
    byWords: (column, text, k, exclude = []) => byWords(table, column, text, { k, exclude }),
    async byMeaning(text, k, exclude = []) {
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

interface Wanted {
  k: number;
  exclude: string[];
}

interface Found {
  id: string;
  row: string;
  text: string;
  _score?: number;
  _distance?: number;
}

async function byWords(table: Table | undefined, column: string, text: string, wanted: Wanted): Promise<Scored[]> {
  const words = boundedTerms(text, QUERY_TERMS);
  if (table === undefined || words.length === 0 || wanted.k < 1) return [];
  const query = table.query().fullTextSearch(new MatchQuery(words.join(' '), column));
  const found: Found[] = await query
    .select(['id', 'row', 'text', '_score'])
    .limit(wanted.k + wanted.exclude.length + MARGIN)
    .toArray();
  return best(found, (each) => each._score, wanted);
}

async function byVector(
  table: Table | undefined,
  embedder: TextEmbedder,
  text: string,
  wanted: Wanted,
): Promise<Scored[]> {
  if (table === undefined || text.trim() === '' || wanted.k < 1) return [];
  const [vector] = await embedder.embed([text]);
  if (vector === undefined) throw new StoreError('fatal', `${embedder.identity} gave no vector for a query.`);
  const query = table.vectorSearch(vector).distanceType('cosine').select(['id', 'row', 'text', '_distance']);
  const found: Found[] = await query.limit(wanted.k + wanted.exclude.length + MARGIN).toArray();
  return best(found, (each) => (each._distance === undefined ? undefined : 1 - each._distance), wanted);
}

function best(found: Found[], scoreOf: (each: Found) => number | undefined, { k, exclude }: Wanted): Scored[] {
  const excluded = new Set(exclude);
  return found
    .filter(({ id }) => !excluded.has(id))
    .map(({ id, row, text, ...scores }) => ({
      id,
      row,
      text,
      score: scoreOf({ id, row, text, ...scores }) ?? Number.NaN,
    }))
    .filter(({ score }) => Number.isFinite(score))
    .sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1))
    .slice(0, k);
}
