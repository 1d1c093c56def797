/**
 * Bookkeeping: a moment's work on the store, done by the worker that carries the workflow on. It needs no queue and costs a fifth of
 * an ordinary activity. When it fails there, it is done as one: then the server retries it and shows what is wrong.
 */
import { isCancellation, log, proxyLocalActivities } from '@temporalio/workflow';
import type { Activities } from '../schemas/activities.ts';
import type { Flow } from '../schemas/flow.ts';
import { call, failureMessage, oneLine } from './call.ts';

type Books = Pick<Activities, 'seal' | 'conclude' | 'recall'>;

/** The bookkeeping of that name: `book(flow, 'seal', '…')(input)`. */
export function book<N extends keyof Books>(flow: Flow, name: N, summary: string): Books[N];
export function book(flow: Flow, name: keyof Books, summary: string) {
  const queued = call(name, { summary }) as (input: unknown) => Promise<unknown>;
  if (flow.local !== true) return queued;
  const beside = proxyLocalActivities<Books>({
    startToCloseTimeout: '30s',
    retry: { maximumAttempts: 1 },
    summary: oneLine(summary),
  })[name] as typeof queued;
  return async (input: unknown): Promise<unknown> => {
    try {
      return await beside(input);
    } catch (error) {
      if (isCancellation(error)) throw error;
      log.warn(`${name} failed beside the workflow and is queued`, { why: failureMessage(error) });
      return queued(input);
    }
  };
}
