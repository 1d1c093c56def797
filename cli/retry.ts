/** `lbi retry`: takes up again what failed. A run that goes on does it itself; of one that has ended a new run does. */
import { randomBytes } from 'node:crypto';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { failuresOf, hasFailed } from '../core/failure-class.ts';
import type { FailureClass, FailureCounts, RetryRequest } from '../schemas/flow.ts';
import type { Plan } from '../schemas/plan.ts';
import { getJson } from '../store/json.ts';
import type { Store } from '../store/store.ts';
import { openStore } from '../store/stores.ts';
import { watch } from './attach.ts';
import { countByClass, failedOf } from './failures.ts';
import { program, storeUrl } from './home.ts';
import { classWords } from './progress.ts';
import { agreed, conclude, startRun } from './run.ts';
import { listRuns, type RunRecord } from './runs.ts';
import { handleOf, type JsonOption, progressOnce, report, say, statusOf, withRun } from './steer.ts';

export interface RetryOptions extends JsonOption {
  class?: FailureClass;
  detach?: boolean;
  yes?: boolean;
}

export const retryCommand = (run: string, options: RetryOptions): Promise<number> =>
  withRun(run, async (client, record) => {
    const store = await openStore(storeUrl());
    const handle = handleOf(client, record);
    const status = await statusOf(handle);
    const counts = await wantedOf(store, record, options.class);
    if (Object.keys(counts).length === 0) {
      const what = options.class === undefined ? 'nothing failed' : `nothing of the class ${options.class} failed`;
      const words = `${what} in ${record.run}: there is nothing to retry${status === 'RUNNING' || status === 'COMPLETED' ? '' : `\n  what it did not come to  ${program} run ${record.file}`}`;
      report(options, { run: record.run, status, retried: {} }, words);
      return 0;
    }
    if (status === 'RUNNING') return inRun(handle, record, counts, options);
    return inNewRun(client, store, record, { counts, status, options });
  });

/** How many failures of each class would be taken up: an item in which one failed is taken up whole. */
async function wantedOf(store: Store, record: RunRecord, only: FailureClass | undefined): Promise<FailureCounts> {
  const { documents, episodes } = await failedOf(store, record);
  return countByClass({
    documents: documents.filter((document) => only === undefined || document.class === only),
    episodes: episodes.filter((entry) => hasFailed(failuresOf(entry), only ?? null)),
  });
}

async function inRun(
  handle: WorkflowHandle,
  record: RunRecord,
  counts: FailureCounts,
  options: RetryOptions,
): Promise<number> {
  const wanted = options.class ?? null;
  const before = await progressOnce(handle, () => true);
  const same = before?.retrying?.some((request) => request.class === wanted) === true;
  if (same) {
    const words = `${record.run} is taking them up already\n  watch  ${program} attach ${record.run}`;
    report(options, { run: record.run, status: 'RUNNING', retried: {}, already: true }, words);
    return 0;
  }
  if (before !== undefined && !['reading', 'running'].includes(before.phase)) {
    const words = `${record.run} makes its dataset: once it has ended, a new run takes up what failed\n  then  ${program} retry ${record.run}`;
    report(options, { run: record.run, status: 'RUNNING', retried: {}, phase: before.phase }, words);
    return 0;
  }
  await handle.signal<[RetryRequest]>('retry', { id: randomBytes(6).toString('hex'), class: wanted });
  const words = `${record.run} takes up again: ${classWords(counts)}\n  watch  ${program} attach ${record.run}`;
  report(options, { run: record.run, status: 'RUNNING', retried: counts }, words);
  return 0;
}

interface Ended {
  counts: FailureCounts;
  status: string;
  options: RetryOptions;
}

async function inNewRun(client: Client, store: Store, record: RunRecord, ended: Ended): Promise<number> {
  const { counts, status, options } = ended;
  const [later] = (await listRuns(store)).filter(({ retries }) => retries === record.run);
  if (later !== undefined) {
    const words = `${later.run} has taken them up already\n  look   ${program} show ${later.run}\n  what failed there  ${program} retry ${later.run}`;
    report(options, { run: record.run, status, retried: {}, by: later.run }, words);
    return 0;
  }
  const plan = await getJson<Plan>(store, record.plan);
  // What is reckoned ahead knows stored results alone, and these are not to be used.
  const code = await agreed(plan, { ...options, unreckoned: true });
  if (code !== undefined) return code;
  const { run, ...told } = await startRun(client, store, plan, {
    file: record.file,
    retries: record.run,
    retry: { class: options.class ?? null },
  });
  report(
    options,
    { run: record.run, status, retried: counts, by: run },
    `${run} takes over what ${record.run} has finished, and takes up again: ${classWords(counts)}`,
  );
  if (options.detach === true || options.json === true) return 0;
  const started = { run, ...told };
  return conclude(started, await watch(client, store, started, { json: false }), {}, say);
}
