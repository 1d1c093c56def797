/** Backward construction and the committee: instructions for what happened in each window, then one vote per member. */

import { patched } from '@temporalio/workflow';
import { unreadableInstruction } from '../core/failure-class.ts';
import { membersOf } from '../core/poll.ts';
import { verdict } from '../core/tally.ts';
import { charge, count } from '../core/usage.ts';
import { stylePairs, worthwhileWindows } from '../core/windows.ts';
import type { Ref } from '../schemas/common.ts';
import type { Candidate } from '../schemas/episode.ts';
import type { Style, Window } from '../schemas/example.ts';
import type { Flow, Harvest, TaskEntry } from '../schemas/flow.ts';
import type { Outcome } from '../schemas/step.ts';
import { call, modelCall } from './call.ts';
import { poll } from './committee.ts';
import type { Gate } from './gate.ts';
import { anew, type Ledger, type Walk } from './interact.ts';
import { hasOwnExamples, type OwnBooks, passExamples, passTrajectory } from './own.ts';
import { inPool } from './pool.ts';

export type { Harvest };

/** Pairs in work at once where the pipeline names no number: a workflow may have 2,000 activities pending. */
const mostLanes = 100;

export interface ConstructPart {
  /** of the part before; null where there is none */
  harvest: Harvest | null;
  /** pairs that were worked on already */
  done: number;
  /** asked before each pair: true to stop and go on elsewhere */
  pause(): boolean;
}

/** @returns what was made, and how many pairs were worked on where it stopped before the last */
export async function construct(
  flow: Flow,
  task: TaskEntry,
  walk: Walk,
  gate: Gate,
  ledger: Ledger,
  part: ConstructPart,
): Promise<{ harvest: Harvest; stoppedAt?: number }> {
  const books: OwnBooks = { dropped: {}, usage: ledger.usage };
  const passes = part.harvest !== null || (await passTrajectory(flow, trajectoryOf(task, walk), gate, books));
  const { windows, cut, end, dropped } = passes
    ? worthwhileWindows(flow, walk)
    : { windows: [], cut: 0, end: 0, dropped: books.dropped };
  const fresh: Harvest = { windows: cut, dropped, candidates: [], voted: 0, kept: 0, unreadable: 0, titles: [] };
  const harvest = part.harvest ?? fresh;
  books.dropped = harvest.dropped;
  const styles = flow.construct?.styles ?? [];
  // Before, a trajectory that ended on a repeated step had no original.
  const ofKept = styles.includes('original') && patched('original-of-kept-steps');
  const pairs = stylePairs(windows, styles, ofKept ? end : walk.steps).slice(part.done);
  const named = flow.construct?.concurrency ?? null;
  const lanes = named === null && pairs.length > mostLanes && patched('bounded-lanes') ? mostLanes : named;
  const write = (pair: (typeof pairs)[number]) => relabel(flow, task, walk, pair, gate, ledger, harvest);
  const vote = (written: Written) => judge(flow, task, written, gate, ledger, harvest);
  if (hasOwnExamples(flow)) {
    // All of the episode are handed over together: such a stage may compare them.
    const written = (await inPool(pairs, lanes, write)).filter((each) => each !== null);
    const passed = await passExamples(flow, [...new Set(written.map(({ example }) => example))], gate, books);
    const left = written.flatMap((each) => {
      const example = passed.get(each.example);
      return example === undefined ? [] : [{ ...each, example }];
    });
    harvest.candidates = (await inPool(left, lanes, vote)).filter((candidate) => candidate !== null);
    return { harvest };
  }
  const made = async (pair: (typeof pairs)[number]): Promise<Candidate | null> => {
    const written = await write(pair);
    return written === null ? null : vote(written);
  };
  const candidates = await inPool(pairs, lanes, made, part.pause);
  harvest.candidates.push(...candidates.filter((candidate) => candidate !== null));
  return { harvest, ...(candidates.length < pairs.length ? { stoppedAt: part.done + candidates.length } : {}) };
}

const trajectoryOf = (
  task: TaskEntry,
  { head, outcome, detail }: Walk,
): { task: Ref; head: Ref; outcome: Outcome; detail: string } => ({ task: task.ref, head, outcome, detail });

interface Written {
  example: Ref;
  /** the window in words */
  place: string;
  title: string;
}

/** The instruction of one (window, style). */
async function relabel(
  flow: Flow,
  task: TaskEntry,
  walk: Walk,
  { window, style }: { window: Window; style: Style },
  gate: Gate,
  ledger: Ledger,
  harvest: Harvest,
): Promise<Written | null> {
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
      ...anew(task),
    }),
  );
  charge(ledger.usage, flow.accounts.relabel, written.usage);
  const example = written.example;
  if (example === null) {
    if (!written.readable) harvest.unreadable += 1;
    count(harvest.dropped, written.readable ? 'nothing-accomplished' : unreadableInstruction);
    return null;
  }
  return { example, place, title: written.title };
}

/** The committee's votes on an example. */
async function judge(
  flow: Flow,
  task: TaskEntry,
  written: Written,
  gate: Gate,
  ledger: Ledger,
  harvest: Harvest,
): Promise<Candidate | null> {
  const { example, place } = written;
  if (flow.filter === null) {
    harvest.kept += 1;
    harvest.titles.push(written.title);
    return { example, votes: [] };
  }
  const { votes, absent } = await poll(flow, gate, { example, ...anew(task) }, `${place}: ${written.title}`);
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
