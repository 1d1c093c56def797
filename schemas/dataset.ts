/** The dataset: its rows (one kept example each, with everything needed to use it and to trace it back) and its facts. */
import { type Static, Type } from 'typebox';
import { type JsonObject, Ref, Usage } from './common.ts';
import { Style } from './example.ts';
import { Committee } from './vote.ts';

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
      vote: Type.Unsafe<Ref>({ ...Ref, description: 'the stored vote' }),
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

/** What a dataset says of itself besides its rows: kept as `dataset.json` and told in the card. */
export const DatasetFacts = Type.Object({
  name: Type.String({ description: 'name of the pipeline' }),
  description: Type.Optional(Type.String()),
  run: Type.String(),
  pipeline: Type.String({ description: 'hash of the plan that made it' }),
  generator: Type.String({ description: 'program and version' }),
  seed: Type.Integer(),
  environments: Type.Array(Type.Object({ name: Type.String(), kind: Type.String() })),
  models: Type.Array(
    Type.Object({
      name: Type.String({ description: 'as the pipeline calls it' }),
      model: Type.String({ description: 'provider and model id, or sha256 of the weights' }),
      uses: Type.Array(Type.String(), { description: 'stages it worked in' }),
    }),
  ),
  committee: Committee,
  counts: Type.Array(Type.Object({ what: Type.String(), count: Type.Integer() }), {
    description: 'what was there before and after each filter, in order',
  }),
  sources: Type.Array(
    Type.Object({ source: Type.String(), documents: Type.Integer(), license: Type.Optional(Type.String()) }),
  ),
  usage: Type.Record(Type.String(), Usage, { description: 'by stage and model: "interact/actor"' }),
  heldOut: Type.Number({ description: 'share of the documents meant for the test split' }),
  scripted: Type.Array(Type.String(), { description: 'models and environments that followed a script' }),
});
export type DatasetFacts = Static<typeof DatasetFacts>;
