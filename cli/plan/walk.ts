/**
 * Walks a pipeline as a run would, over what is in the store: the same activities build the same questions, and where a reply is not there the way ends.
 * What is beyond such an end is counted as unknown, not guessed: that is the forecast's work.
 */
import { admitted } from '../../activities/admit.ts';
import { Unanswered } from '../../activities/ask.ts';
import { findAttempt, readAttempt } from '../../activities/attempt.ts';
import { episodeKey, finishedEpisode } from '../../activities/conclude.ts';
import type { Deps } from '../../activities/deps.ts';
import { instruct } from '../../activities/instruct.ts';
import { prepare } from '../../activities/prepare.ts';
import { documentsPath } from '../../activities/read.ts';
import { relabel } from '../../activities/relabel.ts';
import { vote } from '../../activities/vote.ts';
import { ballotOf, membersOf } from '../../core/poll.ts';
import { type Ballot, decided } from '../../core/tally.ts';
import { stylePairs, worthwhileWindows } from '../../core/windows.ts';
import type { Ref } from '../../schemas/common.ts';
import type { DocumentEntry, EpisodeEntry, Flow, RecalledAttempt, TaskEntry } from '../../schemas/flow.ts';
import type { Plan } from '../../schemas/plan.ts';
import { writePage } from '../../store/json.ts';
import { type OwnWalk, passesTrajectory, walkedDocuments, walkedExamples, walkedTasks } from './own.ts';
import { reckonTokens } from './tokens.ts';

/** What is known of the calls of one account, e.g. `filter/judge`. */
export interface Asked {
  /** questions without a reply, by key, with their input tokens */
  open: Map<string, number>;
  /** questions that come up only if other open ones, by whose keys they are counted, are answered one way */
  perhaps: Set<string>;
  /** questions that came up and had a reply */
  known: number;
}

export interface Walked {
  flow: Flow;
  accounts: Map<string, Asked>;
  /** keys of all questions without a reply */
  questions: Set<string>;
  /** documents whose tasks are not known */
  untold: number;
  /** episodes of the documents whose tasks are known, duplicates apart */
  episodes: number;
  duplicates: number;
  /** episodes that are done under their identity */
  finished: EpisodeEntry[];
  /** episodes whose trajectory is there and whose windows are to be worked on */
  recalled: { task: TaskEntry; steps: number; windows: number }[];
  /** episodes to be tried */
  untried: TaskEntry[];
  /** (window, style) pairs of recalled trajectories: with and without an instruction in the store */
  pairs: { written: number; unwritten: number };
  /** examples of recalled trajectories, all of whose votes are in the store or among the open questions */
  judged: number;
  /** stages of the user's own of which something is not known */
  unmade: Set<string>;
}

export interface Walking {
  deps: Deps;
  plan: Ref;
  pipeline: string;
  documents: DocumentEntry[];
  /** by record: what an earlier run with the same rule noted of its episodes, so that their votes need not be read */
  noted: Map<Ref, EpisodeEntry>;
  /** told of every document that was walked through */
  step?: (done: number) => void;
}

/** Name of the run under which a walk keeps its pages, in memory. */
const dryRun = 'dry';

export async function walk(walking: Walking): Promise<Walked> {
  const { deps, plan, pipeline, documents, step } = walking;
  const content = await deps.plan(plan);
  const flow = await prepare(deps)({ pipeline, run: dryRun, plan });
  const walked: Walked = {
    flow,
    accounts: new Map(),
    questions: new Set(),
    untold: 0,
    episodes: 0,
    duplicates: 0,
    finished: [],
    recalled: [],
    untried: [],
    pairs: { written: 0, unwritten: 0 },
    judged: 0,
    unmade: new Set(),
  };
  const own: OwnWalk = { deps, plan, flow, unmade: walked.unmade };
  const all = await walkedDocuments(own, documents);
  // Tasks name the documents that their attempts may be shown.
  await writePage(deps.store, documentsPath(dryRun, 0), all);
  for (const [batch, document] of all.entries()) {
    const told = await lookUp(walked, flow.accounts.instruct, deps, (its) => instruct(its)({ plan, document }));
    if ('open' in told) walked.untold += 1;
    const given = await walkedTasks(own, document, 'open' in told ? null : told.known.tasks);
    const input = { plan, run: dryRun, batch, document, tasks: given };
    const { fresh: tasks, duplicates } = await admitted(deps, content, input);
    walked.duplicates += duplicates;
    walked.episodes += tasks.length;
    for (const task of tasks) await follow(walking, content, walked, task);
    step?.(batch + 1);
  }
  return walked;
}

