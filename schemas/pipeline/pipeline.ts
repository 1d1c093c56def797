/** The pipeline file: the one place where a user says what is made, with what, and at what price. */
import { type Static, Type } from 'typebox';
import { EnvironmentSpec } from './environment.ts';
import { type Full, filled, key, strict } from './key.ts';
import { ModelSpec } from './model.ts';
import { SourceSpec } from './source.ts';
import { StageSpec } from './stage.ts';

const names = { propertyNames: { type: 'string', pattern: '^[a-z][a-z0-9_-]{0,39}$' } };

export const PipelineSpec = strict(
  {
    version: Type.Literal('1', key('nothing', 'Version of this file format: the string "1".')),
    name: Type.String({
      pattern: '^[a-z0-9][a-z0-9-]{0,39}$',
      ...key('nothing', 'Short name; part of run and workflow ids.'),
    }),
    description: Type.Optional(Type.String(key('nothing', 'One sentence for people.'))),
    seed: filled(Type.Integer({ minimum: 0, ...key('output', 'Seed of everything drawn by chance.', { default: 0 }) })),
    models: Type.Record(Type.String(), ModelSpec, { ...names, minProperties: 1, ...key('output', 'Models by name.') }),
    environments: Type.Record(Type.String(), EnvironmentSpec, {
      ...names,
      minProperties: 1,
      ...key('output', 'Places by name.'),
    }),
    sources: Type.Array(SourceSpec, { minItems: 1, ...key('output', 'Where the documents come from.') }),
    stages: Type.Array(StageSpec, { minItems: 1, ...key('output', 'What is done, in order.') }),
    budget: Type.Optional(
      strict(
        {
          usd: Type.Optional(
            Type.Number({ minimum: 0, ...key('cost', 'US dollars the run may spend; then it waits.') }),
          ),
        },
        key('cost', 'Caps.'),
      ),
    ),
    profiles: Type.Optional(
      Type.Record(
        Type.String(),
        Type.Object({}, { additionalProperties: true }),
        key(
          'nothing',
          'Named changes to this file, chosen with --profile NAME: maps are merged, unless the change has another provider or kind; everything else is replaced.',
        ),
      ),
    ),
  },
  { $id: 'urn:learn-by-interact:pipeline:1', title: 'learn-by-interact pipeline' },
);
export type PipelineSpec = Static<typeof PipelineSpec>;

/** A pipeline with every default filled in (`withDefaults`): the only form that the rest of the house reads. */
export type FullSpec = Full<typeof PipelineSpec>;
