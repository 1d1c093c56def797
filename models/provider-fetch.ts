/** The fetch that all providers' SDKs use: it follows no redirect, and tells how far a call has come. */
import { AsyncLocalStorage } from 'node:async_hooks';

/** How far a call came before it failed. */
export interface Progress {
  /** the request is on its way: from here on it may be charged for */
  sent: boolean;
  /** the answer's beginning, once it is there */
  answer: Pick<Response, 'status' | 'headers'> | undefined;
}

const watched = new AsyncLocalStorage<Progress>();

/** Runs the work; every call of `providerFetch` inside it is noted in `progress`. */
export const watching = <T>(progress: Progress, work: () => Promise<T>): Promise<T> => watched.run(progress, work);

/**
 * A redirect comes back as an answer: followed, it would take the headers with it to another host, and the key is one of them
 * (only `Authorization` would stay behind).
 */
export const providerFetch: typeof fetch = async (input, init) => {
  const progress = watched.getStore();
  if (progress) progress.sent = true;
  const response = await fetch(input, { ...init, redirect: 'manual' });
  if (progress) progress.answer = response;
  return response;
};
