/**
 * A worker takes over from those of this machine that died: it answers on the queues that only they polled, and gives back what they
 * had begun, so that nobody waits for a time-out to learn that they are gone.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { pollersOf } from './pollers.ts';
import { alive } from './processes.ts';
import { identify } from './server/process.ts';

/** A worker process as its successor knows it. */
export interface Predecessor {
  pid: number;
  started?: string;
  host: string;
  /** how it is called on the server */
  identity: string;
  /** the queue that only it polled */
  queue: string;
  /** when it was found dead, milliseconds since the epoch; its queue is answered for some time from then on */
  missed?: number;
}

/** Minutes for which episodes may still ask for a session of a dead worker: a model call may take that long in between. */
const answeredMinutes = 30;
/** Queues of dead workers that are answered at once; the newest. */
const mostQueues = 4;
/** Workflows that are looked at together. */
const together = 16;

const folderOf = (home: string): string => join(home, 'workers');
const pathOf = (home: string, identity: string): string => join(folderOf(home), `${identity}.json`);

/** Writes down that this process serves, for whoever comes after it. */
export async function noteWorker(home: string, identity: string, queue: string): Promise<void> {
  await mkdir(folderOf(home), { recursive: true });
  const started = (await identify(process.pid))?.started;
  const note: Predecessor = {
    pid: process.pid,
    ...(started === undefined ? {} : { started }),
    host: hostname(),
    identity,
    queue,
  };
  await writeFile(pathOf(home, identity), JSON.stringify(note));
}

/** A worker that ends in order leaves nothing to take over. */
export const forgetWorker = (home: string, identity: string): Promise<void> =>
  rm(pathOf(home, identity), { force: true });

/** The workers of this machine and folder that live, also one whose supervisor died before it could write it down. */
export async function livingWorkers(home: string): Promise<{ pid: number; started?: string }[]> {
  const names = await readdir(folderOf(home)).catch(() => []);
  const notes = await Promise.all(names.map((name) => readNote(join(folderOf(home), name))));
  const living: { pid: number; started?: string }[] = [];
  for (const note of notes)
    if (note !== undefined && note.host === hostname() && (await isAlive(note))) living.push(processOf(note));
  return living;
}

/** The workers of this machine and folder that died without a word, newest first. */
export async function predecessors(home: string, now = Date.now()): Promise<Predecessor[]> {
  const dead: Predecessor[] = [];
  for (const name of await readdir(folderOf(home)).catch(() => [])) {
    const path = join(folderOf(home), name);
    const note = await readNote(path);
    if (note !== undefined && (note.host !== hostname() || (await isAlive(note)))) continue;
    const missed = note?.missed ?? now;
    if (note === undefined || now - missed > answeredMinutes * 60_000) {
      await rm(path, { force: true });
      continue;
    }
    if (note.missed === undefined) await writeFile(path, JSON.stringify({ ...note, missed }));
    dead.push({ ...note, missed });
  }
  return dead.sort((one, other) => (other.missed ?? 0) - (one.missed ?? 0)).slice(0, mostQueues);
}

const processOf = ({ pid, started }: Predecessor): { pid: number; started?: string } =>
  started === undefined ? { pid } : { pid, started };

const isAlive = (note: Predecessor): Promise<boolean> => alive(processOf(note));

async function readNote(path: string): Promise<Predecessor | undefined> {
  try {
    const note = JSON.parse(await readFile(path, 'utf8')) as Predecessor;
    return typeof note.queue === 'string' && Number.isInteger(note.pid) ? note : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Gives back what these workers had begun: another takes the activities at once, instead of after the heartbeat's time-out, and the
 * workflows that they carried on. Gives the number of activities.
 */
export async function giveBack(client: Client, dead: Predecessor[], queue: string, me: string): Promise<number> {
  if (dead.length === 0) return 0;
  const identities = new Set(dead.map(({ identity }) => identity));
  const alone = await onlyMe(client, queue, new Set([me, ...identities]));
  const running: { workflowId: string; runId: string }[] = [];
  for await (const { workflowId, runId } of client.workflow.list({ query: `ExecutionStatus = 'Running'` }))
    running.push({ workflowId, runId });
  let given = 0;
  for (let start = 0; start < running.length; start += together) {
    const results = await Promise.allSettled(
      running.slice(start, start + together).map((execution) => giveBackOf(client, execution, identities, alone)),
    );
    for (const result of results) if (result.status === 'fulfilled') given += result.value;
  }
  return given;
}

/** PENDING_ACTIVITY_STATE_STARTED of the server's API. */
const begun = 2;

/** True when no other worker than these was seen at the queue of workflows. */
const onlyMe = async (client: Client, queue: string, these: Set<string>): Promise<boolean> =>
  (await pollersOf(client.workflowService, client.options.namespace, queue, 'workflows')).every(({ identity }) =>
    these.has(identity),
  );

async function giveBackOf(
  client: Client,
  { workflowId, runId }: { workflowId: string; runId: string },
  identities: Set<string>,
  alone: boolean,
): Promise<number> {
  const { namespace } = client.options;
  // What the dead worker remembered of the workflow is asked of it no more.
  const freed = () => client.workflowService.resetStickyTaskQueue({ namespace, execution: { workflowId, runId } });
  if (alone) await freed();
  const { raw } = await client.workflow.getHandle(workflowId, runId).describe();
  const theirs = (raw.pendingActivities ?? []).filter(
    ({ state, lastWorkerIdentity }) => state === begun && identities.has(lastWorkerIdentity ?? ''),
  );
  if (theirs.length > 0 && !alone) await freed();
  for (const { activityId, activityType } of theirs) {
    const kind = pinned.has(activityType?.name ?? '') ? 'session-lost' : 'transient';
    const failure = ApplicationFailure.create({
      message: 'the worker that did this died',
      type: kind,
      nonRetryable: kind === 'session-lost',
    });
    await client.activity.fail({ workflowId, runId, activityId: activityId ?? '' }, failure);
  }
  return theirs.length;
}

/** Activities that only the worker with the session can do. */
const pinned = new Set(['act', 'evaluate', 'close']);
