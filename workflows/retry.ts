/** The lane that takes up again what failed: `lbi retry` of a run that is going on. */
import { condition } from '@temporalio/workflow';
import type { RetryRequest, RetryWork } from '../schemas/flow.ts';
import { call } from './call.ts';
import { addFailures, isOver, type RunState, recordPage, say, untallyEntry, watchHistory } from './run-state.ts';

/** Requests that are remembered. */
const heardMost = 50;

/** Notes a request; the same one again changes nothing, and neither does one like a request that is waiting. */
export function askRetry({ carried }: RunState, { id, class: wanted }: RetryRequest): void {
  const { steering } = carried;
  if (steering.heard.includes(id)) return;
  steering.heard = [...steering.heard, id].slice(-heardMost);
  if (steering.retries.some((waiting) => waiting.class === wanted && waiting.page < 0)) return;
  // Its pages are counted when it begins: all that has failed by then is sealed first.
  steering.retries.push({ id, class: wanted, of: 'documents', page: -1, documentPages: 0, episodePages: 0 });
}

/** Looks through the pages of the run, one at a time while there is room, until nothing more will come. */
export async function retryFailed(state: RunState): Promise<void> {
  const { carried } = state;
  const room = (): boolean => carried.waiting.length < Math.max(carried.flow.concurrency * 2, 50);
  for (;;) {
    await condition(() => state.continuing || isOver(state) || (carried.steering.retries.length > 0 && room()));
    const [work] = carried.steering.retries;
    if (state.continuing || work === undefined) return;
    if (work.page < 0) {
      await recordPage(state);
      Object.assign(work, { page: 0, documentPages: carried.failedPages ?? 0, episodePages: carried.manifestPages });
    }
    if (pageAt(work)) {
      await takePage(state, work);
      work.page += 1;
    } else if (work.of === 'documents') Object.assign(work, { of: 'episodes', page: 0 });
    else carried.steering.retries.shift();
    watchHistory(state);
  }
}

const pageAt = ({ of, page, documentPages, episodePages }: RetryWork): boolean =>
  page < (of === 'documents' ? documentPages : episodePages);

async function takePage(state: RunState, { id, class: wanted, of, page }: RetryWork): Promise<void> {
  const { carried, gate } = state;
  const { flow, funnel } = carried;
  const take = call('takeUp', { summary: `failed ${of} of page ${page + 1} again` });
  const taken = await gate.pass(() => take({ plan: flow.plan, run: flow.run, id, class: wanted, of, page }));
  for (const { document, class: name, kind } of taken.documents) {
    funnel.documents -= 1;
    if (kind === 'unreadable') funnel.unreadable -= 1;
    else funnel.documentsFailed = (funnel.documentsFailed ?? 1) - 1;
    addFailures(funnel, { [name]: 1 }, -1);
    funnel.retried = (funnel.retried ?? 0) + 1;
    carried.documentsAgain ??= [];
    carried.documentsAgain.push(document);
  }
  for (const { task, entry } of taken.episodes) {
    untallyEntry(state, entry);
    carried.waiting.push(task);
  }
  const number = taken.documents.length + taken.episodes.length;
  if (number > 0) say(state, `${number} failed ${of} are tried again`);
}
