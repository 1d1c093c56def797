/** One document through the stages, in this process: the activities of a run, told as they happen. */
import { act } from '../../activities/act.ts';
import { committeeOf } from '../../activities/committee.ts';
import { decide, query } from '../../activities/decide.ts';
import type { Deps } from '../../activities/deps.ts';
import { evaluate } from '../../activities/evaluate.ts';
import { instruct } from '../../activities/instruct.ts';
import { open } from '../../activities/open.ts';
import { findStage, stageOf } from '../../activities/plans.ts';
import { prepare } from '../../activities/prepare.ts';
import { relabel } from '../../activities/relabel.ts';
import { vote } from '../../activities/vote.ts';
import { seatsOf } from '../../core/committee.ts';
import { LbiError } from '../../core/errors.ts';
import { type Ballot, ballotOf, verdict } from '../../core/tally.ts';
import { type Walk, walkTask } from '../../core/walk.ts';
import { stylePairs, worthwhileWindows } from '../../core/windows.ts';
import type { Ref } from '../../schemas/common.ts';
import type { Decision } from '../../schemas/decision.ts';
import type { Example, Style, Window } from '../../schemas/example.ts';
import type { DocumentEntry, Flow } from '../../schemas/flow.ts';
import type { Plan } from '../../schemas/plan.ts';
import type { Step } from '../../schemas/step.ts';
import type { Task } from '../../schemas/task.ts';
import type { Vote } from '../../schemas/vote.ts';
import { getJson, putJson } from '../../store/json.ts';
import { type Bill, count, patiently } from './calls.ts';
import type { Tell } from './events.ts';
import { ownExample, ownTasks, ownTrajectory } from './own.ts';

export interface Preview {
  deps: Deps;
  plan: Plan;
  ref: Ref;
  signal: AbortSignal;
  tell: Tell;
  bill: Bill;
  /** Bounds below those of the pipeline. */
  steps: number;
  windows: number;
}

/** Waits for what is busy, and says so. */
const wait = <T>({ signal, tell }: Preview, work: () => Promise<T>): Promise<T> =>
  patiently(work, signal, (text) => tell({ type: 'note', text: `  ${text}` }));

/** The plan compiled as for a run, with the bounds of the preview. */
export async function boundedFlow({ deps, plan, ref, steps, windows }: Preview): Promise<Flow> {
  const flow = await prepare(deps)({ pipeline: plan.spec.name, run: 'preview', plan: ref });
  return {
    ...flow,
    interact: { ...flow.interact, maxSteps: Math.min(steps, flow.interact.maxSteps) },
    construct:
      flow.construct === null ? null : { ...flow.construct, maxWindows: Math.min(windows, flow.construct.maxWindows) },
  };
}

/** Tasks of the document; the one to try is the first, or the given one, which asks nobody. */
export async function chooseTask(preview: Preview, flow: Flow, document: DocumentEntry, given?: string): Promise<Ref> {
  const { deps, plan, ref, tell, bill } = preview;
  const { model } = stageOf(plan, 'instruct');
  let chosen = given;
  if (chosen === undefined) {
    const invented = await wait(preview, () => instruct(deps)({ plan: ref, document }));
    count(bill, flow.accounts.instruct, invented.usage);
    const tasks = invented.tasks === null ? [] : await ownTasks(preview, flow, document, invented.tasks);
    [chosen] = tasks;
    tell({ type: 'tasks', model, tasks, chosen: chosen ?? '', detail: invented.detail });
  }
  if (chosen === undefined)
    throw new LbiError('spec', `${model} invented no task for this document: try another, or give one with --task`);
  const task: Task = {
    id: 'preview',
    instruction: chosen,
    document: document.ref,
    documentId: document.id,
    attempt: 0,
    seed: plan.spec.seed,
  };
  return putJson(deps.store, task);
}

