/** An example as every format tells it: the instruction, what was seen first, then turns; pure functions of a row and the facts. */
import { finishAction } from '../../core/describe.ts';
import type { Ref } from '../../schemas/common.ts';
import type { DatasetFacts, Row } from '../../schemas/dataset.ts';
import type { Tool } from '../../schemas/formats.ts';
import type { Action, ActionDefinition } from '../../schemas/observation.ts';
import type { FullStage } from '../../schemas/pipeline/stage.ts';

/** The keys of the stage `export` that say how examples are told. */
export type Telling = Pick<FullStage<'export'>, 'chat' | 'finish' | 'repeated_steps'>;

/** What a format needs besides the row. */
export interface ExportContext {
  facts: DatasetFacts;
  telling: Telling;
  /** by example: steps that are a target in another one (`repeatedSteps`) */
  repeated: ReadonlyMap<Ref, ReadonlySet<number>>;
}

export interface Turn {
  reason: string;
  action: Action;
  error?: string;
  /** what was seen after the action; nothing after `finish` */
  observation?: string;
  /** why it is context and not learnt */
  masked?: 'failed' | 'repeated';
}

export interface Conversation {
  row: Row;
  /** what the agent could do, where that is known */
  actions: ActionDefinition[] | undefined;
  turns: Turn[];
}

/**
 * Said at the end of every example: the instruction was written for this window and the committee agreed that the window
 * accomplishes it, so there the agent is done. Constants, so that no justification is invented that no model gave.
 */
export const finished = { reason: 'The objective is accomplished.', answer: 'done' };

export function conversationOf(row: Row, { facts, telling, repeated }: ExportContext): Conversation {
  const elsewhere = repeated.get(row.example);
  const turns = row.steps.map(({ reason, action, arguments: given, error, observation }, at): Turn => {
    const masked =
      error !== undefined ? 'failed' : elsewhere?.has(row.trajectory.steps[at] ?? -1) ? 'repeated' : undefined;
    return {
      reason,
      action: { name: action, arguments: given },
      observation,
      ...(error === undefined ? {} : { error }),
      ...(masked === undefined ? {} : { masked }),
    };
  });
  if (telling.finish === 'reply')
    turns.push({ reason: finished.reason, action: { name: 'finish', arguments: { answer: finished.answer } } });
  return { row, actions: row.actions === undefined ? undefined : facts.actions[row.actions], turns };
}

/**
 * Which steps of each example are learnt from another one: of all examples that hold a step of one trajectory in one split, the
 * longest keeps it (the first by reference of equals). Empty when every example keeps its own.
 */
export function repeatedSteps(rows: Row[], telling: Pick<Telling, 'repeated_steps'>): ExportContext['repeated'] {
  const repeated = new Map<Ref, Set<number>>();
  if (telling.repeated_steps === 'train') return repeated;
  const taken = new Set<string>();
  const longestFirst = rows.toSorted(
    (a, b) => b.steps.length - a.steps.length || (a.example < b.example ? -1 : a.example > b.example ? 1 : 0),
  );
  for (const { example, split, trajectory } of longestFirst) {
    const here = new Set<number>();
    for (const step of trajectory.steps) {
      const name = `${split} ${trajectory.head} ${step}`;
      if (taken.has(name)) here.add(step);
      taken.add(name);
    }
    if (here.size > 0) repeated.set(example, here);
  }
  return repeated;
}

/** The actions as tools, `finish` among them where an example ends on it. */
export function toolsOf(actions: ActionDefinition[] | undefined, telling: Pick<Telling, 'finish'>): Tool[] {
  const all = [...(actions ?? []), ...(telling.finish === 'reply' ? [finishAction] : [])];
  return all.map(({ name, description, parameters }) => ({
    type: 'function',
    function: { name, description, parameters },
  }));
}

/** What the agent is told first where actions are tools. */
export const toolSystem =
  'You are an agent that works on a task in a live place. Each turn shows what the place shows now; you choose the next action and call it as a tool, one at a time.';

/** The instruction and what the place shows: the first message of a person. */
export const firstMessage = ({ instruction, observation }: Row): string =>
  `Your task: ${withoutTags(instruction)}\n\n${observationText(observation)}`;

/** What a page says must not end the block that marks it as data. */
export const observationText = (text: string): string =>
  `What the place shows now:\n\n<observation>\n${withoutTags(text)}\n</observation>`;

const withoutTags = (text: string): string => text.replace(/<(\/?)observation>/gi, '<$1 observation>');

export const failureText = (error: string | undefined): string =>
  error === undefined ? '' : `The action failed: ${error}\n\n`;

/** What a tool answers: what was seen, and before it why the action failed. */
export const toolResult = ({ error, observation = '' }: Turn): string =>
  error === undefined ? observation : `${failureText(error)}What the place shows now:\n\n${observation}`;
