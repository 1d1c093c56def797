/** Watching a run: live in a terminal, line by line elsewhere, as events for machines; leaving it does not stop it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { createLogUpdate } from 'log-update';
import type { Progress } from '../schemas/flow.ts';
import type { Store } from '../store/store.ts';
import { liveLines, plainLine } from './progress.ts';
import { type RunRecord, runSummary } from './runs.ts';

export interface WatchOptions {
  json: boolean;
  /** seconds between plain lines */
  every?: number;
}

export interface Watched {
  /** how the workflow ended; `detached` when the person left first */
  status: 'COMPLETED' | 'FAILED' | 'CANCELLED' | 'TERMINATED' | 'TIMED_OUT' | 'detached';
  progress: Progress | undefined;
  failure?: string;
}

/** Watches until the run ends or the person leaves with Ctrl-C. */
export async function watch(client: Client, store: Store, record: RunRecord, options: WatchOptions): Promise<Watched> {
  const handle = client.workflow.getHandle(record.workflowId);
  const live = !options.json && process.stderr.isTTY === true && process.env.TERM !== 'dumb';
  const draw = createLogUpdate(process.stderr);
  let left = false;
  const leave = (): void => {
    left = true;
  };
  process.once('SIGINT', leave);
  let progress: Progress | undefined;
  let lastLine = 0;
  let lastText = '';
  const show = (): void => {
    if (progress === undefined) return;
    const now = Date.now();
    if (live) draw(liveLines(`${record.pipeline} ${record.run}`, progress, now, process.stderr.columns).join('\n'));
    else if (now - lastLine >= (options.every ?? 10) * 1000) {
      const text = options.json ? JSON.stringify({ type: 'progress', ...progress }) : plainLine(progress, now);
      const body = options.json ? text : text.slice(text.indexOf(' '));
      if (body !== lastText) (options.json ? process.stdout : process.stderr).write(`${text}\n`);
      lastText = body;
      lastLine = now;
    }
  };
  try {
    for (;;) {
      progress = (await ask(() => handle.query<Progress>('progress'))) ?? progress;
      show();
      const status = (await ask(() => handle.describe()))?.status.name;
      if (status !== undefined && status !== 'RUNNING') {
        progress = (await runSummary(store, record.run)) ?? progress;
        lastLine = 0;
        show();
        return await ended(handle, status, progress);
      }
      if (left) return { status: 'detached', progress };
      await sleep(live ? 500 : 1000);
      if (left) return { status: 'detached', progress };
    }
  } finally {
    process.removeListener('SIGINT', leave);
    if (live) draw.done();
  }
}

/** The server or the worker may be away for a moment: then the picture stands still. */
async function ask<T>(question: () => Promise<T>): Promise<T | undefined> {
  try {
    return await question();
  } catch {
    return undefined;
  }
}

async function ended(
  handle: ReturnType<Client['workflow']['getHandle']>,
  status: string,
  progress: Progress | undefined,
): Promise<Watched> {
  if (status === 'COMPLETED' || status === 'CANCELLED') return { status, progress };
  let failure = '';
  try {
    await handle.result();
  } catch (error) {
    let inner: unknown = error;
    while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
    failure = inner instanceof Error ? inner.message : String(inner);
  }
  return { status: status as Watched['status'], progress, failure };
}
