/** Why work is done again, in the words of the file: every change names its field, its old and its new value. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { documentChanges, sideChanges, stageChanges } from '../../core/changes.ts';
import { makePlan, stageIdentity } from '../../core/plan.ts';
import { withDefaults } from '../../core/spec/defaults.ts';
import { loadSpec } from '../../core/spec/load.ts';
import type { StageName } from '../../schemas/pipeline/stage.ts';
import type { Plan, Versions } from '../../schemas/plan.ts';

const base = `version: "1"
name: demo
models:
  writer: { provider: anthropic, model: claude-a, api_key: "\${secret:A}", temperature: 0.5 }
  actor: { provider: openai, model: gpt-a, api_key: "\${secret:B}", limits: { rpm: 3 } }
  judge: { provider: scripted, script: judge.yaml }
environments:
  web: { kind: browser, url: "http://127.0.0.1:1/", sessions: 2, observation: { max_chars: 4000 } }
sources:
  - files: docs/**/*.md
stages:
  - { uses: instruct, model: writer }
  - { uses: interact, model: actor, environment: web, max_steps: 7, concurrency: 3 }
  - { uses: construct, model: writer, max_windows: 9 }
  - { uses: filter, committee: { members: [judge, actor], accept: unanimous, criteria: { aligned: "Is it?" } } }
  - { uses: export, formats: [openai] }
`;
const prompts = { instruct: 'I', interact: 'A', 'construct/new-task': 'N\nm\no', filter: 'V' };
const versions: Versions = { stages: {}, environments: { browser: '3' }, contents: { 'models.judge': 'aaaa' } };
const stages: StageName[] = ['instruct', 'interact', 'construct', 'filter', 'index', 'export'];

interface Edit {
  text?: (text: string) => string;
  prompts?: Record<string, string>;
  versions?: Partial<Versions>;
}

function planOf(edit: Edit = {}): Plan {
  const text = edit.text?.(base) ?? base;
  assert.ok(edit.text === undefined || text !== base, 'the edit changes nothing');
  const loaded = loadSpec({ text, file: 'p.yaml', environment: {} });
  assert.ok('spec' in loaded, JSON.stringify('problems' in loaded && loaded.problems));
  const spec = withDefaults(loaded.spec);
  return makePlan(spec, '/', { ...prompts, ...edit.prompts }, { ...versions, ...edit.versions });
}

const replace =
  (from: string, to: string) =>
  (text: string): string =>
    text.replaceAll(from, to);

/** Each edit, and what is said of each stage that it touches. */
const edits: [string, Edit, Partial<Record<StageName, string[]>>][] = [
  [
    'a key of the place',
    { text: replace('max_chars: 4000', 'max_chars: 5000') },
    { interact: ['environments.web.observation.max_chars 4000 → 5000'] },
  ],
  [
    'a key set back to its default, which is in no identity',
    { text: replace(', observation: { max_chars: 4000 }', '') },
    { interact: ['environments.web.observation.max_chars 4000 → 6000'] },
  ],
  [
    'a sampling parameter of a model that two stages use',
    { text: replace('temperature: 0.5', 'temperature: 0') },
    { instruct: ['models.writer.temperature 0.5 → 0'], construct: ['models.writer.temperature 0.5 → 0'] },
  ],
  [
    'a model that acts and judges',
    { text: replace('model: gpt-a', 'model: gpt-b') },
    { interact: ['models.actor.model gpt-a → gpt-b'], filter: ['models.actor.model gpt-a → gpt-b'] },
  ],
  ['a prompt', { prompts: { filter: 'V\nw\nx' } }, { filter: ['prompt of filter changed (2 lines)'] }],
  [
    'one line of a prompt',
    { prompts: { 'construct/new-task': 'N\nM\no' } },
    { construct: ['prompt of construct/new-task changed (1 line)'] },
  ],
  ['a driver', { versions: { environments: { browser: '4' } } }, { interact: ['driver browser 3 → 4'] }],
  [
    'a script',
    { versions: { contents: { 'models.judge': 'bbbb' } } },
    { filter: ['the files behind models.judge changed'] },
  ],
  ['a member', { text: replace('[judge, actor]', '[judge, actor, writer]') }, { filter: ['member writer added'] }],
  ['a member less', { text: replace('[judge, actor]', '[actor]') }, { filter: ['member judge left'] }],
  [
    'a criterion',
    { text: replace('aligned: "Is it?"', 'aligned: "Is it?", natural: "Would one?"') },
    { filter: ['filter.committee.criteria.natural unset → Would one?'] },
  ],
  ['a bound', { text: replace('max_windows: 9', 'max_windows: 4') }, { construct: ['construct.max_windows 9 → 4'] }],
  [
    'a bound that had its default',
    { text: replace('max_steps: 7', 'max_steps: 7, stuck_after: 5') },
    { interact: ['interact.stuck_after 3 → 5'] },
  ],
];

for (const [name, edit, expected] of edits) {
  test(`${name}: the stages whose identity it changes say why, and no other`, () => {
    const [before, after] = [planOf(), planOf(edit)];
    for (const stage of stages) {
      const found = stageChanges(before, after, stage).map(({ text }) => text);
      assert.deepEqual(found, expected[stage] ?? [], stage);
      const differs = JSON.stringify(stageIdentity(before, stage)) !== JSON.stringify(stageIdentity(after, stage));
      assert.equal(differs, found.length > 0, `${stage}: a changed identity has a reason, an unchanged one has none`);
    }
  });
}

test('the seed is every stage’s', () => {
  const after = planOf({ text: replace('name: demo', 'name: demo\nseed: 7') });
  for (const stage of ['instruct', 'filter'] as const)
    assert.deepEqual(
      stageChanges(planOf(), after, stage).map(({ text }) => text),
      ['seed 0 → 7'],
    );
});

test('models and places under other names are no change', () => {
  const renamed = planOf({
    text: (text) =>
      text
        .replaceAll('writer', 'author')
        .replaceAll('judge:', 'referee:')
        .replaceAll('[judge', '[referee')
        .replaceAll('web', 'site'),
    versions: { contents: { 'models.referee': 'aaaa' } },
  });
  for (const stage of stages) assert.deepEqual(stageChanges(planOf(), renamed, stage), [], stage);
});

test('what a run costs, and rules over stored votes, are told apart from what changes output', () => {
  const after = planOf({
    text: (text) =>
      text
        .replace('concurrency: 3', 'concurrency: 16')
        .replace('rpm: 3', 'rpm: 60')
        .replace('accept: unanimous', 'accept: majority')
        .replace('sessions: 2', 'sessions: 9')
        .replace('api_key: "${secret:A}"', 'api_key: "${secret:C}"'),
  });
  for (const stage of stages) assert.deepEqual(stageChanges(planOf(), after, stage), [], stage);
  const found = sideChanges(planOf(), after).map(({ text }) => text);
  assert.deepEqual(found.toSorted(), [
    'environments.web.sessions 2 → 9',
    'filter.committee.accept unanimous → majority',
    'interact.concurrency 3 → 16',
    'models.actor.limits.rpm 3 → 60',
    'models.writer.api_key ${secret:A} → ${secret:C}',
  ]);
  assert.deepEqual(sideChanges(after, after), []);
});

test('documents come, go and change', () => {
  const before = [
    { id: 'a', ref: '1' },
    { id: 'b', ref: '2' },
  ];
  const after = [
    { id: 'b', ref: '3' },
    { id: 'c', ref: '1' },
  ];
  assert.deepEqual(documentChanges(before, after), { added: ['c'], removed: ['a'], changed: ['b'] });
});
