/** Agent Data Protocol 1.2.0: actions and observations in turn, with the `metadata.json` that declares the tools. */
import type { AdpMetadata, AdpTrajectory } from '../../../schemas/formats.ts';
import {
  type Conversation,
  type ExportContext,
  firstMessage,
  type Telling,
  toolResult,
  toolsOf,
} from '../conversation.ts';
import { lineage } from './lineage.ts';

/** Every action has its observation by id; the added `finish` has none and therefore no id. */
export function toAdp({ row, turns }: Conversation): AdpTrajectory {
  const content: AdpTrajectory['content'] = [
    { class_: 'text_observation', content: firstMessage(row), source: 'user' },
    ...turns.flatMap((turn, at): AdpTrajectory['content'] => {
      const { name, arguments: kwargs } = turn.action;
      const action = { class_: 'api_action' as const, function: name, kwargs, description: turn.reason };
      if (turn.observation === undefined) return [action];
      const tool_call_id = `call_${String(at + 1).padStart(6, '0')}`;
      const seen = { class_: 'text_observation' as const, content: toolResult(turn), source: 'environment' as const };
      return [
        { ...action, tool_call_id },
        { ...seen, tool_call_id },
      ];
    }),
  ];
  return { schema_version: '1.2.0', id: row.id, content, details: lineage(row) };
}

/** The tools of all conversations, each name once. */
export function adpMetadata(
  conversations: Conversation[],
  { facts, telling }: Pick<ExportContext, 'facts'> & { telling: Telling },
): AdpMetadata {
  const tools = new Map(
    conversations.flatMap(({ actions }) => toolsOf(actions, telling)).map((tool) => [tool.function.name, tool]),
  );
  return {
    custom_tools: [...tools.values()].sort((a, b) => (a.function.name < b.function.name ? -1 : 1)),
    code_enabled: [],
    browser_enabled: facts.environments.some(({ kind }) => kind === 'browser'),
  };
}
