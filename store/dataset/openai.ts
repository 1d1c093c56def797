/** Rows as OpenAI chat fine-tuning examples: the agent's own turns, one JSON line per example. */
import { replyName } from '../../core/action-schema.ts';
import { describeActions } from '../../core/describe.ts';
import type { JsonObject } from '../../schemas/common.ts';
import type { Row, RowStep } from '../../schemas/dataset.ts';
import type { ActionDefinition } from '../../schemas/observation.ts';

export interface ChatMessage {
  role: 'system' | 'user' | 'assistant';
  content: string;
  /** 0 on an action that failed: it stays in the context and is not learnt. */
  weight?: 0;
}

export interface Chat {
  messages: ChatMessage[];
}

export interface ChatOptions {
  /** The environment's actions, listed in the system message; left out, the message names none. */
  actions?: ActionDefinition[];
  /**
   * `reply` (unless said otherwise) adds a `finish` after the last observation: the instruction was written for this
   * window and the committee agreed that the window accomplishes it, so there the agent is done; without it a tuned
   * agent never learns to stop. `none` ends on the last recorded action, as in the paper.
   */
  finish?: 'reply' | 'none';
}

/** Said at the end of every window: constants, so that no justification is invented that no model gave. */
const FINISHED = { reason: 'The objective is accomplished.', answer: 'done' };

/** The chat of one row: system, objective with first observation, then reply and observation in turn, ending on a reply. */
export function toChat(row: Row, options: ChatOptions = {}): Chat {
  const finish = options.finish ?? 'reply';
  const messages: ChatMessage[] = [
    { role: 'system', content: systemText(options.actions) },
    { role: 'user', content: `Your task: ${row.instruction}\n\n${observationText(row.observation)}` },
  ];
  for (const step of row.steps) {
    messages.push(replyTo(step, options.actions), { role: 'user', content: outcomeText(step) });
  }
  if (finish === 'none') messages.pop();
  else
    messages.push({
      role: 'assistant',
      content: replyText(FINISHED.reason, { name: 'finish', answer: FINISHED.answer }),
    });
  return { messages };
}

/** JSON Lines of the rows in their order, one chat each; empty for no rows. */
export function chatLines(rows: Row[], options: ChatOptions = {}): string {
  return rows.map((row) => `${JSON.stringify(toChat(row, options))}\n`).join('');
}

/** In the words of the agent's own prompt, so that what is learnt is what will be asked. */
function systemText(actions: ActionDefinition[] | undefined): string {
  return [
    'You are an agent that works on a task in a live place. Each turn shows what the place shows now; you choose the next action.',
    ...(actions === undefined ? [] : [`The actions that you can take here:\n\n${describeActions(actions)}`]),
    'Answer with one JSON object: {"reason": "...", "action": {"name": "...", ...the arguments of the action}}',
  ].join('\n\n');
}

/** The step as the agent would reply it: arguments beside the action's name, an element before its ref, null for what is left out. */
function replyTo(step: RowStep, actions: ActionDefinition[] | undefined): ChatMessage {
  const properties = actions?.find((action) => action.name === step.action)?.parameters.properties;
  const defined = typeof properties === 'object' && properties !== null ? Object.keys(properties) : [];
  const known = new Set([...defined, ...Object.keys(step.arguments)]);
  const names = [...['element', 'ref'].filter((name) => known.delete(name)), ...known];
  const given = names.map((name) => [replyName(name), step.arguments[name] ?? null]);
  const content = replyText(step.reason, { name: step.action, ...Object.fromEntries(given) });
  return { role: 'assistant', content, ...(step.error === undefined ? {} : { weight: 0 as const }) };
}

const replyText = (reason: string, action: JsonObject): string => JSON.stringify({ reason, action });

/** What a page says must not end the block that marks it as data. */
function observationText(text: string): string {
  const data = text.replace(/<(\/?)observation>/gi, '<$1 observation>');
  return `What the place shows now:\n\n<observation>\n${data}\n</observation>`;
}

function outcomeText(step: RowStep): string {
  const failure = step.error === undefined ? '' : `The action failed: ${step.error}\n\n`;
  return failure + observationText(step.observation);
}
