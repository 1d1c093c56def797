/** The pipeline file: the one place where a user says what is made, with what, and at what price. */
import { type Static, Type } from 'typebox';
import { EnvironmentSpec } from './environment.ts';
import { InputSpec, type InputValue } from './input.ts';
import { type Full, key, list, number, record, section, strict, text, whole } from './key.ts';
import { ModelSpec } from './model.ts';
import { SourceSpec } from './source.ts';
import { StageSpec } from './stage.ts';

const name = { pattern: '^[a-z][a-z0-9_-]{0,39}$', min: 1 } as const;

const file = Type.String({ minLength: 1 });

export const PipelineSpec = strict(
  {
    extends: Type.Optional(
      Type.Union(
        [file, Type.Array(file, { minItems: 1 })],
        key(
          'nothing',
          'Pipeline files that this one is laid over, in their order; relative to this file. Maps are merged, lists are replaced.',
          { example: ['base.yaml', '../shared/models.yaml'] },
        ),
      ),
    ),
    version: Type.Literal('1', key('nothing', 'Version of this file format: the string "1".')),
    name: text('nothing', 'Short name; part of run and workflow ids.', {
      pattern: '^[a-z0-9][a-z0-9-]{0,39}$',
      example: 'tiddlywiki',
    }),
    description: text('nothing', 'One sentence for people.', {
      optional: true,
      example: 'Teaches an agent our wiki from its own articles.',
    }),
    inputs: record(
      'nothing',
      'What may be given with a run (--input NAME=VALUE), used as ${input:NAME} wherever a value stands.',
      InputSpec,
      { pattern: name.pattern, optional: true, example: { pages: { type: 'integer', default: 20, min: 1 } } },
    ),
    seed: whole('output', 'Seed of everything drawn by chance.', { unit: 'seed', min: 0, default: 0, example: 7 }),
    models: record('output', 'Models by name.', ModelSpec, name),
    environments: record('output', 'Places by name.', EnvironmentSpec, name),
    sources: list('output', 'Where the documents come from.', SourceSpec, {
      min: 1,
      example: [{ files: 'docs/**/*.md' }],
    }),
    stages: list('output', 'What is done, in order.', StageSpec, { min: 1 }),
    budget: section(
      'cost',
      'Caps. At a cap no new task is begun and the run waits; it goes on after `lbi resume RUN --budget …`.',
      {
        usd: number('cost', 'What the run may spend.', { unit: 'USD', min: 0, optional: true, example: 25 }),
        tokens: whole('cost', 'Tokens the run may use, input and output together.', {
          unit: 'tokens',
          min: 0,
          optional: true,
          example: 20_000_000,
        }),
        hours: number('cost', 'Time the run may take.', { unit: 'hours', above: 0, optional: true, example: 12 }),
      },
      { optional: true },
    ),
    profiles: record(
      'nothing',
      'Named changes to this file, chosen with --profile NAME: maps are merged, unless the change has another provider or kind; everything else is replaced, and null removes.',
      Type.Object({}, { additionalProperties: true }),
      { optional: true, example: { small: { stages: [] } } },
    ),
  },
  { $id: 'urn:learn-by-interact:pipeline:1', title: 'learn-by-interact pipeline' },
);

/** The files, profiles and declarations are gone once a pipeline is loaded; of the inputs, their values are left. */
type Loaded<S> = Omit<S, 'extends' | 'profiles' | 'inputs'> & { inputs?: Record<string, InputValue> };

export type PipelineSpec = Loaded<Static<typeof PipelineSpec>>;

/** A pipeline with every default filled in (`withDefaults`): the only form that the rest of the house reads. */
export type FullSpec = Loaded<Full<typeof PipelineSpec>>;
