/** However a pipeline is written down, its work has the same identities: one file or several, anchors, inputs, names, order. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { canonical } from '../../core/canonical.ts';
import { makePlan, stageIdentity, type Unit, unitIdentity } from '../../core/plan.ts';
import { withDefaults } from '../../core/spec/defaults.ts';
import type { SpecInput } from '../../core/spec/load.ts';
import type { Json } from '../../schemas/common.ts';
import type { StageName } from '../../schemas/pipeline/stage.ts';
import type { Plan } from '../../schemas/plan.ts';
import { goodFiles, type Texts } from './files.ts';

const one = `version: "1"
name: demo
seed: 3
models:
  writer: { provider: anthropic, model: claude-a, api_key: "\${secret:A}", temperature: 0.5, limits: { rpm: 3 } }
  actor: { provider: anthropic, model: claude-a, api_key: "\${secret:A}", max_tokens: 900 }
  judge: { provider: scripted, script: far/judge.yaml }
environments:
  box: { kind: shell, copy: far/place, observation: { max_chars: 4000 } }
sources:
  - { files: "far/docs/**/*.md", limit: 5 }
stages:
  - { uses: instruct, model: writer, prompt: far/instruct.md }
  - { uses: interact, model: actor, environment: box, max_steps: 7 }
  - { uses: construct, model: writer, max_windows: 9 }
  - { uses: filter, committee: { members: [judge, actor], accept: { at_least: 1 } } }
  - { uses: index, embedding: none }
  - { uses: export, formats: [openai] }
`;

/** What `lbi run` adds from disk: it hashes what the paths lead to, so the same paths have the same contents. */
const planOf = (texts: Texts, more: Partial<SpecInput>, names: Record<string, string> = {}): Plan => {
  const spec = withDefaults(goodFiles(texts, more).spec);
  const contents: Record<string, string> = {};
  for (const [name, model] of Object.entries(spec.models))
    if (model.provider === 'scripted') contents[`models.${name}`] = `content of ${model.script}`;
  for (const [name, place] of Object.entries(spec.environments))
    if (place.kind === 'shell' && place.copy !== undefined)
      contents[`environments.${name}`] = `content of ${place.copy}`;
  const prompts = Object.fromEntries(
    spec.stages.flatMap((stage) =>
      'prompt' in stage && stage.prompt !== undefined ? [[stage.uses, `text of ${stage.prompt}`]] : [],
    ),
  );
  assert.deepEqual(
    Object.keys(names).filter((name) => !(name in spec.models) && !(name in spec.environments)),
    [],
  );
  return makePlan(spec, '/', prompts, { stages: {}, environments: { shell: '1' }, contents });
};

const stages: StageName[] = ['instruct', 'interact', 'construct', 'filter', 'index', 'export'];

/** Identities of all stages and of all units of paid work, and the sources, in which a path is the document's name. */
const identities = (texts: Texts, more: Partial<SpecInput> = {}, judge = 'judge'): string[] => {
  const plan = planOf(texts, more);
  const units: Unit[] = [
    { stage: 'instruct' },
    { stage: 'interact' },
    { stage: 'construct', style: 'replicate' },
    { stage: 'filter', member: judge },
  ];
  const all: Json[] = [
    ...stages.map((stage) => stageIdentity(plan, stage)),
    ...units.map((unit) => unitIdentity(plan, unit)),
    plan.spec.sources as Json,
  ];
  assert.ok(!all.includes(null));
  return all.map(canonical);
};

const expected = identities({ 'p.yaml': one });

const shared = `models:
  writer: { provider: anthropic, model: claude-a, api_key: "\${secret:A}", temperature: 0.5 }
  actor: { provider: anthropic, model: claude-b, api_key: "\${secret:A}" }
  judge: { provider: scripted, script: judge.yaml }
environments:
  box: { kind: shell, copy: place }
sources: [{ files: "docs/**/*.md" }]
`;
const three: Texts = {
  'p.yaml': `extends: [far/shared.yaml, stages.yaml]
name: demo
models: { actor: { model: claude-a, max_tokens: 900 }, writer: { limits: { rpm: 30 } } }
environments: { box: { observation: { max_chars: 4000 } } }
sources: { 0: { limit: 5 } }
stages: { interact: { max_steps: 7 }, construct: { max_windows: 9 }, export: { formats: [openai] } }
`,
  'far/shared.yaml': `${shared}stages: { instruct: { model: writer, prompt: instruct.md } }\n`,
  'stages.yaml': `version: "1"