/** The loop of a run (core/walk.ts) with its calls made here. */
export async function walk(preview: Preview, flow: Flow, task: Ref): Promise<Walk> {
  const { deps, ref, tell, bill } = preview;
  let opened = 0;
  let session = '';
  const walked = await walkTask(flow, task, {
    open: async (head) => {
      opened += 1;
      session = `preview#${opened}`;
      const started = Date.now();
      const { environment } = flow.interact;
      const place = await open(deps)({ plan: ref, environment, task, session, head });
      const { observation } = await getJson<Step>(deps.store, place.head);
      tell({ type: 'opened', environment, observation: observation.text, seconds: (Date.now() - started) / 1000 });
      return place;
    },
    act: async (head, decision) => {
      preview.signal.throwIfAborted();
      const acted = await act(deps)({ session, queue: deps.pinnedQueue, head, decision });
      const { observation } = await getJson<Step>(deps.store, acted.head);
      const { index, changed } = acted.facts;
      tell({ type: 'acted', step: index, changed, error: acted.error, observation: observation.text });
      return acted;
    },
    ...(flow.queues.query === null ? {} : { query: (input) => wait(preview, () => query(deps)(input)) }),
    decide: async (input, step) => {
      const decided = await wait(preview, () => decide(deps)(input));
      const { reason } = await getJson<Decision>(deps.store, decided.decision);
      const { kind, title, detail } = decided;
      tell({ type: 'decided', step, kind, title, reason, detail });
      return decided;
    },
    spend: (account, usage) => count(bill, account, usage),
  });
  const verification =
    flow.interact.verify === true ? await evaluate(deps)({ session, queue: deps.pinnedQueue }) : undefined;
  await deps.sessions.close(session);
  tell({ type: 'walked', outcome: walked.outcome, detail: walked.detail, steps: walked.facts.length });
  if (verification === undefined) return walked;
  tell({ type: 'verified', ...verification });
  return { ...walked, verification };
}

/** Windows as a run would cut them, each written for and put to every member. */
export async function judge(preview: Preview, flow: Flow, task: Ref, walked: Walk): Promise<void> {
  const { head, outcome, detail } = walked;
  if (!(await ownTrajectory(preview, flow, { task, head, outcome, detail }))) return;
  const { windows, cut, dropped } = worthwhileWindows(flow, walked);
  preview.tell({ type: 'windows', cut, shown: windows.length, dropped });
  for (const pair of stylePairs(windows, flow.construct?.styles ?? [], walked.facts.length))
    await judgeOne(preview, flow, { task, head: walked.head, ...pair });
}

async function judgeOne(
  preview: Preview,
  flow: Flow,
  { task, head, window, style }: { task: Ref; head: Ref; window: Window; style: Style },
): Promise<void> {
  const { deps, plan, ref, tell, bill } = preview;
  const written = await wait(preview, () => relabel(deps)({ plan: ref, task, head, window, style }));
  count(bill, flow.accounts.relabel, written.usage);
  const { detail } = written;
  const example = written.example === null ? null : await ownExample(preview, flow, written.example);
  const instruction = example === null ? null : (await getJson<Example>(deps.store, example)).instruction;
  tell({ type: 'written', from: window.from, to: window.to, style, instruction, detail });
  const stage = findStage(plan, 'filter');
  const committee = committeeOf(plan);
  if (example === null || committee === undefined || stage === undefined) return;
  const ballots: Ballot[] = [];
  for (const { name: member } of seatsOf(stage)) {
    const cast = await wait(preview, () => vote(deps)({ plan: ref, example, member }));
    count(bill, `filter/${member}`, cast.usage);
    const { usage: _usage, ...told } = await getJson<Vote>(deps.store, cast.vote);
    const { yes, confidence } = cast;
    ballots.push(ballotOf(told, committee));
    tell({ type: 'voted', vote: { ...told, yes, confidence } });
  }
  tell({ type: 'verdict', ...verdict(ballots, committee.accept, committee.members) });
}
