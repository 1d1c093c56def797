/** OpenAI chat fine-tuning: the agent's own replies as text, a conversation per example or a row per action. */

import { replyName } from '../../../core/action-schema.ts';
import { agentPrompt } from '../../../core/agent-prompt.ts';
import { describeActions, type ShownStep } from '../../../core/describe.ts';
import { parsePrompt, promptVariables } from '../../../core/prompt.ts';
import type { JsonObject } from '../../../schemas/common.ts';
import type { DatasetFacts } from '../../../schemas/dataset.ts';
import type { OpenAiChat, TextMessage } from '../../../schemas/formats.ts';
import type { Action, ActionDefinition } from '../../../schemas/observation.ts';
import { type Conversation, failureText, firstMessage, observationText, type Turn } from '../conversation.ts';

/** System, task with first observation, then reply and observation in turn, ending on a reply. */
export function toChat({ row, actions, turns }: Conversation): OpenAiChat {
  const messages: TextMessage[] = [
    { role: 'system', content: systemText(actions) },
    { role: 'user', content: firstMessage(row) },
  ];
  turns.forEach((turn, at) => {
    const weight = turn.masked === undefined ? {} : { weight: 0 as const };
    messages.push({ role: 'assistant', content: replyText(turn, actions), ...weight });
    if (at < turns.length - 1) messages.push({ role: 'user', content: outcomeText(turn) });
  });
  return { messages };
}

/** One action in the prompt that the agent is asked with, and its reply. */
export interface AskedStep {
  /** which turn of the example, from 1 */
  step: number;
  system: string;
  user: string;
  reply: string;
}

/** A row per action that is to be learnt: what is context only has no row, and is seen in the history of later ones. */
export function toSteps({ row, actions, turns }: Conversation, { agent }: Pick<DatasetFacts, 'agent'>): AskedStep[] {
  const asking = {
    prompt: parsePrompt(agent.prompt, promptVariables.decide, 'interact'),
    place: agent.place,
    historyChars: agent.history_chars,
  };
  const steps = turns.map(shownStep);
  return turns.flatMap((turn, at) => {
    if (turn.masked !== undefined) return [];
    const seen = { task: row.instruction, actions: actions ?? [], first: row.observation, steps: steps.slice(0, at) };
    const prompt = agentPrompt(asking, { ...seen, knowledge: '', documents: '' });
    return [{ step: at + 1, ...prompt, reply: replyText(turn, actions) }];
  });
}

/** As the agent saw it: its prompt gives the message of an error without its class. */
const shownStep = ({ reason, action, observation = '', error }: Turn): ShownStep => ({
  reason,
  action,
  observation,
  ...(error === undefined ? {} : { error: error.replace(/^[a-z]+: /, '') }),
});

/** In the words of the agent's own prompt, so that what is learnt is what will be asked. */
const systemText = (actions: ActionDefinition[] | undefined): string =>
  [
    'You are an agent that works on a task in a live place. Each turn shows what the place shows now; you choose the next action.',
    ...(actions === undefined ? [] : [`The actions that you can take here:\n\n${describeActions(actions)}`]),
    'Answer with one JSON object: {"reason": "...", "action": {"name": "...", ...the arguments of the action}}',
  ].join('\n\n');

/** The turn as the agent would reply it. */
const replyText = ({ reason, action }: Turn, actions: ActionDefinition[] | undefined): string =>
  JSON.stringify({ reason, action: replyAction(action, actions) });

/** Arguments beside the action's name, an element before its ref, null for what is left out. */
function replyAction(action: Action, actions: ActionDefinition[] | undefined): JsonObject {
  const properties = actions?.find(({ name }) => name === action.name)?.parameters.properties;
  const defined = typeof properties === 'object' && properties !== null ? Object.keys(properties) : [];
  const known = new Set([...defined, ...Object.keys(action.arguments)]);
  const names = [...['element', 'ref'].filter((name) => known.delete(name)), ...known];
  const given = names.map((name) => [replyName(name), action.arguments[name] ?? null]);
  return { name: action.name, ...Object.fromEntries(given) };
}

const outcomeText = ({ error, observation = '' }: Turn): string => failureText(error) + observationText(observation);
