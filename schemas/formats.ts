/** The shapes that datasets are exported in, as their readers define them: every exported record satisfies one of these. */
import type { Static, TProperties } from 'typebox';
import type { JsonObject, JsonSchema } from './common.ts';
import { Type } from './type.ts';

const exact = <P extends TProperties>(properties: P) => Type.Object(properties, { additionalProperties: false });
const anyObject = Type.Unsafe<JsonObject>(Type.Object({}, { additionalProperties: true }));

/** A tool as OpenAI, TRL, ATIF and ADP describe one. */
export const Tool = exact({
  type: Type.Literal('function'),
  function: exact({
    name: Type.String(),
    description: Type.String(),
    parameters: Type.Unsafe<JsonSchema>(Type.Object({}, { additionalProperties: true })),
  }),
});
export type Tool = Static<typeof Tool>;

const TextMessage = exact({
  role: Type.Union([Type.Literal('system'), Type.Literal('user'), Type.Literal('assistant')]),
  content: Type.String(),
  weight: Type.Optional(Type.Literal(0, { description: 'of an assistant message that is context and not learnt' })),
});
export type TextMessage = Static<typeof TextMessage>;

/** OpenAI chat fine-tuning, one line an example; other keys are refused there. */
export const OpenAiChat = exact({ messages: Type.Array(TextMessage, { minItems: 3 }) });
export type OpenAiChat = Static<typeof OpenAiChat>;

const ToolCall = exact({
  id: Type.String({ pattern: '^[a-z0-9]{9}$', description: 'nine characters: some chat templates want that' }),
  type: Type.Literal('function'),
  function: exact({ name: Type.String(), arguments: anyObject }),
});

/** TRL, conversational with tools: arguments are objects. */
export const TrlConversation = exact({
  id: Type.String(),
  messages: Type.Array(
    Type.Union([
      exact({ role: Type.Union([Type.Literal('system'), Type.Literal('user')]), content: Type.String() }),
      exact({ role: Type.Literal('assistant'), content: Type.String(), tool_calls: Type.Array(ToolCall) }),
      exact({ role: Type.Literal('tool'), tool_call_id: Type.String(), name: Type.String(), content: Type.String() }),
    ]),
    { minItems: 3 },
  ),
  tools: Type.Array(Tool),
});
export type TrlConversation = Static<typeof TrlConversation>;

const PlainMessage = exact({ role: TextMessage.properties.role, content: Type.String() });

/** TRL, prompt and completion: the loss is on the completion alone. */
export const TrlCompletion = exact({
  id: Type.String(),
  step: Type.Integer({ minimum: 1, description: 'which action of the example' }),
  prompt: Type.Array(PlainMessage, { minItems: 1 }),
  completion: Type.Array(PlainMessage, { minItems: 1, maxItems: 1 }),
});
export type TrlCompletion = Static<typeof TrlCompletion>;

const speakers = ['human', 'observation', 'gpt', 'function_call'] as const;

/** ShareGPT as LLaMA-Factory reads it: human and observation at odd places, gpt and function_call at even ones. */
export const ShareGpt = exact({
  id: Type.String(),
  conversations: Type.Array(
    exact({
      from: Type.Unsafe<(typeof speakers)[number]>({ anyOf: speakers.map((name) => Type.Literal(name)) }),
      value: Type.String(),
      loss: Type.Optional(Type.Literal(false, { description: 'context, not learnt; LLaMA-Factory does not read it' })),
    }),
    { minItems: 2 },
  ),
  system: Type.String(),
  tools: Type.String({ description: 'JSON of a list of { name, description, parameters }, or empty' }),
});
export type ShareGpt = Static<typeof ShareGpt>;

/** LLaMA-Factory's `dataset_info.json`. */
export const DatasetInfo = Type.Record(
  Type.String(),
  exact({
    file_name: Type.String(),
    formatting: Type.Literal('sharegpt'),
    columns: exact({
      messages: Type.Literal('conversations'),
      system: Type.Literal('system'),
      tools: Type.Literal('tools'),
    }),
  }),
);
export type DatasetInfo = Static<typeof DatasetInfo>;

const AtifStep = exact({
  step_id: Type.Integer({ minimum: 1 }),
  source: Type.Union([Type.Literal('user'), Type.Literal('agent')]),
  message: Type.String(),
  tool_calls: Type.Optional(
    Type.Array(exact({ tool_call_id: Type.String(), function_name: Type.String(), arguments: anyObject })),
  ),
  observation: Type.Optional(
    exact({ results: Type.Array(exact({ source_call_id: Type.String(), content: Type.String() })) }),
  ),
  is_copied_context: Type.Optional(Type.Literal(true)),
  llm_call_count: Type.Optional(Type.Integer({ minimum: 0, description: '0: no model wrote this step' })),
  extra: Type.Optional(anyObject),
});
export type AtifStep = Static<typeof AtifStep>;

/** Harbor's Agent Trajectory Interchange Format 1.7 (RFC 0001), the part of it that is written here. */
export const AtifTrajectory = exact({
  schema_version: Type.Literal('ATIF-v1.7'),
  session_id: Type.String({ description: 'the recorded trajectory: shared by the examples cut from it' }),
  trajectory_id: Type.String({ description: 'the example' }),
  agent: exact({
    name: Type.String(),
    version: Type.String(),
    model_name: Type.Optional(Type.String()),
    tool_definitions: Type.Array(Tool),
  }),
  steps: Type.Array(AtifStep, { minItems: 2 }),
  extra: anyObject,
});
export type AtifTrajectory = Static<typeof AtifTrajectory>;

const AdpAction = exact({
  class_: Type.Literal('api_action'),
  function: Type.String(),
  kwargs: anyObject,
  description: Type.String(),
  tool_call_id: Type.Optional(Type.String()),
});
const AdpObservation = exact({
  class_: Type.Literal('text_observation'),
  content: Type.String(),
  source: Type.Union([Type.Literal('user'), Type.Literal('environment')]),
  tool_call_id: Type.Optional(Type.String()),
});

/** Agent Data Protocol 1.2.0. */
export const AdpTrajectory = exact({
  schema_version: Type.Literal('1.2.0'),
  id: Type.String(),
  content: Type.Array(Type.Union([AdpAction, AdpObservation]), { minItems: 2 }),
  details: anyObject,
});
export type AdpTrajectory = Static<typeof AdpTrajectory>;

/** ADP's `metadata.json` beside the trajectories. */
export const AdpMetadata = exact({
  custom_tools: Type.Array(Tool),
  code_enabled: Type.Array(Type.String(), { maxItems: 0 }),
  browser_enabled: Type.Boolean(),
});
export type AdpMetadata = Static<typeof AdpMetadata>;
