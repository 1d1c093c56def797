/** Harbor's Agent Trajectory Interchange Format 1.7: one trajectory per example, nothing of the row left out. */
import type { AtifStep, AtifTrajectory } from '../../../schemas/formats.ts';
import {
  type Conversation,
  type ExportContext,
  firstMessage,
  type Turn,
  toolResult,
  toolsOf,
} from '../conversation.ts';
import { lineage } from './lineage.ts';

/**
 * The instruction with the first observation as the user's step, then the agent's, each with its result. A step that is learnt
 * from another example is copied context; the added `finish` says that no model was called for it. What the format has no field
 * for is in `extra`.
 */
export function toAtif({ row, actions, turns }: Conversation, { facts, telling }: ExportContext): AtifTrajectory {
  return {
    schema_version: 'ATIF-v1.7',
    session_id: row.trajectory.head,
    trajectory_id: row.id,
    agent: {
      name: facts.generator,
      version: facts.pipeline,
      model_name: facts.agent.model,
      tool_definitions: toolsOf(actions, telling),
    },
    steps: [
      { step_id: 1, source: 'user', message: firstMessage(row) },
      ...turns.map((turn, at) => agentStep(turn, at + 2)),
    ],
    extra: lineage(row),
  };
}

function agentStep(turn: Turn, id: number): AtifStep {
  const { action, error, observation, masked } = turn;
  const call = `call_${id}`;
  return {
    step_id: id,
    source: 'agent',
    message: turn.reason,
    tool_calls: [{ tool_call_id: call, function_name: action.name, arguments: action.arguments }],
    ...(observation === undefined
      ? {}
      : { observation: { results: [{ source_call_id: call, content: toolResult(turn) }] } }),
    ...(masked === 'repeated' ? { is_copied_context: true as const } : {}),
    llm_call_count: observation === undefined ? 0 : 1,
    ...(error === undefined ? {} : { extra: { error, weight: 0 } }),
  };
}
