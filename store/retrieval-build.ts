/** Builds a retrieval index: one LanceDB table per version, and `current.json`, which says which version is in force. */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { connect, Index } from '@lancedb/lancedb';
import { canonical } from '../core/canonical.ts';
import { describeAction, renderTrajectory, type ShownStep } from '../core/describe.ts';
import { StoreError } from '../core/errors.ts';
import type { Row } from '../schemas/dataset.ts';
import { errorCode, fileWriter, storeError } from './files.ts';
import { terms } from './terms.ts';

/** What the index needs of an embedder: unit vectors of one length, and a name for what they depend on. */
export interface TextEmbedder {
  readonly identity: string;
  readonly dimensions: number;
  embed(texts: string[]): Promise<Float32Array[]>;
}

/** What `current.json` says of the version in force; its table is in the folder named by the identity. */
export interface Current {
  identity: string;
  rows: number;
  embedder: string | null;
}

export const TABLE = 'examples';
const CURRENT = 'current.json';
const LAYOUT = 1;
/** Characters of an observation in an example that a prompt shows. */
const SHOWN_CHARS = 600;
const EMBED_AT_ONCE = 64;
const ABANDONED_MS = 60 * 60_000;

/**
 * A thing as it is indexed: the columns of words that BM25 searches, and beside them columns of this record. (The name
 * `vector` and its lists of numbers are what LanceDB reads as vectors.)
 */
export interface Entry {
  id: string;
  /** terms by column, parted by spaces */
  words: Record<string, string>;
  /** what is embedded */
  short: string;
  /** what a prompt shows */
  text: string;
  /** the thing itself, as JSON */
  row: string;
}

/**
 * Builds the index of these rows (in any order) and puts it in force at once; readers keep the version they opened. Does
 * nothing when that very version is in force. Without an embedder there is no dense search.
 */
export async function buildIndex(
  folder: string,
  rows: Row[],
  embedder: TextEmbedder | undefined,
): Promise<{ identity: string; rows: number }> {
  return buildEntries(folder, rows.map(entryOf), embedder);
}

/** The same for any entries with the same columns of words. */
export async function buildEntries(
  folder: string,
  unsorted: Entry[],
  embedder: TextEmbedder | undefined,
): Promise<{ identity: string; rows: number }> {
  const entries = unsorted.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const made: Current = {
    identity: identityOf(entries, embedder),
    rows: entries.length,
    embedder: embedder?.identity ?? null,
  };
  const place = resolve(folder);
  try {
    await mkdir(place, { recursive: true });
    const before = await readCurrent(place);
    if (before?.identity !== made.identity) {
      await makeVersion(place, made.identity, entries, embedder);
      const content = Buffer.from(`${JSON.stringify(made, null, 2)}\n`);
      await fileWriter(place, 'power').replace(join(place, CURRENT), content);
      await removeOthers(place, [made.identity, before?.identity ?? '']);
    }
  } catch (error) {
    throw errorCode(error) === '' ? error : storeError('build the index in', place, error);
  }
  return { identity: made.identity, rows: made.rows };
}

/** The version in force, or undefined when the folder holds no index. */
export async function readCurrent(folder: string): Promise<Current | undefined> {
  const path = join(folder, CURRENT);
  const text = await readFile(path, 'utf8').catch((error) => {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw storeError('read', path, error);
  });
  if (text === undefined) return undefined;
  try {
    const { identity, rows, embedder } = JSON.parse(text);
    if (/^[0-9a-f]{64}$/.test(identity) && Number.isInteger(rows)) return { identity, rows, embedder };
  } catch {}
  throw new StoreError('fatal', `${path} is damaged. Delete the folder and build the index again.`);
}

