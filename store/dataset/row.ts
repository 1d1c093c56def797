/** From a kept example in the store to its row: everything is read from the chain and the votes, nothing is made up. */
import { StoreError } from '../../core/errors.ts';
import { ballotOf } from '../../core/tally.ts';
import type { Ref } from '../../schemas/common.ts';
import type { Row, RowStep } from '../../schemas/dataset.ts';
import type { Document } from '../../schemas/document.ts';
import type { Example } from '../../schemas/example.ts';
import type { Step } from '../../schemas/step.ts';
import type { Task } from '../../schemas/task.ts';
import type { Committee, Vote } from '../../schemas/vote.ts';
import { getJson } from '../json.ts';
import type { Store } from '../store.ts';

export interface KeptExample {
  example: Ref;
  votes: Ref[];
  split: Row['split'];
  scripted: boolean;
}

/**
 * Reads one row; its votes are counted as the committee counts them. Throws a fatal StoreError when an object is missing or the window does not
 * lie within the chain.
 */
export async function rowOf(store: Store, kept: KeptExample, committee: Committee | undefined): Promise<Row> {
  const example = await getJson<Example>(store, kept.example);
  const chain = await readChain(store, example.head);
  const task = await getJson<Task>(store, example.task);
  const document = task.document === null ? null : await getJson<Document>(store, task.document);
  const { from, to, steps } = example.window;
  return {
    id: kept.example.slice(0, 16),
    example: kept.example,
    split: kept.split,
    instruction: example.instruction,
    style: example.style,
    environment: example.environment,
    observation: stepAt(chain, from, kept.example).observation.text,
    steps: actionsOf(example).map((index) => rowStep(stepAt(chain, index, kept.example), kept.example)),
    task: { id: task.id, instruction: task.instruction },
    document: document === null ? null : documentFacts(document),
    trajectory: { head: example.head, from, to, steps },
    votes: await Promise.all(
      kept.votes.map(async (vote) => voteFacts(vote, await getJson<Vote>(store, vote), committee)),
    ),
    scripted: kept.scripted,
  };
}

/** The trajectory that ends at `head`, root first. Throws a fatal StoreError when its links are not numbered 0, 1, 2 … */
export async function readChain(store: Store, head: Ref): Promise<Step[]> {
  const chain: Step[] = [];
  for (let ref: Ref | null = head; ref !== null; ) {
    const step: Step = await getJson<Step>(store, ref);
    chain.push(step);
    ref = step.parent;
  }
  chain.reverse();
  const wrong = chain.findIndex((step, index) => step.index !== index);
  if (wrong >= 0) throw new StoreError('fatal', `Chain ${head} has index ${chain[wrong]?.index} at place ${wrong}.`);
  return chain;
}

/** Chain indices of the window's actions, checked to rise from `from` + 1 to `to`. */
function actionsOf(example: Example): number[] {
  const { from, to, steps } = example.window;
  const rising = steps.every((step, at) => step > (steps[at - 1] ?? from));
  if (rising && from < to && steps.at(-1) === to) return steps;
  throw new StoreError(
    'fatal',
    `Window ${from}–${to} has steps ${JSON.stringify(steps)}: they do not lead to its end.`,
  );
}

function stepAt(chain: Step[], index: number, example: Ref): Step {
  const step = chain[index];
  if (step !== undefined) return step;
  const last = chain.length - 1;
  throw new StoreError('fatal', `Example ${example} names step ${index} of a trajectory that ends at ${last}.`);
}

function rowStep(step: Step, example: Ref): RowStep {
  if (step.action === null)
    throw new StoreError('fatal', `Example ${example} names step ${step.index}, which did nothing.`);
  return {
    reason: step.reason,
    action: step.action.name,
    arguments: step.action.arguments,
    ...(step.error === undefined ? {} : { error: `${step.error.class}: ${step.error.message}` }),
    observation: step.observation.text,
  };
}

function documentFacts({ id, source, title, license }: Document): NonNullable<Row['document']> {
  return { id, source, title, ...(license === undefined ? {} : { license }) };
}

function voteFacts(ref: Ref, vote: Vote, committee: Committee | undefined): Row['votes'][number] {
  const member = committee?.members.find(({ voter }) => voter === vote.voter)?.name ?? vote.member;
  const { yes, confidence } = ballotOf(vote, committee ?? { criteria: {}, passes: 'all' });
  const criteria = Object.fromEntries(
    Object.entries(vote.criteria).map(([name, answer]) => [name, { yes: answer.yes, reason: answer.reason }]),
  );
  return { vote: ref, member, model: vote.model, yes, ...(confidence === undefined ? {} : { confidence }), criteria };
}
