/** A row of the dataset: one kept example with everything needed to use it and to trace it back. */
import { type Static, Type } from 'typebox';
import { type JsonObject, Ref } from './common.ts';
import { Style } from './example.ts';

export const RowStep = Type.Object({
  reason: Type.String(),
  action: Type.String({ description: 'name of the action' }),
  arguments: Type.Unsafe<JsonObject>(Type.Object({}, { additionalProperties: true })),
  error: Type.Optional(Type.String()),
  observation: Type.String({ description: 'what was seen after the action' }),
});
export type RowStep = Static<typeof RowStep>;

export const Row = Type.Object({
  id: Type.String({ description: 'first 16 hex digits of the example' }),
  example: Ref,
  split: Type.Union([Type.Literal('train'), Type.Literal('test')]),
  instruction: Type.String(),
  style: Style,
  environment: Type.String(),
  observation: Type.String({ description: 'the first observation of the window' }),
  steps: Type.Array(RowStep),
  task: Type.Object({ id: Type.String(), instruction: Type.String() }),
  document: Type.Union([
    Type.Null(),
    Type.Object({
      id: Type.String(),
      source: Type.String(),
      title: Type.String(),
      license: Type.Optional(Type.String()),
    }),
  ]),
  trajectory: Type.Object({ head: Ref, from: Type.Integer(), to: Type.Integer(), steps: Type.Array(Type.Integer()) }),
  votes: Type.Array(
    Type.Object({
      member: Type.String(),
      model: Type.String(),
      yes: Type.Boolean(),
      confidence: Type.Optional(Type.Number()),
      criteria: Type.Record(Type.String(), Type.Object({ yes: Type.Boolean(), reason: Type.String() })),
    }),
  ),
  scripted: Type.Boolean({ description: 'true when any model or place that made it was scripted' }),
});
export type Row = Static<typeof Row>;