seed: 3
stages:
  index: { embedding: none }
  filter: { committee: { members: [judge, actor], accept: { at_least: 1 } } }
  construct: { model: writer, max_windows: 2 }
  interact: { model: actor, environment: box }
`,
};

const written: [how: string, texts: Texts, more?: Partial<SpecInput>, judge?: string][] = [
  ['three files', three],
  [
    'anchors',
    {
      'p.yaml': one
        .replace(
          'models:\n  writer: {',
          'x-a: &claude { provider: anthropic, model: claude-a, api_key: "${secret:A}" }\nmodels:\n  writer: { <<: *claude,',
        )
        .replace('actor: { provider: anthropic, model: claude-a, api_key: "${secret:A}",', 'actor: { <<: *claude,'),
    },
  ],
  [
    'inputs, given and by default',
    {
      'p.yaml': `inputs:
  pages: { type: integer, default: 1 }
  model: { type: text, default: claude-a }
  folder: { type: text, default: far }
  steps: { type: integer, default: 7 }
${one
  .replace('limit: 5', 'limit: "${input:pages}"')
  .replaceAll('claude-a', '"${input:model}"')
  .replace('max_steps: 7', 'max_steps: "${input:steps}"')
  .replaceAll(/"?far\/([^ ,}"]*)"?/g, '"${input:folder}/$1"')}`,
    },
    { input: ['pages=5'] },
  ],
  [
    'variables',
    { 'p.yaml': one.replace('max_steps: 7', 'max_steps: "${env:STEPS}"').replace('0.5', '"${env:HEAT:-0.5}"') },
    { environment: { STEPS: '7' } },
  ],
  ['comments and notes', { 'p.yaml': `# a\n${one.replaceAll('\n', ' # said\n')}x-note: { a: 1 }\n` }],
  [
    'a profile',
    {
      'p.yaml': `${one.replace('max_steps: 7', 'max_steps: 9')}profiles: { p: { stages: { interact: { max_steps: 7 } } } }\n`,
    },
    { profile: 'p' },
  ],
  ['flags', { 'p.yaml': one.replace('max_steps: 7', 'max_steps: 9') }, { set: ['stages.interact.max_steps=7'] }],
  ['defaults written out', { 'p.yaml': one.replace('max_steps: 7', 'max_steps: 7, attempts: 1, min_steps: 0') }],
  [
    'other names of models and places',
    {
      'p.yaml': one
        .replaceAll(/\bwriter\b/g, 'author')
        .replaceAll(/\bactor\b/g, 'hand')
        .replaceAll(/\bjudge\b(?!\.)/g, 'critic')
        .replaceAll(/\bbox\b/g, 'room'),
    },
    {},
    'critic',
  ],
];

for (const [how, texts, more, judge] of written)
  test(`the same pipeline written with ${how} has the same identities`, () => {
    assert.deepEqual(identities(texts, more, judge), expected);
  });

test('a value that differs after all makes another identity', () => {
  const other = {
    ...three,
    'stages.yaml': (three['stages.yaml'] ?? '').replace('embedding: none', 'embedding: local'),
  };
  assert.notDeepEqual(identities(other), expected);
  const moved = { ...three, 'far/shared.yaml': (three['far/shared.yaml'] ?? '').replace('instruct.md', 'own.md') };
  assert.notDeepEqual(identities(moved), expected);
});

/** The keys of every map in another order; lists stay. */
const shuffled = (value: Json, next: () => number): Json => {
  if (Array.isArray(value)) return value.map((item) => shuffled(item, next));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, entry]) => [next(), name, shuffled(entry, next)] as const);
  return Object.fromEntries(entries.toSorted(([a], [b]) => a - b).map(([, name, entry]) => [name, entry]));
};

test('the order of keys is no part of any identity, in one file or in three', () => {
  const parsed = goodFiles({ 'p.yaml': one }).spec as unknown as Json;
  fc.assert(
    fc.property(fc.infiniteStream(fc.nat()), (stream) => {
      const next = (): number => stream.next().value ?? 0;
      assert.deepEqual(identities({ 'p.yaml': stringify(shuffled(parsed, next)) }), expected);
    }),
    { numRuns: 50 },
  );
});
