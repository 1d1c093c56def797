/** Backward construction and the committee: instructions for what happened in each window, then one vote per member. */

import { patched } from '@temporalio/workflow';
import { membersOf } from '../core/poll.ts';
import { verdict } from '../core/tally.ts';
import { charge, count } from '../core/usage.ts';
import { stylePairs, worthwhileWindows } from '../core/windows.ts';
import type { Candidate } from '../schemas/episode.ts';
import type { Style, Window } from '../schemas/example.ts';
import type { Flow, TaskEntry } from '../schemas/flow.ts';
import { call, modelCall } from './call.ts';
import { poll } from './committee.ts';
import type { Gate } from './gate.ts';
import type { Ledger, Walk } from './interact.ts';
import { inPool } from './pool.ts';

export interface Harvest {
  windows: number;
  dropped: Record<string, number>;
  candidates: Candidate[];
  voted: number;
  kept: number;
  unreadable: number;
  /** what was kept, in words, for the live page */
  titles: string[];
}

export async function construct(flow: Flow, task: TaskEntry, walk: Walk, gate: Gate, ledger: Ledger): Promise<Harvest> {
  const { windows, cut, end, dropped } = worthwhileWindows(flow, walk);
  const harvest: Harvest = { windows: cut, dropped, candidates: [], voted: 0, kept: 0, unreadable: 0, titles: [] };
  const styles = flow.construct?.styles ?? [];
  // Before, a trajectory that ended on a repeated step had no original.
  const ofKept = styles.includes('original') && patched('original-of-kept-steps');
  const pairs = stylePairs(windows, styles, ofKept ? end : walk.facts.length);
  const candidates = await inPool(pairs, flow.construct?.concurrency ?? null, (pair) =>
    judge(flow, task, walk, pair, gate, ledger, harvest),
  );
  harvest.candidates = candidates.filter((candidate) => candidate !== null);
  return harvest;
}

/** One (window, style): its instruction, then the committee's votes on the pair. */
async function judge(
  flow: Flow,
  task: TaskEntry,
  walk: Walk,
  { window, style }: { window: Window; style: Style },
  gate: Gate,
  ledger: Ledger,
  harvest: Harvest,
): Promise<Candidate | null> {
  const place = `steps ${window.from + 1}–${window.to}`;
  const written = await gate.pass(() =>
    call(
      'relabel',
      modelCall(flow, 'construct', flow.queues.relabel, `${place} as ${style}`),
    )({
      plan: flow.plan,
      task: task.ref,
      head: walk.head,
      window,
      style,
    }),
  );
  charge(ledger.usage, flow.accounts.relabel, written.usage);
  const example = written.example;
  if (example === null) {
    if (!written.readable) harvest.unreadable += 1;
    count(harvest.dropped, written.readable ? 'nothing-accomplished' : 'instruction-unreadable');
    return null;
  }
  if (flow.filter === null) {
    harvest.kept += 1;
    harvest.titles.push(written.title);
    return { example, votes: [] };
  }
  const { votes, absent } = await poll(flow, gate, example, `${place}: ${written.title}`);
  for (const { member, result } of votes) {
    charge(ledger.usage, `filter/${member}`, result.usage);
    if (!result.readable) harvest.unreadable += 1;
  }
  harvest.voted += 1;
  const ballots = votes.map(({ ballot }) => ballot);
  if (verdict(ballots, flow.filter.accept, membersOf(flow)).kept) {
    harvest.kept += 1;
    harvest.titles.push(written.title);
  }
  return { example, votes: votes.map(({ result }) => result.vote), ...(absent.length > 0 ? { absent } : {}) };
}
