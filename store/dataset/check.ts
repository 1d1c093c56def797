/** The dataset's proof: every row is made again from the stored chain and votes and has to come out the same. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Value } from 'typebox/value';
import { LbiError, StoreError } from '../../core/errors.ts';
import { ballotOf, verdict } from '../../core/tally.ts';
import { DatasetFacts, Row } from '../../schemas/dataset.ts';
import type { Committee, Vote } from '../../schemas/vote.ts';
import { storeError } from '../files.ts';
import { getJson } from '../json.ts';
import type { Store } from '../store.ts';
import { rowOf } from './row.ts';
import { CHECKSUMS_FILE, FACTS_FILE, ROWS_FILE } from './write.ts';

export interface Problem {
  /** id of the row, or path of the file */
  where: string;
  message: string;
}

/**
 * Checks a dataset's folder: checksums, then its rows under the rule it states. Throws a `spec` StoreError when the
 * folder is not a dataset; whatever is wrong with a dataset is a Problem.
 */
export async function checkDataset(store: Store, folder: string): Promise<Problem[]> {
  const problems = await checkSums(folder);
  const facts = parsed(await readText(folder, FACTS_FILE));
  if (!Value.Check(DatasetFacts, facts))
    return [...problems, { where: FACTS_FILE, message: 'These are not the facts of a dataset.' }];
  const rows: Row[] = [];
  for (const [index, line] of (await readText(folder, ROWS_FILE)).split('\n').entries()) {
    if (line === '') continue;
    const row = parsed(line);
    if (Value.Check(Row, row)) rows.push(row);
    else problems.push({ where: `${ROWS_FILE}:${index + 1}`, message: rowErrors(row) });
  }
  return [...problems, ...(await checkRows(store, rows, facts.committee))];
}

/**
 * Walks every row back: instruction, window, steps, task and document as stored, votes stored and accepted under the
 * rule, ids unique, and no document on both sides of the split. (A stored vote does not name its example, so that a vote
 * was cast on this very example is known from the episode alone.)
 */
export async function checkRows(store: Store, rows: Row[], committee: Committee | undefined): Promise<Problem[]> {
  const problems = [...repeatedIds(rows), ...sharedDocuments(rows)];
  for (const row of rows) {
    const messages = await checkRow(store, row, committee).catch((error) => {
      if (error instanceof LbiError && error.kind === 'fatal') return [error.message];
      throw error;
    });
    problems.push(...messages.map((message) => ({ where: row.id, message })));
  }
  return problems;
}

async function checkRow(store: Store, row: Row, committee: Committee | undefined): Promise<string[]> {
  const refs = row.votes.map((vote) => vote.vote);
  const kept = { example: row.example, votes: refs, split: row.split, scripted: row.scripted };
  const stored = await rowOf(store, kept, committee);
  const changed = differences(row, stored).map((path) => `${path} is not what the store has.`);
  // A pipeline without a filter has no committee, and keeps everything.
  if (committee === undefined || committee.members.length === 0) return changed;
  const votes = await Promise.all(refs.map((ref) => getJson<Vote>(store, ref)));
  const ballots = votes.map((vote) => ballotOf(vote, committee));
  const decision = verdict(ballots, committee.accept, committee.members);
  return [...changed, ...(decision.kept ? [] : [`The committee's rule does not accept it: ${decision.reason}`])];
}

/** Paths of the deepest parts in which two values differ, e.g. `steps.2.observation`. */
function differences(given: unknown, stored: unknown, path: string[] = []): string[] {
  if (isDeepStrictEqual(given, stored)) return [];
  const [left, right] = [membersOf(given), membersOf(stored)];
  if (left === undefined || right === undefined) return [path.join('.')];
  const names = [...new Set([...left.keys(), ...right.keys()])];
  return names.flatMap((name) => differences(left.get(name), right.get(name), [...path, name]));
}

function membersOf(value: unknown): Map<string, unknown> | undefined {
  return typeof value === 'object' && value !== null ? new Map(Object.entries(value)) : undefined;
}

function repeatedIds(rows: Row[]): Problem[] {
  const seen = new Set<string>();
  return rows
    .filter((row) => seen.size === seen.add(row.id).size)
    .map((row) => ({ where: row.id, message: 'This id is in the dataset more than once.' }));
}

function sharedDocuments(rows: Row[]): Problem[] {
  const key = (row: Row) => row.document && JSON.stringify([row.document.source, row.document.id]);
  const training = new Set(rows.filter((row) => row.split === 'train').map(key));
  return rows
    .filter((row) => row.split === 'test' && row.document !== null && training.has(key(row)))
    .map((row) => ({
      where: row.id,
      message: `Document ${row.document?.id} of this test example is also in the train split.`,
    }));
}

async function checkSums(folder: string): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const line of (await readText(folder, CHECKSUMS_FILE)).split('\n').filter((each) => each !== '')) {
    const [, expected, path = ''] = /^([0-9a-f]{64}) {2}(.+)$/.exec(line) ?? [];
    const content = await readFile(join(folder, path)).catch(() => undefined);
    const sum = content && createHash('sha256').update(content).digest('hex');
    if (sum === undefined) problems.push({ where: path || CHECKSUMS_FILE, message: 'The file is missing.' });
    else if (sum !== expected) problems.push({ where: path, message: 'The file was changed: its checksum differs.' });
  }
  return problems;
}

async function readText(folder: string, name: string): Promise<string> {
  const path = join(folder, name);
  return readFile(path, 'utf8').catch((error) => {
    const cause = storeError('read', path, error);
    throw new StoreError('spec', `${folder} is not a dataset made by lbi: ${cause.message}`, { cause });
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function rowErrors(row: unknown): string {
  if (row === undefined) return 'This is not a row: it is not JSON.';
  const [first] = Value.Errors(Row, row);
  const where = first?.instancePath ? `${first.instancePath} ` : '';
  return `This is not a row: ${where}${first?.message ?? 'it does not fit the schema'}.`;
}
