/** `stages:` of the pipeline file, one variant per stage, in the order of the method. */
import { type Static, Type } from 'typebox';
import { Style } from '../example.ts';
import { AcceptRule } from '../vote.ts';
import { type Full, filled, key, strict, variants } from './key.ts';

const model = Type.String(key('output', 'Name of a model in `models`.', { 'x-names': 'model' }));
const prompt = Type.Optional(
  Type.String(
    key('output', 'Markdown prompt file, relative to the pipeline file; left out, the shipped one.', {
      'x-names': 'prompt',
    }),
  ),
);

export const InstructStage = strict(
  {
    uses: Type.Literal('instruct'),
    model,
    per_document: filled(
      Type.Integer({
        minimum: 1,
        maximum: 20,
        ...key('output', 'Tasks asked of each document (N of the paper).', { default: 3 }),
      }),
    ),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, ...key('output', 'Most tasks of the run.', { 'x-selects': true }) }),
    ),
    duplicates: filled(
      Type.Number({
        minimum: 0,
        maximum: 1,
        ...key('output', 'Tasks whose words overlap more than this (Jaccard, example values masked) are duplicates.', {
          'x-selects': true,
          default: 0.8,
        }),
      }),
    ),
    hints: Type.Optional(Type.String(key('output', 'What a good task looks like in this place; added to the prompt.'))),
    prompt,
  },
  { title: 'instruct: invent tasks from documents (paper, Algorithm 1 line 5)' },
);

export const Knowledge = strict(
  {
    index: Type.String(
      key('output', 'Folder of an index made by the stage `index`, or the name of a run that made one.'),
    ),
    observation: Type.Optional(
      strict(
        {
          k: Type.Integer({
            minimum: 0,
            maximum: 50,
            ...key('output', 'Examples found by BM25 on the observation (m1); 5 in the paper.'),
          }),
        },
        key('output', 'Retrieval by what the agent sees.'),
      ),
    ),
    model: Type.Optional(
      strict(
        {
          k: Type.Integer({
            minimum: 0,
            maximum: 50,
            ...key('output', 'Examples found by a query that a model writes, dense (m2); 5 in the paper.'),
          }),
          query_model: Type.String(key('output', 'Name of the model that writes the query.', { 'x-names': 'model' })),
          prompt,
        },
        key('output', 'Retrieval by what a model says is needed next.'),
      ),
    ),
    max_tokens: filled(
      Type.Integer({
        minimum: 50,
        ...key('output', 'Tokens of examples in the prompt (estimated).', { default: 4000 }),
      }),
    ),
  },
  key('output', 'Examples retrieved into the prompt at every step (paper, Algorithm 2).'),
);
export type Knowledge = Static<typeof Knowledge>;

export const InteractStage = strict(
  {
    uses: Type.Literal('interact'),
    environment: Type.String(key('output', 'Name of an environment in `environments`.', { 'x-names': 'environment' })),
    model,
    max_steps: filled(
      Type.Integer({ minimum: 1, maximum: 200, ...key('output', 'Most actions of an episode.', { default: 20 }) }),
    ),
    min_steps: filled(
      Type.Integer({
        minimum: 0,
        maximum: 20,
        ...key(
          'output',
          'Actions before `finish` is offered: an agent that finishes at once teaches nothing (small models tend to).',
          { default: 0 },
        ),
      }),
    ),
    attempts: filled(
      Type.Integer({
        minimum: 1,
        maximum: 50,
        ...key('output', 'Episodes per task.', { 'x-selects': true, default: 1 }),
      }),
    ),
    stuck_after: filled(
      Type.Integer({
        minimum: 2,
        ...key('output', 'The same action, or the same state, this many times in a row ends the episode.', {
          default: 3,
        }),
      }),
    ),
    history_chars: filled(
      Type.Integer({
        minimum: 200,
        ...key('output', 'Characters of an earlier observation that the agent is shown again.', { default: 1200 }),
      }),
    ),
    knowledge: Type.Optional(Knowledge),
    concurrency: filled(
      Type.Integer({ minimum: 1, maximum: 1000, ...key('cost', 'Episodes in flight at once.', { default: 20 }) }),
    ),
    prompt,
  },
  { title: 'interact: try each task in the environment (lines 6–14)' },
);

