/** TRL: conversational with tools, or prompt and completion per action. */
import type { DatasetFacts } from '../../../schemas/dataset.ts';
import type { TrlCompletion, TrlConversation } from '../../../schemas/formats.ts';
import { type Conversation, firstMessage, type Telling, toolResult, toolSystem, toolsOf } from '../conversation.ts';
import { toSteps } from './openai.ts';

/** Replies are tool calls with their reason as content. There is no weight in this format: what failed is learnt with the rest. */
export function toTrl({ row, actions, turns }: Conversation, telling: Telling): TrlConversation {
  const messages: TrlConversation['messages'] = [
    { role: 'system', content: toolSystem },
    { role: 'user', content: firstMessage(row) },
  ];
  turns.forEach((turn, at) => {
    const id = `call${String(at + 1).padStart(5, '0')}`;
    const { name, arguments: given } = turn.action;
    messages.push({
      role: 'assistant',
      content: turn.reason,
      tool_calls: [{ id, type: 'function', function: { name, arguments: given } }],
    });
    if (at < turns.length - 1) messages.push({ role: 'tool', tool_call_id: id, name, content: toolResult(turn) });
  });
  return { id: row.id, messages, tools: toolsOf(actions, telling) };
}

export function toTrlSteps(conversation: Conversation, facts: Pick<DatasetFacts, 'agent'>): TrlCompletion[] {
  return toSteps(conversation, facts).map(({ step, system, user, reply }) => ({
    id: conversation.row.id,
    step,
    prompt: [
      { role: 'system', content: system },
      { role: 'user', content: user },
    ],
    completion: [{ role: 'assistant', content: reply }],
  }));
}