function entryOf(row: Row): Entry {
  const steps = row.steps.map((step): ShownStep => {
    const { reason, observation, error } = step;
    const action = { name: step.action, arguments: step.arguments };
    return { reason, action, observation, ...(error === undefined ? {} : { error }) };
  });
  const seen = [row.observation, ...row.steps.map((step) => step.observation)];
  const trajectory = renderTrajectory(row.observation, steps, { chars: SHOWN_CHARS });
  return {
    id: row.id,
    words: { instruction: terms(row.instruction).join(' '), observations: seen.flatMap(terms).join(' ') },
    short: [row.instruction, ...steps.map((step) => describeAction(step.action))].join('\n'),
    text: `Instruction: ${row.instruction}\n\n${trajectory}`,
    row: canonical(row),
  };
}

/** Of what is indexed, not of how it is worded here: a change of the rendering is a change of the identity. */
function identityOf(entries: Entry[], embedder: TextEmbedder | undefined): string {
  const hash = createHash('sha256').update(canonical([LAYOUT, embedder?.identity ?? null]));
  for (const entry of entries) hash.update(canonical(columnsOf(entry)));
  return hash.digest('hex');
}

const columnsOf = ({ words, ...rest }: Entry): Record<string, string> => ({ ...words, ...rest });

async function makeVersion(
  place: string,
  identity: string,
  entries: Entry[],
  embedder: TextEmbedder | undefined,
): Promise<void> {
  // a version is whole as soon as it has its name
  if ((await stat(join(place, identity)).catch(() => undefined)) !== undefined) return;
  const partial = join(place, `${randomUUID()}.partial`);
  try {
    await mkdir(partial);
    if (entries.length > 0) await fillTable(partial, entries, await embedAll(entries, embedder));
    await rename(partial, join(place, identity)).catch((error) => {
      // somebody else made the same version meanwhile
      if (!['ENOTEMPTY', 'EEXIST'].includes(errorCode(error))) throw error;
    });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

async function fillTable(folder: string, entries: Entry[], vectors: Float32Array[] | undefined): Promise<void> {
  const connection = await connect(folder);
  try {
    const records = entries.map((entry, index) => {
      const vector = vectors?.[index];
      return vector === undefined ? columnsOf(entry) : { ...columnsOf(entry), vector: Array.from(vector) };
    });
    const table = await connection.createTable(TABLE, records);
    // the text was cut into terms before: the tokenizer has only to part them at the spaces
    const asGiven = { lowercase: false, stem: false, removeStopWords: false, asciiFolding: false, maxTokenLength: 256 };
    for (const column of Object.keys(entries[0]?.words ?? {})) {
      const config = Index.fts({ ...asGiven, baseTokenizer: 'whitespace', withPosition: false });
      await table.createIndex(column, { config });
    }
    table.close();
  } finally {
    connection.close();
  }
}

async function embedAll(entries: Entry[], embedder: TextEmbedder | undefined): Promise<Float32Array[] | undefined> {
  if (embedder === undefined) return undefined;
  const vectors: Float32Array[] = [];
  for (let from = 0; from < entries.length; from += EMBED_AT_ONCE) {
    const texts = entries.slice(from, from + EMBED_AT_ONCE).map((entry) => entry.short);
    vectors.push(...(await embedder.embed(texts)));
  }
  const right = vectors.length === entries.length && vectors.every((vector) => vector.length === embedder.dimensions);
  if (right) return vectors;
  throw new StoreError(
    'fatal',
    `${embedder.identity} should give ${entries.length} vectors of ${embedder.dimensions} numbers.`,
  );
}

/** Removes what no one reads or builds any more: everything made here but the versions to keep, an hour after it was made. */
async function removeOthers(place: string, keep: string[]): Promise<void> {
  const oldest = Date.now() - ABANDONED_MS;
  for (const name of await readdir(place)) {
    if (keep.includes(name) || !/^([0-9a-f]{64}|[0-9a-f-]{36}(\.partial)?)$/.test(name)) continue;
    const found = await stat(join(place, name)).catch(() => undefined);
    if (found !== undefined && found.mtimeMs < oldest) await rm(join(place, name), { recursive: true, force: true });
  }
}
