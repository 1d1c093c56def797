/** The agent's loop: decide ⇄ act until it finishes, gets stuck or reaches the step limit (paper, Algorithm 1 lines 6–14). */
import type { Ref, Usage } from '../schemas/common.ts';
import type {
  ActResult,
  DecideInput,
  DecideResult,
  Flow,
  OpenResult,
  QueryResult,
  Verification,
  WalkSoFar,
} from '../schemas/flow.ts';
import type { Outcome } from '../schemas/step.ts';
import type { StepFacts } from '../schemas/step-facts.ts';
import { taskSpent } from './budget.ts';
import { stuck } from './stuck.ts';
import { addUsage, noUsage } from './usage.ts';

/** Unreadable replies to one question before the trajectory ends as failed. */
const maxUnreadable = 2;

/** Times that a walk begins anew because the place did not repeat itself; after that it ends as failed. */
const maxRestarts = 3;

export interface Walk {
  /** set once it is sealed */
  trajectory?: Ref;
  head: Ref;
  initialState: string;
  /** number of actions */
  steps: number;
  /** of all actions; of one that went on from an earlier part, of the last ones alone until it is sealed (`whole`) */
  facts: StepFacts[];
  /** false while the facts of earlier actions are in the store alone */
  whole: boolean;
  outcome: Outcome;
  detail: string;
  finish: Ref | null;
  unreadable: number;
  usage: Usage;
  /** of each time that it began anew: the action after which the place answered otherwise than before, 0 for the first observation */
  diverged: number[];
  /** true when it is not over: whoever runs it wanted to go on elsewhere */
  paused?: true;
  /** what the place says of the end, where it is asked */
  verification?: Verification;
}

/** As much of a walk as does not grow with its length. */
export const walkSoFar = (walk: Walk, stuckAfter: number): WalkSoFar => ({
  head: walk.head,
  initialState: walk.initialState,
  steps: walk.steps,
  unreadable: walk.unreadable,
  usage: walk.usage,
  diverged: walk.diverged,
  recent: walk.facts.slice(-(stuckAfter + 1)),
});

/** What the loop asks of whoever runs it: a workflow calls activities, a preview the same functions in its own process. */
export interface WalkCalls {
  /** Opens a place, or opens it again at `head`. */
  open(head: Ref | null): Promise<OpenResult>;
  /** Acts; undefined when the session was lost, so that the place is opened again. */
  act(head: Ref, decision: Ref, title: string): Promise<ActResult | undefined>;
  /** Left out where no query is asked for. */
  query?(input: DecideInput, step: number): Promise<QueryResult>;
  decide(input: DecideInput, step: number): Promise<DecideResult>;
  /** Counts what a call consumed. */
  spend(account: string, usage: Usage): void;
  /** Asked between two steps: true to stop here and go on later from what was walked so far. Left out, never. */
  pause?(): boolean;
}

/** Where a walk begins: in a fresh place, or from what was walked so far. */
async function beginning(flow: Flow, calls: WalkCalls, soFar: WalkSoFar | undefined): Promise<Walk> {
  const open = {
    outcome: 'step-limit' as const,
    detail: `${flow.interact.maxSteps} actions without finishing`,
    finish: null,
  };
  if (soFar !== undefined) {
    const { recent, ...rest } = soFar;
    return { ...rest, ...open, facts: [...recent], whole: recent.length === rest.steps };
  }
  const { head, state } = await calls.open(null);
  const none = { steps: 0, facts: [], whole: true, unreadable: 0, usage: noUsage, diverged: [] };
  return { head, initialState: state, ...none, ...open };
}

/** @param soFar what an earlier part has walked; left out, the walk begins */
export async function walkTask(flow: Flow, task: Ref, calls: WalkCalls, soFar?: WalkSoFar): Promise<Walk> {
  const walk = await beginning(flow, calls, soFar);
  const spend = (account: string, usage: Usage): void => {
    calls.spend(account, usage);
    walk.usage = addUsage(walk.usage, usage);
  };

  while (walk.steps < flow.interact.maxSteps) {
    const spent = taskSpent(flow.interact.taskBudget, walk.usage);
    if (spent !== undefined) return { ...walk, detail: spent };
    if (calls.pause?.() === true) return { ...walk, paused: true };
    const decided = await decide(flow, task, walk, { ...calls, spend });
    if (decided.kind !== 'act') {
      walk.outcome = decided.kind === 'finish' ? 'finished' : 'failed';
      walk.detail =
        decided.kind === 'finish' ? decided.title : `the model's replies could not be read: ${decided.detail}`;
      walk.finish = decided.kind === 'finish' ? decided.decision : null;
      return walk;
    }
    await step(walk, calls, decided);
    if (walk.diverged.length > maxRestarts) return { ...walk, outcome: 'failed', detail: restless(walk) };
    if (walk.facts.at(-1)?.ended === true)
      return { ...walk, outcome: 'finished', detail: 'the place took no more actions: it ended the attempt itself' };
    const reason = stuck(walk.facts, walk.initialState, flow.interact.stuckAfter);
    if (reason !== undefined) return { ...walk, outcome: 'stuck', detail: reason };
  }
  return walk;
}

/** Asks for the next action; an unreadable reply is asked again a bounded number of times. */
async function decide(flow: Flow, task: Ref, walk: Walk, calls: WalkCalls): Promise<DecideResult> {
  const index = walk.steps + 1;
  const base = { plan: flow.plan, task, head: walk.head, query: null as Ref | null };
  if (calls.query !== undefined) {
    const asked = await calls.query({ ...base, retry: 0 }, index);
    calls.spend(flow.accounts.query, asked.usage);
    base.query = asked.query;
  }
  for (let retry = 0; ; retry += 1) {
    const result = await calls.decide({ ...base, retry }, index);
    calls.spend(flow.accounts.decide, result.usage);
    if (result.kind !== 'unreadable') return result;
    walk.unreadable += 1;
    if (retry + 1 >= maxUnreadable) return result;
  }
}

/** Carries one decision out; a lost session is opened again at the last head, and a replay that parted starts the walk over. */
async function step(walk: Walk, calls: WalkCalls, decided: DecideResult): Promise<void> {
  const index = walk.steps + 1;
  for (;;) {
    const acted = await calls.act(walk.head, decided.decision, `${index}: ${decided.title}`);
    if (acted !== undefined) {
      walk.head = acted.head;
      walk.facts.push(acted.facts);
      walk.steps += 1;
      return;
    }
    const again = await calls.open(walk.head);
    if (again.diverged !== null) {
      walk.head = again.head;
      walk.initialState = again.state;
      walk.facts = [];
      walk.steps = 0;
      walk.whole = true;
      walk.diverged = [...walk.diverged, again.diverged];
      return;
    }
  }
}

const restless = ({ diverged }: Walk): string =>
  `the session was lost ${diverged.length} times, and each time the place answered otherwise when its actions were done again (after action ${diverged.join(', ')})`;
