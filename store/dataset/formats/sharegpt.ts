/** ShareGPT for LLaMA-Factory, with the `dataset_info.json` that names the files there. */
import type { DatasetFacts } from '../../../schemas/dataset.ts';
import type { Split } from '../../../schemas/format.ts';
import type { DatasetInfo, ShareGpt } from '../../../schemas/formats.ts';
import { type Conversation, firstMessage, type Telling, toolResult, toolSystem, toolsOf } from '../conversation.ts';
import { toSteps } from './openai.ts';

type Said = ShareGpt['conversations'][number];

/** A `function_call` is JSON and nothing else there, so the reasons are left out; chats in steps have them. */
export function toShareGpt({ row, actions, turns }: Conversation, telling: Telling): ShareGpt {
  const conversations: Said[] = [{ from: 'human', value: plain(firstMessage(row)) }];
  turns.forEach((turn, at) => {
    const call = JSON.stringify({ name: turn.action.name, arguments: turn.action.arguments });
    const loss = turn.masked === undefined ? {} : { loss: false as const };
    conversations.push({ from: 'function_call', value: plain(call), ...loss });
    if (at < turns.length - 1) conversations.push({ from: 'observation', value: plain(toolResult(turn)) });
  });
  const tools = toolsOf(actions, telling).map((tool) => tool.function);
  return { id: row.id, conversations, system: toolSystem, tools: plain(JSON.stringify(tools)) };
}

export function toShareGptSteps(conversation: Conversation, facts: Pick<DatasetFacts, 'agent'>): ShareGpt[] {
  return toSteps(conversation, facts).map(({ system, user, reply }) => ({
    id: conversation.row.id,
    conversations: [
      { from: 'human', value: plain(user) },
      { from: 'gpt', value: plain(reply) },
    ],
    system: plain(system),
    tools: '',
  }));
}

/** One entry a split: `--dataset NAME_train` with `--dataset_dir` at this folder. */
export const datasetInfo = ({ name }: Pick<DatasetFacts, 'name'>, present: Split[]): DatasetInfo =>
  Object.fromEntries(
    present.map((split) => [
      `${name}_${split}`,
      {
        file_name: `${split}.jsonl`,
        formatting: 'sharegpt' as const,
        columns: { messages: 'conversations' as const, system: 'system' as const, tools: 'tools' as const },
      },
    ]),
  );

/** `<image>` and its like stand for files there, and one without a file stops the training. */
const plain = (text: string): string => text.replace(/<(image|video|audio)>/g, '< $1>');