export const ConstructStage = strict(
  {
    uses: Type.Literal('construct'),
    model,
    styles: filled(
      Type.Array(Style, {
        minItems: 1,
        uniqueItems: true,
        ...key('output', 'Kinds of instruction written for a window.', {
          'x-selects': true,
          default: ['new-task', 'replicate'],
        }),
      }),
    ),
    max_windows: filled(
      Type.Integer({
        minimum: 1,
        ...key(
          'output',
          'Most windows of a trajectory, drawn from the length strata short (< 5), medium (< 10), long.',
          { 'x-selects': true, default: 40 },
        ),
      }),
    ),
    max_window_steps: filled(
      Type.Integer({ minimum: 1, ...key('output', 'Longest window, in actions.', { 'x-selects': true, default: 60 }) }),
    ),
    observation_chars: filled(
      Type.Integer({
        minimum: 200,
        ...key('output', 'Characters of an observation in the prompt.', { default: 3000 }),
      }),
    ),
    prompts: Type.Optional(
      strict({ 'new-task': prompt, replicate: prompt }, key('output', 'Own prompt files by style.')),
    ),
  },
  { title: 'construct: write instructions for what happened in each window (lines 16–20)' },
);

export const FilterStage = strict(
  {
    uses: Type.Literal('filter'),
    drop_repeated: filled(
      Type.Boolean(
        key('output', 'Drop steps whose action and observation repeat the one before, before windows are cut.', {
          'x-selects': true,
          default: true,
        }),
      ),
    ),
    drop_failed: filled(
      Type.Boolean(key('output', 'Drop windows whose last action failed.', { 'x-selects': true, default: true })),
    ),
    drop_unchanged: filled(
      Type.Boolean(
        key('output', 'Drop windows in which nothing was changed and nothing new was seen.', {
          'x-selects': true,
          default: true,
        }),
      ),
    ),
    committee: strict(
      {
        members: Type.Array(Type.String({ 'x-names': 'model' }), {
          minItems: 1,
          uniqueItems: true,
          ...key('output', 'Names of models; two families or more, or a model judges its own work.', {
            'x-selects': true,
          }),
        }),
        criteria: Type.Optional(
          Type.Record(Type.String(), Type.String({ minLength: 1 }), {
            propertyNames: { type: 'string', pattern: '^[a-z][a-z0-9_]*$' },
            minProperties: 1,
            ...key(
              'output',
              'Name → question answered yes or no. Default: aligned, coherent, natural, reasonable (paper, Table 31).',
            ),
          }),
        ),
        reasons: filled(
          Type.Union(
            [Type.Literal('each'), Type.Literal('one')],
            key('output', 'A reason before each answer, or one short reason after all answers (small models).', {
              default: 'each',
            }),
          ),
        ),
        accept: filled(
          Type.Unsafe<AcceptRule>({
            ...AcceptRule,
            ...key('nothing', 'The rule over the votes; a change re-counts stored votes and asks nobody.', {
              default: 'unanimous',
            }),
          }),
        ),
        prompt,
      },
      key('output', 'The models that vote.'),
    ),
    duplicates: filled(
      Type.Number({
        minimum: 0,
        maximum: 1,
        ...key(
          'nothing',
          'Kept examples whose instruction and actions overlap more than this (Jaccard of word shingles) are duplicates; the shorter stays.',
          { default: 0.85 },
        ),
      }),
    ),
  },
  { title: 'filter: pre-filters, then the committee (line 25)' },
);

export const IndexStage = strict(
  {
    uses: Type.Literal('index'),
    embedding: filled(
      Type.Union(
        [Type.Literal('local'), Type.Literal('none')],
        key('output', 'Dense vectors by the local MiniLM, or none (BM25 only).', { default: 'local' }),
      ),
    ),
  },
  { title: 'index: BM25 and dense retrieval over what was kept' },
);

export const ExportStage = strict(
  {
    uses: Type.Literal('export'),
    formats: Type.Array(Type.Union([Type.Literal('openai'), Type.Literal('parquet')]), {
      minItems: 1,
      uniqueItems: true,
      ...key('output', 'openai: chat JSONL for fine-tuning; parquet: one row per example.'),
    }),
    path: filled(
      Type.String(
        key('nothing', 'Folder, relative to where lbi runs; ${run} and ${pipeline} are filled in.', {
          default: '.lbi/datasets/${run}',
        }),
      ),
    ),
    split: filled(
      Type.Number({
        minimum: 0,
        maximum: 0.5,
        ...key('output', 'Share of documents held out as the test split.', { default: 0.1 }),
      }),
    ),
  },
  { title: 'export: write the dataset' },
);

export const StageSpec = variants('uses', [
  InstructStage,
  InteractStage,
  ConstructStage,
  FilterStage,
  IndexStage,
  ExportStage,
]);
export type StageSpec = Static<typeof StageSpec>;
export type StageName = StageSpec['uses'];
/** A stage with its defaults filled in, by name. */
export type FullStage<N extends StageName = StageName> = Extract<Full<typeof StageSpec>, { uses: N }>;
