/** What an agent sees (observation), what it may do (action definition) and what it does (action). */
import type { Static } from 'typebox';
import { type JsonObject, type JsonSchema, Ref } from './common.ts';
import { Type } from './type.ts';

/** An action of an environment as the agent is told of it. `finish` is not among them: the engine adds it. */
export interface ActionDefinition {
  /** e.g. `click`, `bash` */
  name: string;
  description: string;
  /** JSON Schema of the arguments: an object, `additionalProperties: false`, every string bounded by `maxLength`. */
  parameters: JsonSchema;
}

export const Action = Type.Object({
  name: Type.String(),
  arguments: Type.Unsafe<JsonObject>(Type.Object({}, { additionalProperties: true })),
});
export type Action = Static<typeof Action>;

/** An element of the observation that actions can name: `actions` lists the definitions that accept it. */
export const ElementReference = Type.Object({
  ref: Type.String(),
  role: Type.String(),
  name: Type.String(),
  actions: Type.Array(Type.String()),
  options: Type.Optional(Type.Array(Type.String(), { description: 'the choices of a select' })),
});
export type ElementReference = Static<typeof ElementReference>;

export const Observation = Type.Object({
  text: Type.String({ description: 'what the model sees, already within the budget' }),
  state: Type.Unsafe<JsonObject>(
    Type.Object({}, { additionalProperties: true, description: 'url, cwd, exit code, modal dialog …' }),
  ),
  stateHash: Type.String({
    description: 'hash of the normalised state of the place; equal hashes mean "nothing changed"',
  }),
  elements: Type.Optional(Type.Array(ElementReference)),
  ended: Type.Optional(Type.Literal(true, { description: 'the place takes no more actions: the attempt is over' })),
  screenshot: Type.Optional(Ref),
  full: Type.Optional(Ref),
});
export type Observation = Static<typeof Observation>;

/** Why an action failed. A failed action is an observation with an error, never an exception. */
export const StepError = Type.Object({
  class: Type.Union([
    Type.Literal('invalid'),
    Type.Literal('failed'),
    Type.Literal('stale'),
    Type.Literal('dialog'),
    Type.Literal('timeout'),
    Type.Literal('denied'),
  ]),
  message: Type.String(),
});
export type StepError = Static<typeof StepError>;
