/** A session as a workflow holds it: opened on whatever worker has a slot, rebuilt by replay when that worker is lost. */
import { CancellationScope, defineSignal, isCancellation, setHandler, workflowInfo } from '@temporalio/workflow';
import type { Ref } from '../schemas/common.ts';
import type { ActResult, Flow, OpenResult, SessionCarried, TaskEntry, Verification } from '../schemas/flow.ts';
import { call, failureKind, failureMessage, pinnedCall } from './call.ts';
import type { Gate } from './gate.ts';
import { leaseOf } from './hold.ts';

/** Sessions that may be lost in a row, without an action done, before the episode is given up. */
const mostLost = 8;

/** A worker that stops says which of its sessions end with it: they are opened elsewhere without waiting for a time-out. */
export const sessionEnds = defineSignal<[{ session: string }]>('sessionEnds');

export interface EpisodeSession {
  /** Opens (or reopens at `head`) and says where things stand. */
  open(head: Ref | null): Promise<OpenResult>;
  /** Acts; undefined when the session was lost, so that the caller opens again. */
  act(head: Ref, decision: Ref, title: string): Promise<ActResult | undefined>;
  /** What the place says of the trajectory that ends at `head`; one that cannot be verified is an answer. */
  evaluate(head: Ref): Promise<Verification>;
  /** Closes what is open; called again, waits for that. */
  close(): Promise<void>;
  /** times the session was opened again */
  recovered(): number;
  /** what an execution needs that goes on with it */
  carried(): SessionCarried;
}

const isLost = (error: unknown): boolean => {
  const kind = failureKind(error);
  return kind === 'timeout' || kind === 'session-lost';
};

/** @param before the session that the execution before this one held */
export function episodeSession(flow: Flow, task: TaskEntry, gate: Gate, before?: SessionCarried): EpisodeSession {
  const state: SessionCarried = before ?? { opened: 0, lost: 0, place: null };
  const lease = leaseOf(flow, before !== undefined);
  // Kept: the word of a worker that stops may come before the answer that its session is open.
  const ended = new Set<string>();
  setHandler(sessionEnds, ({ session }) => {
    ended.add(session);
    if (state.place?.session === session) state.place = null;
  });
  /** Counts a lost session; throws when there were too many. Nobody is there to close it: waiting for that would cost another time-out. */
  const lose = (error: unknown): void => {
    state.lost += 1;
    if (!isLost(error) || state.lost >= mostLost) throw error;
    state.place = null;
  };

  const openOnce = async (head: Ref | null): Promise<OpenResult> => {
    const held = await lease?.acquire();
    state.opened += 1;
    const session = `${workflowInfo().workflowId}#${state.opened}`;
    const { environment } = flow.interact;
    const work = call('open', {
      queue: flow.queues.environment,
      summary: head === null ? `open ${environment}` : `open ${environment} again, replay to the last step`,
      seconds: 600,
      heartbeat: flow.timing.heartbeatSeconds,
    });
    const input = { plan: flow.plan, environment, task: task.ref, session, head };
    const opened = await gate.pass(() => work(held === undefined ? input : { ...input, lease: held }));
    const { queue } = opened;
    // As the worker calls it: this is what its last word will name.
    if (!ended.has(opened.session))
      state.place = { session: opened.session, queue, ...(held === undefined ? {} : { lease: held }) };
    return opened;
  };

  const open = async (head: Ref | null): Promise<OpenResult> => {
    for (;;) {
      try {
        return await openOnce(head);
      } catch (error) {
        lose(error);
      }
    }
  };

  const act = async (head: Ref, decision: Ref, title: string): Promise<ActResult | undefined> => {
    const { place } = state;
    if (place === null) return undefined;
    try {
      const acted = await gate.pass(() =>
        call('act', pinnedCall(flow, place.queue, title))({ ...place, head, decision }),
      );
      state.lost = 0;
      return acted;
    } catch (error) {
      lose(error);
      return undefined;
    }
  };

  const evaluate = async (head: Ref): Promise<Verification> => {
    for (;;) {
      const again = state.place === null ? await open(head) : undefined;
      if (again !== undefined && again.diverged !== null)
        return { score: null, detail: 'the session was lost, and the replay of its actions came to another state' };
      const { place } = state;
      if (place === null) continue;
      try {
        return await call('evaluate', pinnedCall(flow, place.queue, 'verify what was reached'))(place);
      } catch (error) {
        if (isCancellation(error)) throw error;
        if (!isLost(error) || state.lost + 1 >= mostLost) return { score: null, detail: failureMessage(error) };
        lose(error);
      }
    }
  };

  let closing: Promise<void> = Promise.resolve();
  let released = false;
  const close = (): Promise<void> => {
    const { place } = state;
    if (place === null && released) return closing;
    state.place = null;
    released = true;
    closing = CancellationScope.nonCancellable(async () => {
      try {
        if (place !== null) await call('close', pinnedCall(flow, place.queue, 'close the session'))(place);
      } catch (error) {
        // A lost worker took its session along; what it left on disk is reaped when a worker starts.
        if (failureKind(error) === undefined) throw error;
      } finally {
        await lease?.release();
      }
    });
    return closing;
  };

  return { open, act, evaluate, close, recovered: () => Math.max(0, state.opened - 1), carried: () => state };
}
