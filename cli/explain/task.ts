/** What became of a task: how its attempt ended, and for every window why it was judged or dropped. */
import { readAttempt } from '../../activities/attempt.ts';
import { readJudged } from '../../activities/judged.ts';
import { findStage } from '../../activities/plans.ts';
import { cutWindows, dropWindow, keptSteps } from '../../core/windows.ts';
import type { Episode } from '../../schemas/episode.ts';
import type { Example, Window } from '../../schemas/example.ts';
import type { Plan } from '../../schemas/plan.ts';
import type { StepFacts } from '../../schemas/step-facts.ts';
import type { Task } from '../../schemas/task.ts';
import { getJson } from '../../store/json.ts';
import { program } from '../home.ts';
import { paint } from '../progress.ts';
import type { Thing } from './things.ts';

export type TaskFacts = Awaited<ReturnType<typeof taskFacts>>;

/** The reasons that a run counts, in words. */
const words: Record<string, string> = {
  'last-action-failed': 'its last action failed (drop_failed)',
  'nothing-changed': 'nothing was changed in it and nothing new was seen (drop_unchanged)',
  'too-few-steps': 'it has fewer actions than filter.steps.min',
  'too-many-steps': 'it has more actions than filter.steps.max',
  'outcome-below-min-score': 'the place gave the end of the attempt a lower score than is wanted',
  'not-verified': 'the place could not say whether the end of the attempt is right',
  'repeated-step': 'a step that did and showed the same as the one before (drop_repeated)',
  'nothing-accomplished': 'the writer saw nothing accomplished in it',
  'instruction-unreadable': "the writer's reply could not be read",
};

const inWords = (reason: string): string =>
  words[reason] ??
  (reason.startsWith('ended-') ? `attempts that ended so (${reason.slice('ended-'.length)}) are not used` : reason);

/** A reason that takes a whole attempt out, with all its windows. */
const ofTheWhole = (dropped: Record<string, number>): string | undefined =>
  Object.keys(dropped).find(
    (reason) => reason.startsWith('ended-') || reason === 'outcome-below-min-score' || reason === 'not-verified',
  );

interface WindowFate {
  from: number;
  to: number;
  fate: string;
  examples: { id: string; instruction: string; kept: boolean; reason: string }[];
}

/** The windows of a walk under the rules of a plan, with why the rules drop them. */
function windowsOf(plan: Plan, facts: StepFacts[]): { window: Window; dropped: string | undefined }[] {
  const construct = findStage(plan, 'construct');
  const filter = findStage(plan, 'filter');
  if (construct === undefined) return [];
  const kept = filter?.drop_repeated === false ? facts.map(({ index }) => index) : keptSteps(facts);
  const cut = { max: construct.max_windows, maxSteps: construct.max_window_steps, seed: plan.spec.seed };
  return cutWindows(kept, cut).map((window) => ({
    window,
    dropped: filter === undefined ? undefined : dropWindow(window, facts, filter),
  }));
}

export async function taskFacts({ store, record, plan, entry }: Extract<Thing, { kind: 'task' }>) {
  const task = await getJson<Task>(store, entry.task);
  const episode = entry.record === null ? undefined : await getJson<Episode>(store, entry.record);
  const walk = episode?.trajectory == null ? undefined : await readAttempt(store, episode.trajectory);
  const judged = ((await readJudged(store, record.run)) ?? []).filter((each) => each.task === entry.id);
  const examples = await Promise.all(
    judged.map(async (each) => ({ ...each, window: (await getJson<Example>(store, each.example)).window })),
  );
  const windows = walk === undefined ? [] : windowsOf(plan, walk.facts);
  return {
    run: record.run,
    id: entry.id,
    instruction: task.instruction,
    document: task.documentId,
    outcome: entry.outcome,
    detail: entry.detail,
    steps: entry.steps,
    dropped: entry.dropped,
    windows: windows.map(({ window, dropped }): WindowFate => {
      const own = examples.filter((each) => each.window.from === window.from && each.window.to === window.to);
      return {
        ...{ from: window.from, to: window.to },
        fate: ofTheWhole(entry.dropped) ?? dropped ?? (own.length > 0 ? 'judged' : 'no instruction'),
        examples: own.map(({ example, instruction, kept, reason }) => ({
          ...{ id: example.slice(0, 12), instruction, kept, reason },
        })),
      };
    }),
  };
}

/** Why an outcome is what it is. */
const outcomes: Record<string, string> = {
  finished: 'the agent said that it was done',
  stuck: 'it went nowhere (stuck_after)',
  'step-limit': 'it reached max_steps',
  failed: 'it could not be carried on: what failed is never counted against the agent',
};

export function taskLines(facts: TaskFacts): string[] {
  const { run, id, instruction, document, outcome, detail, steps, dropped, windows } = facts;
  const counts = Object.entries(dropped).map(
    ([reason, number]) => `  ${String(number).padStart(4)} × ${reason}: ${inWords(reason)}`,
  );
  return [
    paint('bold', instruction),
    `  ${paint('dim', `${run}/${id}${document === null ? '' : `, from ${document}`}`)}`,
    '',
    `  ${outcome}: ${outcomes[outcome] ?? ''}`,
    `  ${detail}`,
    `  ${steps} actions, ${windows.length} windows`,
    ...(counts.length === 0 ? [] : ['', '  dropped before the vote', ...counts]),
    ...(windows.length === 0 ? [] : ['', '  windows, by the actions in them']),
    ...windows.flatMap(({ from, to, fate, examples }) => [
      `  ${`${from + 1}–${to}`.padStart(7)}  ${fate === 'judged' ? '' : paint('red', `✘ ${inWords(fate)}`)}`.trimEnd(),
      ...examples.map(
        (example) =>
          `           ${example.kept ? paint('green', '✔') : paint('red', '✘')} ${example.instruction.replaceAll(/\s+/g, ' ')}  ${paint('dim', `${example.kept ? '' : `${example.reason}  `}${example.id}`)}`,
      ),
    ]),
    '',
    `  step by step: ${program} show ${run} ${id}`,
  ];
}
