/** Runs of this project: their records in the store, and finding one by what a person types. */

import { randomInt } from 'node:crypto';
import { summaryPath } from '../activities/record.ts';
import { LbiError } from '../core/errors.ts';
import { nearest } from '../core/spec/suggest.ts';
import type { Ref } from '../schemas/common.ts';
import type { Progress } from '../schemas/flow.ts';
import { findPage, readPage, writePage } from '../store/json.ts';
import type { Store } from '../store/store.ts';
import { program } from './home.ts';

/** What is written before a run starts, under `run-records/<run>.json`. */
export interface RunRecord {
  run: string;
  pipeline: string;
  plan: Ref;
  /** the pipeline file, as typed */
  file: string;
  workflowId: string;
  createdAt: string;
  /** the run whose failures this one takes up again */
  retries?: string;
}

const alphabet = '23456789abcdefghjkmnpqrstuvwxyz';

/** `r-` and a time-ordered part, then chance: sorts by age. */
export function newRunId(now = Date.now()): string {
  const time = Math.floor(now / 1000 - 1_750_000_000);
  let text = '';
  for (let rest = time; text.length < 6; rest = Math.floor(rest / alphabet.length))
    text = alphabet.charAt(rest % alphabet.length) + text;
  return `r-${text}${alphabet.charAt(randomInt(alphabet.length))}${alphabet.charAt(randomInt(alphabet.length))}`;
}

export const saveRun = (store: Store, record: RunRecord): Promise<void> =>
  writePage(store, `run-records/${record.run}.json`, record);

/** Newest first. */
export async function listRuns(store: Store): Promise<RunRecord[]> {
  const names = await store.list('run-records/');
  const records = await Promise.all(names.map((name) => readPage<RunRecord>(store, name)));
  return records.reverse();
}

/** A run by its id, a unique beginning of it, the name of a pipeline (its newest run), or `@last`. */
export async function findRun(store: Store, text: string): Promise<RunRecord> {
  const runs = await listRuns(store);
  if (runs.length === 0)
    throw new LbiError(
      'spec',
      `there are no runs here yet: ${program} run PIPELINE.yaml starts one (runs live in .lbi of the folder where ${program} runs)`,
    );
  const [newest] = runs;
  if (text === '@last' && newest !== undefined) return newest;
  const exact = runs.find(({ run, pipeline }) => run === text || pipeline === text);
  if (exact !== undefined) return exact;
  const beginning = runs.filter(({ run }) => run.startsWith(text) || run.startsWith(`r-${text}`));
  const [only] = beginning;
  if (only !== undefined && beginning.length === 1) return only;
  const known = runs.slice(0, 5).map(({ run, pipeline }) => `${run} (${pipeline})`);
  const near = nearest(text, ['@last', ...new Set(runs.flatMap(({ run, pipeline }) => [run, pipeline]))]);
  const meant = near === undefined || beginning.length > 1 ? '' : ` did you mean "${near}"?`;
  throw new LbiError(
    'spec',
    `${beginning.length > 1 ? 'more than one run begins with' : 'no run is called'} "${text}";${meant} the newest are ${known.join(', ')}`,
  );
}

/** The summary that a finished run has written, or undefined. */
export const runSummary = (store: Store, run: string): Promise<Progress | undefined> =>
  findPage<Progress>(store, summaryPath(run));
