/** Backward construction and the committee: instructions for what happened in each window, then one vote per member. */

import { patched } from '@temporalio/workflow';
import { verdict } from '../core/tally.ts';
import { charge, count } from '../core/usage.ts';
import { cutWindows, dropTrajectory, dropWindow, keptSteps } from '../core/windows.ts';
import type { Candidate } from '../schemas/episode.ts';
import type { Style, Window } from '../schemas/example.ts';
import type { Flow, TaskEntry } from '../schemas/flow.ts';
import { call, modelCall } from './call.ts';
import { membersOf, poll } from './committee.ts';
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

/**
 * Windows worth paying for, and how many steps the whole trajectory has: repeated steps are gone, and so are windows that failed at the end,
 * changed nothing or are too long, and those of trajectories that are not used.
 */
function worthwhile(flow: Flow, walk: Walk, harvest: Harvest): { windows: Window[]; whole: number } {
  if (flow.construct === null) return { windows: [], whole: 0 };
  const all = walk.facts.map((facts) => facts.index);
  const kept = flow.filter?.dropRepeated === false ? all : keptSteps(walk.facts);
  if (kept.length < all.length) count(harvest.dropped, 'repeated-step', all.length - kept.length);
  const { maxWindows, maxWindowSteps: maxSteps, styles } = flow.construct;
  // Where nothing is written for stretches of it, the whole trajectory is the only window.
  const max = styles.every((style) => style === 'original') ? 1 : maxWindows;
  const cut = cutWindows(kept, { max, maxSteps, seed: flow.seed });
  harvest.windows = cut.length;
  const { filter } = flow;
  const { outcome, verification } = walk;
  const unused = filter === null ? undefined : dropTrajectory({ outcome, score: verification?.score ?? null }, filter);
  const windows = cut.filter((window) => {
    const reason = unused ?? (filter === null ? undefined : dropWindow(window, walk.facts, filter));
    if (reason !== undefined) count(harvest.dropped, reason);
    return reason === undefined;
  });
  // Before, a trajectory that ended on a repeated step had no whole.
  const ofKept = styles.includes('original') && patched('original-of-kept-steps');
  return { windows, whole: ofKept ? kept.length : all.length };
}

/** The original instruction belongs to the whole trajectory only, without the steps that repeat. */
const suits = (style: Style, window: Window, whole: number): boolean =>
  style !== 'original' || window.steps.length === whole;

export async function construct(flow: Flow, task: TaskEntry, walk: Walk, gate: Gate, ledger: Ledger): Promise<Harvest> {
  const harvest: Harvest = { windows: 0, dropped: {}, candidates: [], voted: 0, kept: 0, unreadable: 0, titles: [] };
  const { windows, whole } = worthwhile(flow, walk, harvest);
  const styles = flow.construct?.styles ?? [];
  const pairs = windows.flatMap((window) =>
    styles.filter((style) => suits(style, window, whole)).map((style) => ({ window, style })),
  );
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
