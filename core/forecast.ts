/** How much work lies beyond what is known of a plan: tasks, actions, windows and votes that nobody has seen yet. */
import { atMost, drawn, type Estimate, exactly, nothing, range, sum, times } from './estimate.ts';

/** What came of one task in an earlier run. */
export interface EarlierTask {
  steps: number;
  /** calls of the agent, the one that finished included */
  decisions: number;
  atLimit: boolean;
  /** windows that were worth an instruction */
  windows: number;
  /** instructions asked for, or taken over from the task */
  pairs: number;
  judged: number;
  /** of those, accepted by the committee */
  kept: number;
}

export interface Earlier {
  run: string;
  /** tasks that each document gave, duplicates apart */
  perDocument: number[];
  /** tasks that were asked of each */
  wanted: number;
  /** by the task's id, which is the same in every run */
  tasks: Map<string, EarlierTask>;
  maxSteps: number;
  windows: WindowBounds | null;
  /** in episodes that found nothing done: how many questions were asked of those that came up */
  asked: { instructions: Share; votes: Share };
}

export interface Share {
  part: number;
  whole: number;
}

export interface WindowBounds {
  max: number;
  maxSteps: number;
}

/** What the pipeline asks for. */
export interface Terms {
  perDocument: number;
  attempts: number;
  minSteps: number;
  maxSteps: number;
  windows: WindowBounds | null;
  /** styles that a model writes */
  styles: number;
  /** whether the task's own instruction is an example too */
  original: boolean;
}

/** Where what is known ends. */
export interface Frontier {
  /** documents whose tasks are not known */
  untold: Estimate;
  /** ids of the tasks to be tried */
  untried: string[];
  /** instructions that may still be admitted */
  room: number;
  /** windows of known trajectories whose instruction is to be written */
  unwritten: number;
}

export interface Forecast {
  /** tasks that unknown documents will give */
  tasks: Estimate;
  /** episodes to be tried, those of known tasks included */
  episodes: Estimate;
  steps: Estimate;
  decisions: Estimate;
  /** windows of those episodes that are worth an instruction */
  windows: Estimate;
  /** instructions to be written for them */
  instructions: Estimate;
  /** examples to be judged: theirs, and those of the unwritten windows */
  judged: Estimate;
}

export function forecast(frontier: Frontier, terms: Terms, earlier: Earlier | undefined): Forecast {
  const tasks = atMost(newTasks(frontier.untold, terms, earlier), frontier.room);
  const fresh = times(tasks, terms.attempts);
  const episodes = sum([exactly(frontier.untried.length), fresh]);
  const judgedOf = (pairs: number): Estimate => times(exactly(pairs), judgedShare(earlier));
  if (episodes.high === 0) {
    const none = { tasks, episodes, steps: nothing, decisions: nothing, windows: nothing, instructions: nothing };
    return { ...none, judged: judgedOf(frontier.unwritten) };
  }
  const each = earlier === undefined || earlier.tasks.size === 0 ? assumed(episodes, terms) : measured();
  return { tasks, episodes, ...each, judged: sum([each.judged, judgedOf(frontier.unwritten)]) };

  function measured(): Each {
    const all = [...(earlier?.tasks.values() ?? [])].map((task) => adapted(task, earlier, terms));
    const own = frontier.untried.flatMap((id) => earlier?.tasks.get(id) ?? []);
    const known = own.map((task) => adapted(task, earlier, terms));
    const rest = sum([exactly(frontier.untried.length - own.length), fresh]);
    const of = (pick: (task: Adapted) => number): Estimate => drawn(rest, all.map(pick), known.map(pick));
    return {
      steps: of((task) => task.steps),
      decisions: of((task) => task.decisions),
      windows: of((task) => task.windows),
      instructions: of((task) => task.instructions),
      judged: of((task) => task.judged),
    };
  }
}

type Each = Omit<Forecast, 'tasks' | 'episodes'>;

/**
 * Questions that differ: where two tasks went the same way, their windows are shown alike, and one reply serves both. The more there
 * are, the fewer of the next are new (as words of a text: n questions hold n^b different ones), and those of a task that is tried again
 * may all be known. @param anew whether none can be known, because another model or another prompt asks
 */
export function distinct(questions: Estimate, asked: Share | undefined, anew: boolean): Estimate {
  if (questions.high === 0) return nothing;
  if (asked === undefined || asked.whole === 0) return { ...questions, low: questions.low * 0.3 };
  const share = Math.min(1, asked.part / asked.whole);
  if (share > 0.98) return questions;
  const growth = asked.part < 1 ? 0 : Math.log(asked.part + 1) / Math.log(asked.whole + 1);
  return {
    low: anew ? questions.low * share * growth * 0.5 : 0,
    likely: questions.likely * share * (anew ? 1 : growth),
    high: Math.min(questions.high, questions.high * share * 1.5 + 3),
    basis: questions.basis,
  };
}

