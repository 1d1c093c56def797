/** The agent's loop: decide ⇄ act until it finishes, gets stuck or reaches the step limit (paper, Algorithm 1 lines 6–14). */

import { stuck } from '../core/stuck.ts';
import { addUsage, charge, noUsage } from '../core/usage.ts';
import type { Ref, Usage } from '../schemas/common.ts';
import type { DecideResult, Flow, TaskEntry, Verification } from '../schemas/flow.ts';
import type { Outcome } from '../schemas/step.ts';
import type { StepFacts } from '../schemas/step-facts.ts';
import { call, modelCall } from './call.ts';
import type { Gate } from './gate.ts';
import type { EpisodeSession } from './session.ts';

/** Unreadable replies to one question before the trajectory ends as failed. */
const maxUnreadable = 2;

export interface Walk {
  /** set once it is sealed */
  trajectory?: Ref;
  head: Ref;
  initialState: string;
  facts: StepFacts[];
  outcome: Outcome;
  detail: string;
  finish: Ref | null;
  unreadable: number;
  usage: Usage;
  /** what the place says of the end, where it is asked */
  verification?: Verification;
}

export interface Ledger {
  usage: Record<string, Usage>;
}

export async function interact(
  flow: Flow,
  task: TaskEntry,
  session: EpisodeSession,
  gate: Gate,
  ledger: Ledger,
): Promise<Walk> {
  const start = await session.open(null);
  const walk: Walk = {
    head: start.head,
    initialState: start.state,
    facts: [],
    outcome: 'step-limit',
    detail: `${flow.interact.maxSteps} actions without finishing`,
    finish: null,
    unreadable: 0,
    usage: noUsage,
  };
  const spend = (account: string, usage: Usage): void => {
    charge(ledger.usage, account, usage);
    walk.usage = addUsage(walk.usage, usage);
  };

  while (walk.facts.length < flow.interact.maxSteps) {
    const decided = await decide(flow, task, walk, gate, spend);
    if (decided.kind !== 'act') {
      walk.outcome = decided.kind === 'finish' ? 'finished' : 'failed';
      walk.detail =
        decided.kind === 'finish' ? decided.title : `the model's replies could not be read: ${decided.detail}`;
      walk.finish = decided.kind === 'finish' ? decided.decision : null;
      return walk;
    }
    await step(walk, session, decided);
    const reason = stuck(walk.facts, walk.initialState, flow.interact.stuckAfter);
    if (reason !== undefined) return { ...walk, outcome: 'stuck', detail: reason };
  }
  return walk;
}

/** The walk of an earlier run: nothing is asked, no session is opened. */
export async function recallWalk(trajectory: Ref): Promise<Walk> {
  const recalled = await call('recall', { summary: 'the trajectory is there already' })({ trajectory });
  return { ...recalled, finish: null, unreadable: 0, usage: noUsage };
}

/** Asks for the next action; an unreadable reply is asked again a bounded number of times. */
async function decide(
  flow: Flow,
  task: TaskEntry,
  walk: Walk,
  gate: Gate,
  spend: (account: string, usage: Usage) => void,
): Promise<DecideResult> {
  const index = walk.facts.length + 1;
  const base = { plan: flow.plan, task: task.ref, head: walk.head, query: null as Ref | null };
  if (flow.queues.query !== null) {
    const queue = flow.queues.query;
    const asked = await gate.pass(() =>
      call('query', modelCall(flow, 'interact', queue, `${index}: what examples would help`))({ ...base, retry: 0 }),
    );
    spend(flow.accounts.query, asked.usage);
    base.query = asked.query;
  }
  for (let retry = 0; ; retry += 1) {
    const result = await gate.pass(() =>
      call(
        'decide',
        modelCall(flow, 'interact', flow.queues.decide, `${index}${retry > 0 ? ' again' : ''}: ${task.title}`),
      )({ ...base, retry }),
    );
    spend(flow.accounts.decide, result.usage);
    if (result.kind !== 'unreadable') return result;
    walk.unreadable += 1;
    if (retry + 1 >= maxUnreadable) return result;
  }
}

/** Carries one decision out; a lost session is opened again at the last head, and a replay that parted starts the walk over. */
async function step(walk: Walk, session: EpisodeSession, decided: DecideResult): Promise<void> {
  const index = walk.facts.length + 1;
  for (;;) {
    const acted = await session.act(walk.head, decided.decision, `${index}: ${decided.title}`);
    if (acted !== undefined) {
      walk.head = acted.head;
      walk.facts.push(acted.facts);
      return;
    }
    const again = await session.open(walk.head);
    if (again.diverged !== null) {
      walk.head = again.head;
      walk.initialState = again.state;
      walk.facts = [];
      return;
    }
  }
}
