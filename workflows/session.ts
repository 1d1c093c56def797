/** A session as a workflow holds it: opened on whatever worker has a slot, rebuilt by replay when that worker is lost. */
import { CancellationScope, isCancellation, workflowInfo } from '@temporalio/workflow';
import type { Ref } from '../schemas/common.ts';
import type { ActResult, Flow, OpenResult, TaskEntry, Verification } from '../schemas/flow.ts';
import { call, failureKind, failureMessage, pinnedCall } from './call.ts';
import type { Gate } from './gate.ts';

/** Sessions that may be lost in one episode before it is given up. */
const maxSessions = 8;

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
}

const lost = (error: unknown): boolean => {
  const kind = failureKind(error);
  return kind === 'timeout' || kind === 'session-lost';
};

export function episodeSession(flow: Flow, task: TaskEntry, gate: Gate): EpisodeSession {
  let opened = 0;
  let place: OpenResult | undefined;

  const open = async (head: Ref | null): Promise<OpenResult> => {
    for (;;) {
      opened += 1;
      const session = `${workflowInfo().workflowId}#${opened}`;
      const summary =
        head === null
          ? `open ${flow.interact.environment}`
          : `open ${flow.interact.environment} again, replay to the last step`;
      try {
        place = await gate.pass(() =>
          call('open', {
            queue: flow.queues.environment,
            summary,
            seconds: 600,
            heartbeat: flow.timing.heartbeatSeconds,
          })({ plan: flow.plan, environment: flow.interact.environment, task: task.ref, session, head }),
        );
        return place;
      } catch (error) {
        if (!lost(error) || opened >= maxSessions) throw error;
      }
    }
  };

  const act = async (head: Ref, decision: Ref, title: string): Promise<ActResult | undefined> => {
    if (place === undefined) return undefined;
    const { session, queue } = place;
    try {
      return await gate.pass(() => call('act', pinnedCall(flow, queue, title))({ session, queue, head, decision }));
    } catch (error) {
      if (!lost(error) || opened >= maxSessions) throw error;
      // Nobody is there to close it: waiting for that would cost another time-out.
      place = undefined;
      return undefined;
    }
  };

  const evaluate = async (head: Ref): Promise<Verification> => {
    for (;;) {
      const again = place === undefined ? await open(head) : undefined;
      if (again !== undefined && again.diverged !== null)
        return { score: null, detail: 'the session was lost, and the replay of its actions came to another state' };
      const held = again ?? place;
      if (held === undefined) return { score: null, detail: 'there is no session' };
      const { session, queue } = held;
      try {
        return await call('evaluate', pinnedCall(flow, queue, 'verify what was reached'))({ session, queue });
      } catch (error) {
        if (isCancellation(error)) throw error;
        if (!lost(error) || opened >= maxSessions) return { score: null, detail: failureMessage(error) };
        place = undefined;
      }
    }
  };

  let closing: Promise<void> = Promise.resolve();
  const close = (): Promise<void> => {
    if (place === undefined) return closing;
    const { session, queue } = place;
    place = undefined;
    closing = CancellationScope.nonCancellable(async () => {
      try {
        await call('close', pinnedCall(flow, queue, 'close the session'))({ session, queue });
      } catch (error) {
        // A lost worker took its session along; what it left on disk is reaped when a worker starts.
        if (failureKind(error) === undefined) throw error;
      }
    });
    return closing;
  };

  return { open, act, evaluate, close, recovered: () => Math.max(0, opened - 1) };
}