/** Some of what is asked for does not come, or repeats another task. */
const usualYield = { low: 0.6, likely: 0.85, high: 1 };

function newTasks(untold: Estimate, { perDocument }: Terms, earlier: Earlier | undefined): Estimate {
  if (untold.high === 0) return nothing;
  if (earlier !== undefined && earlier.perDocument.length > 0) {
    const ratio = perDocument / earlier.wanted;
    return drawn(
      untold,
      earlier.perDocument.map((tasks) => tasks * ratio),
    );
  }
  const { low, likely, high } = usualYield;
  return times(untold, range(perDocument * low, perDocument * likely, perDocument * high, 'assumed'));
}

/** Share of the instructions asked for that are put to the committee: an empty one is an answer, too. */
function judgedShare(earlier: Earlier | undefined): Estimate {
  const tasks = [...(earlier?.tasks.values() ?? [])];
  return shareOf(
    tasks.reduce((all, task) => all + task.judged, 0),
    tasks.reduce((all, task) => all + task.pairs, 0),
    range(0.5, 0.8, 1, 'assumed'),
  );
}

function shareOf(part: number, whole: number, otherwise: Estimate): Estimate {
  if (whole === 0) return otherwise;
  const share = part / whole;
  const around = 1.28 * Math.sqrt((share * (1 - share)) / whole) + 1 / whole;
  return range(Math.max(0, share - around), share, Math.min(1, share + around), 'measured');
}

/** Share of the judged examples that the committee accepts; the paper kept a quarter to three fifths. */
export function keptShare(earlier: Earlier | undefined): Estimate {
  const tasks = [...(earlier?.tasks.values() ?? [])];
  return shareOf(
    tasks.reduce((all, task) => all + task.kept, 0),
    tasks.reduce((all, task) => all + task.judged, 0),
    range(0.25, 0.4, 0.6, 'assumed'),
  );
}

/** Windows that a trajectory can be cut into: core/windows.ts draws no more than these. */
export function possibleWindows(steps: number, bounds: WindowBounds | null): number {
  if (bounds === null) return 0;
  const longest = Math.min(steps, bounds.maxSteps);
  const all = longest * steps - (longest * (longest - 1)) / 2;
  return Math.min(all, bounds.max);
}

interface Adapted {
  steps: number;
  decisions: number;
  windows: number;
  instructions: number;
  judged: number;
}

/** What came of a task, under the terms of now: other bounds, other styles. */
function adapted(task: EarlierTask, earlier: Earlier | undefined, terms: Terms): Adapted {
  const stretched = task.atLimit && terms.maxSteps > (earlier?.maxSteps ?? 0);
  const steps = stretched ? terms.maxSteps : Math.min(task.steps, terms.maxSteps);
  const before = possibleWindows(task.steps, earlier?.windows ?? null);
  const windows = before === 0 ? 0 : (task.windows / before) * possibleWindows(steps, terms.windows);
  const instructions = windows * terms.styles;
  const pairs = instructions + (terms.original && windows > 0 ? 1 : 0);
  return {
    steps,
    decisions: steps < terms.maxSteps ? steps + task.decisions - task.steps : steps,
    windows,
    instructions,
    judged: task.pairs === 0 ? 0 : (task.judged / task.pairs) * pairs,
  };
}

/** Without an earlier run: half of the steps that are allowed, and of the windows those that the paper's filters leave. */
function assumed(episodes: Estimate, terms: Terms): Each {
  const { maxSteps, minSteps } = terms;
  const least = Math.min(maxSteps, Math.max(1, minSteps));
  const steps = range(Math.max(least, maxSteps * 0.15), Math.max(least, maxSteps * 0.5), maxSteps, 'assumed');
  const decisions = atMost({ ...steps, low: steps.low + 1, likely: steps.likely + 1 }, maxSteps);
  const windowsAt = (actions: number, share: number): number =>
    possibleWindows(Math.round(actions), terms.windows) * share;
  const windows = range(windowsAt(steps.low, 0.4), windowsAt(steps.likely, 0.7), windowsAt(steps.high, 1), 'assumed');
  const instructions = times(windows, terms.styles);
  const originals = terms.original && windows.high > 0 ? range(0.5, 1, 1, 'assumed') : nothing;
  const judged = sum([times(instructions, judgedShare(undefined)), originals]);
  return {
    steps: times(episodes, steps),
    decisions: times(episodes, decisions),
    windows: times(episodes, windows),
    instructions: times(episodes, instructions),
    judged: times(episodes, judged),
  };
}
