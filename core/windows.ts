/** Cuts a trajectory into the windows that instructions are written for (paper §2.2, §2.3, app. F, Table 5). */
import type { Style, Window } from '../schemas/example.ts';
import type { Flow } from '../schemas/flow.ts';
import type { Outcome } from '../schemas/step.ts';
import type { StepFacts } from '../schemas/step-facts.ts';
import { randomSource, shuffled } from './random.ts';
import { count } from './usage.ts';

export type DropReason = 'last-action-failed' | 'nothing-changed' | 'too-few-steps' | 'too-many-steps';
/** `ended-…` for an outcome that is not used. */
export type TrajectoryDropReason = `ended-${Outcome}` | 'outcome-below-min-score' | 'not-verified';

/** Positions in the list of kept steps: first and last, both included. */
interface Stretch {
  first: number;
  last: number;
}

/** Shares of a draw by length in actions, short preferred but all mixed (Table 5: S+M+L is best, then S+M, then S). */
const strata = [
  { from: 1, below: 5, share: 5 },
  { from: 5, below: 10, share: 3 },
  { from: 10, below: Number.POSITIVE_INFINITY, share: 2 },
];

/** What a trajectory is cut into: the windows worth an instruction, how many were cut, and why the others go. */
export interface Cut {
  windows: Window[];
  cut: number;
  dropped: Record<string, number>;
}

/** What is known of a trajectory when its windows are chosen. */
export interface Walked {
  facts: StepFacts[];
  outcome: Outcome;
  verification?: { score: number | null };
}

/**
 * Windows worth paying for: repeated steps are gone, and so are windows that failed at the end, changed nothing or are too long, and those of
 * trajectories that are not used.
 */
export function worthwhileWindows(
  { construct, filter, seed }: Pick<Flow, 'construct' | 'filter' | 'seed'>,
  { facts, outcome, verification }: Walked,
): Cut {
  const dropped: Record<string, number> = {};
  if (construct === null) return { windows: [], cut: 0, dropped };
  const all = facts.map((fact) => fact.index);
  const kept = filter?.dropRepeated === false ? all : keptSteps(facts);
  if (kept.length < all.length) count(dropped, 'repeated-step', all.length - kept.length);
  const { maxWindows: max, maxWindowSteps: maxSteps } = construct;
  const cut = cutWindows(kept, { max, maxSteps, seed });
  const unused = filter === null ? undefined : dropTrajectory({ outcome, score: verification?.score ?? null }, filter);
  const windows = cut.filter((window) => {
    const reason = unused ?? (filter === null ? undefined : dropWindow(window, facts, filter));
    if (reason !== undefined) count(dropped, reason);
    return reason === undefined;
  });
  return { windows, cut: cut.length, dropped };
}

/** What instructions are written for. The original instruction belongs to the whole trajectory, of `steps` actions, only. */
export const stylePairs = (windows: Window[], styles: Style[], steps: number): { window: Window; style: Style }[] =>
  windows.flatMap((window) =>
    styles
      .filter((style) => style !== 'original' || (window.from === 0 && window.to === steps))
      .map((style) => ({ window, style })),
  );

/** Chain indices (1-based) of the steps whose action and state do not both repeat the step before. */
export function keptSteps(facts: StepFacts[]): number[] {
  return facts
    .filter((fact, at) => {
      const before = facts[at - 1];
      return before === undefined || fact.action !== before.action || fact.state !== before.state;
    })
    .map((fact) => fact.index);
}

/**
 * Every stretch of one to `maxSteps` kept steps, ordered by start, then by end: n(n+1)/2 of them when none is too long.
 * Above `max` it is a draw that `seed` decides: the full trajectory (unless longer than `maxSteps`), then
 * short (< 5), medium (< 10) and long windows as 5 : 3 : 2, where what one stratum cannot fill goes to the others, the short first.
 */
export function cutWindows(kept: number[], options: { max: number; maxSteps: number; seed: number }): Window[] {
  const all = stretches(kept.length, options.maxSteps);
  const chosen = all.length <= options.max ? all : draw(all, kept.length, options);
  return chosen.map(({ first, last }) => {
    const steps = kept.slice(first, last + 1);
    return { from: (steps[0] ?? 1) - 1, to: steps.at(-1) ?? 1, steps };
  });
}

/**
 * Why a window is not worth an instruction, or undefined. `nothing-changed`: every step of it ended in the state it began
 * in. Only the state decides: a driver's state holds what was seen, so a command that just prints something does count.
 */
export function dropWindow(
  window: Window,
  facts: StepFacts[],
  options: { drop_failed: boolean; drop_unchanged: boolean; steps?: { min?: number; max?: number } },
): DropReason | undefined {
  const { min = 1, max = Number.POSITIVE_INFINITY } = options.steps ?? {};
  if (window.steps.length < min) return 'too-few-steps';
  if (window.steps.length > max) return 'too-many-steps';
  const inside = facts.filter((fact) => fact.index > window.from && fact.index <= window.to);
  if (options.drop_failed && inside.at(-1)?.failed) return 'last-action-failed';
  if (options.drop_unchanged && inside.every((fact) => !fact.changed)) return 'nothing-changed';
  return undefined;
}

/**
 * Why nothing of a trajectory is used, or undefined. `score` is null when the place could not verify it: that is not a low score, and not
 * enough for a pipeline that asks for one.
 */
export function dropTrajectory(
  { outcome, score }: { outcome: Outcome; score: number | null },
  options: { outcomes?: Outcome[]; minScore?: number },
): TrajectoryDropReason | undefined {
  if (options.outcomes !== undefined && !options.outcomes.includes(outcome)) return `ended-${outcome}`;
  if (options.minScore === undefined) return undefined;
  if (score === null) return 'not-verified';
  return score < options.minScore ? 'outcome-below-min-score' : undefined;
}

function stretches(count: number, maxSteps: number): Stretch[] {
  const all: Stretch[] = [];
  for (let first = 0; first < count; first += 1) {
    for (let last = first; last < Math.min(count, first + maxSteps); last += 1) all.push({ first, last });
  }
  return all;
}

function draw(all: Stretch[], count: number, options: { max: number; seed: number }): Stretch[] {
  const random = randomSource(options.seed);
  const isFull = (stretch: Stretch) => stretch.first === 0 && stretch.last === count - 1;
  const full = all.filter(isFull).slice(0, options.max);
  const rest = all.filter((stretch) => !isFull(stretch));
  const pools = strata.map(({ from, below }) => {
    const inStratum = rest.filter(({ first, last }) => last - first + 1 >= from && last - first + 1 < below);
    return shuffled(inStratum, random);
  });
  const quotas = shareOut(
    options.max - full.length,
    pools.map((pool) => pool.length),
  );
  const drawn = pools.flatMap((pool, at) => pool.slice(0, quotas[at]));
  return [...full, ...drawn].sort((a, b) => a.first - b.first || a.last - b.last);
}

/** Shares `total` places out over strata of the given sizes; what rounding or a small stratum leaves over goes on, short first. */
function shareOut(total: number, sizes: number[]): number[] {
  const shares = strata.reduce((sum, { share }, at) => sum + ((sizes[at] ?? 0) > 0 ? share : 0), 0);
  const quotas = sizes.map((size, at) => Math.min(size, Math.floor((total * (strata[at]?.share ?? 0)) / shares)));
  let left = total - quotas.reduce((sum, quota) => sum + quota, 0);
  return quotas.map((quota, at) => {
    const more = Math.min(left, (sizes[at] ?? 0) - quota);
    left -= more;
    return quota + more;
  });
}
