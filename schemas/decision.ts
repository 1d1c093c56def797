/** A decision: what the agent answered when asked for its next action. */
import type { Static } from 'typebox';
import { Usage } from './common.ts';
import { Action } from './observation.ts';
import { Type } from './type.ts';

/** `unreadable` stands for refusals, cut-offs and replies that do not fit the schema: a result with a reason, not an error. */
export const Decision = Type.Object({
  kind: Type.Union([Type.Literal('act'), Type.Literal('finish'), Type.Literal('unreadable')]),
  reason: Type.String(),
  action: Type.Optional(Action),
  answer: Type.Optional(Type.String({ description: 'what the agent reports when it finishes' })),
  detail: Type.Optional(Type.String({ description: 'why the reply could not be read' })),
  model: Type.String(),
  usage: Usage,
});
export type Decision = Static<typeof Decision>;