/** Where one task stands: done, walked but not judged, or never tried. */
async function follow({ deps, plan, noted }: Walking, content: Plan, walked: Walked, task: TaskEntry): Promise<void> {
  const record = await deps.store.memo(episodeKey(content, task.ref));
  const known = record === undefined ? undefined : noted.get(record);
  const finished = known ?? (record === undefined ? undefined : await finishedEpisode(deps, content, task));
  if (finished !== undefined) {
    walked.finished.push(finished);
    return;
  }
  const attempt = (await findAttempt(deps.store, content, task))?.attempt;
  if (attempt === undefined) walked.untried.push(task);
  else await construct(deps, walked, plan, task, await readAttempt(deps.store, attempt));
}

/** Windows, instructions and votes of a trajectory that is there, as workflows/construct.ts goes through them. */
async function construct(
  deps: Deps,
  walked: Walked,
  plan: Ref,
  task: TaskEntry,
  attempt: RecalledAttempt,
): Promise<void> {
  const { flow, pairs } = walked;
  const { head, facts } = attempt;
  const { windows, cut, end } = worthwhileWindows(flow, attempt);
  const own: OwnWalk = { deps, plan, flow, unmade: walked.unmade };
  const { outcome, detail } = attempt;
  const passes = await passesTrajectory(own, { task: task.ref, head, outcome, detail });
  walked.recalled.push({ task, steps: facts.length, windows: passes ? cut : 0 });
  if (!passes) return;
  const examples: Ref[] = [];
  const unwritten = pairs.unwritten;
  for (const { window, style } of stylePairs(windows, flow.construct?.styles ?? [], end)) {
    const written = await lookUp(walked, flow.accounts.relabel, deps, (its) =>
      relabel(its)({ plan, task: task.ref, head, window, style }),
    );
    if ('open' in written) {
      pairs.unwritten += 1;
      continue;
    }
    pairs.written += 1;
    const { example } = written.known;
    if (example !== null && flow.filter !== null) examples.push(example);
  }
  const judged =
    (flow.own?.examples ?? []).length === 0
      ? examples
      : await walkedExamples(own, examples, pairs.unwritten === unwritten);
  for (const example of judged) {
    walked.judged += 1;
    await poll(deps, walked, plan, example);
  }
}

/** The committee's votes on an example, as workflows/committee.ts asks for them: all, or until the verdict stands. */
async function poll(deps: Deps, walked: Walked, plan: Ref, example: Ref): Promise<void> {
  const { flow } = walked;
  const ballots: Ballot[] = [];
  let open: string | undefined;
  for (const seat of flow.queues.votes) {
    const { member } = seat;
    if (flow.filter?.untilDecided === true) {
      if (decided(ballots, flow.filter.accept, membersOf(flow))) return;
      // What an open vote will say decides whether this one is asked for.
      if (open !== undefined) {
        accountOf(walked, `filter/${member}`).perhaps.add(open);
        continue;
      }
    }
    const given = await lookUp(walked, `filter/${member}`, deps, (its) => vote(its)({ plan, example, member }));
    if ('open' in given) open = given.open;
    else ballots.push(ballotOf(seat, given.known));
  }
}

const accountOf = (walked: Walked, account: string): Asked => {
  const asked = walked.accounts.get(account) ?? {
    open: new Map<string, number>(),
    perhaps: new Set<string>(),
    known: 0,
  };
  walked.accounts.set(account, asked);
  return asked;
};

/** What the activity gives when its question has a stored reply; else the question counts as open. */
async function lookUp<T>(
  walked: Walked,
  account: string,
  deps: Deps,
  work: (deps: Deps) => Promise<T>,
): Promise<{ known: T } | { open: string }> {
  const asked = accountOf(walked, account);
  const stored: Deps['stored'] = (known) => {
    asked.known += 1;
    deps.stored?.(known);
  };
  try {
    return { known: await work({ ...deps, stored }) };
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error;
    // Asked once, whoever comes to it first: two members may be the same model.
    if (!walked.questions.has(error.key)) asked.open.set(error.key, reckonTokens(error.request));
    walked.questions.add(error.key);
    return { open: error.key };
  }
}
