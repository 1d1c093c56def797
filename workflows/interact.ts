/** The agent's loop (core/walk.ts) as a workflow runs it: every call an activity that passes the gate. */
import { charge, noUsage } from '../core/usage.ts';
import { type Walk, type WalkCalls, walkTask } from '../core/walk.ts';
import type { Ref, Usage } from '../schemas/common.ts';
import type { Flow, TaskEntry, WalkSoFar } from '../schemas/flow.ts';
import { book } from './book.ts';
import { call, modelCall } from './call.ts';
import type { Gate } from './gate.ts';
import type { EpisodeSession } from './session.ts';

export type { Walk };

export interface Ledger {
  usage: Record<string, Usage>;
}

interface Walking {
  session: EpisodeSession;
  gate: Gate;
  ledger: Ledger;
  /** asked between two steps: true to go on elsewhere */
  pause(): boolean;
}

/** @param soFar what an execution before this one has walked */
export function interact(
  flow: Flow,
  task: TaskEntry,
  { session, gate, ledger, pause }: Walking,
  soFar?: WalkSoFar,
): Promise<Walk> {
  const { query, decide } = flow.queues;
  const calls: WalkCalls = {
    pause,
    open: session.open,
    act: session.act,
    ...(query === null
      ? {}
      : {
          query: (input, step) =>
            gate.pass(() =>
              call('query', modelCall(flow, 'interact', query, `${step}: what examples would help`))(input),
            ),
        }),
    decide: (input, step) => {
      const summary = `${step}${input.retry > 0 ? ' again' : ''}: ${task.title}`;
      return gate.pass(() => call('decide', modelCall(flow, 'interact', decide, summary))({ ...input, ...anew(task) }));
    },
    spend: (account, usage) => charge(ledger.usage, account, usage),
  };
  return walkTask(flow, task.ref, calls, soFar);
}

/** Of a task that is taken up again: what could not be read is asked anew. */
export const anew = (task: TaskEntry): { again?: true } => (task.anew === true ? { again: true } : {});

/** The walk of an earlier run: nothing is asked, no session is opened. */
export async function recallWalk(flow: Flow, trajectory: Ref): Promise<Walk> {
  const recalled = await book(flow, 'recall', 'the trajectory is there already')({ trajectory });
  const made = { steps: recalled.facts.length, whole: true, diverged: [] };
  return { ...recalled, ...made, finish: null, unreadable: 0, usage: noUsage };
}
