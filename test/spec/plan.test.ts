/** Identities: what must make work run again does, and nothing else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makePlan, modelIdentity, stageIdentity, unitIdentity } from '../../core/plan.ts';
import { withDefaults } from '../../core/spec/defaults.ts';
import { loadSpec } from '../../core/spec/load.ts';
import { paperCriteria } from '../../core/vote-schema.ts';
import type { Json } from '../../schemas/common.ts';
import type { StageName } from '../../schemas/pipeline/stage.ts';
import type { Plan, Versions } from '../../schemas/plan.ts';

const base = `version: "1"
name: demo
models:
  writer: { provider: anthropic, model: claude-a, api_key: "\${secret:A}", temperature: 0.5 }
  actor: { provider: openai, model: gpt-a, api_key: "\${secret:B}", limits: { rpm: 3 } }
  judge: { provider: scripted, script: judge.yaml }
environments:
  box: { kind: shell, sessions: 2, observation: { max_chars: 4000 } }
sources:
  - files: docs/**/*.md
stages:
  - { uses: instruct, model: writer }
  - { uses: interact, model: actor, environment: box, max_steps: 7, concurrency: 3 }
  - { uses: construct, model: writer, max_windows: 9 }
  - { uses: filter, committee: { members: [judge, actor], accept: unanimous } }
  - { uses: export, formats: [openai] }
`;
const prompts = {
  instruct: 'I',
  interact: 'A',
  'interact/query': 'Q',
  'construct/new-task': 'N',
  'construct/replicate': 'R',
  filter: 'V',
};
const versions: Versions = { stages: {}, environments: { shell: '1' }, contents: { 'models.judge': 'aaaa' } };
const stages: StageName[] = ['instruct', 'interact', 'construct', 'filter', 'index', 'export'];

interface Change {
  text?: (text: string) => string;
  prompts?: Record<string, string>;
  versions?: Partial<Versions>;
}

const planOf = (change: Change = {}): Plan => {
  const text = (change.text ?? ((same) => same))(base);
  assert.ok(change.text === undefined || text !== base, 'the change changes nothing');
  const loaded = loadSpec({ text, file: 'p.yaml', environment: {} });
  assert.ok('spec' in loaded, JSON.stringify('problems' in loaded && loaded.problems));
  return makePlan(
    withDefaults(loaded.spec),
    '/',
    { ...prompts, ...change.prompts },
    { ...versions, ...change.versions },
  );
};

/** Key order must not matter: the store hashes canonical JSON, in which keys are sorted. */
const canonical = (value: Json): string =>
  JSON.stringify(value, (_name, part: Json) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([one], [other]) => (one < other ? -1 : 1)))
      : part,
  );

const changed = (change: Change): StageName[] => {
  const [before, after] = [planOf(), planOf(change)];
  return stages.filter((name) => canonical(stageIdentity(before, name)) !== canonical(stageIdentity(after, name)));
};

const swap = (from: string, to: string): Change => ({ text: (text) => text.replaceAll(from, to) });

const cases: [string, Change, StageName[]][] = [
  ['concurrency', swap('concurrency: 3', 'concurrency: 30'), []],
  ['limits', swap('rpm: 3', 'rpm: 300'), []],
  ['sessions', swap('sessions: 2', 'sessions: 9'), []],
  ['the name of a secret', swap('secret:A', 'secret:OTHER'), []],
  ['a price', swap('temperature: 0.5', 'temperature: 0.5, price: { input: 1, output: 2 }'), []],
  ['a timeout', swap('temperature: 0.5', 'temperature: 0.5, timeout: 9'), []],
  ['a comment and a note', swap('name: demo', 'name: demo # new\nx-note: 1'), []],
  ['name and description', swap('name: demo', 'name: other\ndescription: new'), []],
  ['the budget', swap('name: demo', 'name: demo\nbudget: { usd: 3 }'), []],
  ['key order', swap('model: actor, environment: box', 'environment: box, model: actor'), []],
  ['a default written out', swap('max_steps: 7', 'max_steps: 7, attempts: 1'), []],
  ['the rule of the committee', swap('accept: unanimous', 'accept: majority'), []],
  ['a member written in full', swap('[judge, actor]', '[{ model: judge }, actor]'), []],
  ['a member’s name', swap('[judge, actor]', '[{ model: judge, name: referee }, actor]'), []],
  ['a member’s weight and need', swap('[judge, actor]', '[{ model: judge, weight: 3, optional: true }, actor]'), []],
  ['what passes', swap('accept: unanimous', 'accept: unanimous, passes: { share: 0.5 }'), []],
  ['duplicates', swap('uses: filter,', 'uses: filter, duplicates: { words: 0.9, meaning: 0.95 },'), []],
  ['what is expected', swap('uses: filter,', 'uses: filter, expect: { keep_rate: [0, 1] },'), []],
  ['a member’s own prompt', swap('[judge, actor]', '[{ model: judge, prompt: mine.md }, actor]'), ['filter']],
  ['who is asked', swap('accept: unanimous', 'ask: until-decided'), ['filter']],
  ['the length of windows', swap('uses: filter,', 'uses: filter, steps: { min: 2 },'), ['filter']],
  ['the outcomes used', swap('uses: filter,', 'uses: filter, outcomes: [finished],'), ['filter']],
  ['how a place verifies', swap('{ kind: shell,', '{ kind: shell, verify: "true",'), ['interact']],
  ['the name of a model', swap('writer', 'author'), []],
  ['the name of an environment', swap('box', 'place'), []],
  ['a model that is not used', swap('environments:', '  spare: { provider: local, model: x }\nenvironments:'), []],
  ['temperature of the writer', swap('temperature: 0.5', 'temperature: 0.6'), ['instruct', 'construct']],
  ['model of the actor', swap('gpt-a', 'gpt-b'), ['interact', 'filter']],
  ['max_steps', swap('max_steps: 7', 'max_steps: 8'), ['interact']],
  ['observation of the environment', swap('max_chars: 4000', 'max_chars: 4001'), ['interact']],
  ['version of the environment', { versions: { environments: { shell: '2' } } }, ['interact']],
  ['content of a script', { versions: { contents: { 'models.judge': 'bbbb' } } }, ['filter']],
  ['version of a stage', { versions: { stages: { construct: '2' } } }, ['construct']],
  ['prompt of instruct', { prompts: { instruct: 'new' } }, ['instruct']],
  ['prompt of the query', { prompts: { 'interact/query': 'new' } }, ['interact']],
  ['prompt of a style', { prompts: { 'construct/replicate': 'new' } }, ['construct']],
  ['windows', swap('max_windows: 9', 'max_windows: 8'), ['construct']],
  ['seed', swap('name: demo', 'name: demo\nseed: 4'), ['instruct', 'interact', 'construct', 'filter', 'export']],
  ['formats', swap('formats: [openai]', 'formats: [parquet]'), ['export']],
];

for (const [what, change, expected] of cases) {
  test(`a change of ${what} changes ${expected.length === 0 ? 'nothing' : expected.join(' and ')}`, () => {
    assert.deepEqual(changed(change), expected);
  });
}

test('criteria are their questions: weights, and the paper’s own written out, change nothing', () => {
  const written = (criteria: string): Change => swap('accept: unanimous', `criteria: ${criteria}`);
  const paper = (weight: string): string =>
    `{ ${Object.entries(paperCriteria)
      .map(([name, ask]) => `${name}: { ask: ${JSON.stringify(ask)}${weight} }`)
      .join(', ')} }`;
  assert.deepEqual(changed(written(paper(''))), []);
  assert.deepEqual(changed(written(paper(', weight: 2'))), []);
  assert.deepEqual(changed(written('{ aligned: "Does it fit?" }')), ['filter']);
  const plain = planOf(written('{ fits: "Does it fit?" }'));
  const full = planOf(written('{ fits: { ask: "Does it fit?", weight: 2 } }'));
  assert.equal(canonical(stageIdentity(full, 'filter')), canonical(stageIdentity(plain, 'filter')));
});

test('a voter is its model, prompt and criteria: never its name, the others, or the rule', () => {
  const voter = (plan: Plan, member: string): string => canonical(unitIdentity(plan, { stage: 'filter', member }));
  const before = planOf();
  const named = planOf(swap('[judge, actor]', '[{ model: judge, name: referee, weight: 2 }, actor]'));
  assert.equal(voter(named, 'referee'), voter(before, 'judge'));
  const strict = '[judge, { model: judge, name: strict, prompt: strict.md }]';
  const twice = planOf({ ...swap('[judge, actor]', strict), prompts: { 'filter/strict': 'S' } });
  assert.equal(voter(twice, 'judge'), voter(before, 'judge'));
  assert.notEqual(voter(twice, 'strict'), voter(before, 'judge'));
  const other = planOf({ ...swap('[judge, actor]', strict), prompts: { 'filter/strict': 'T' } });
  assert.equal(voter(other, 'judge'), voter(twice, 'judge'));
  assert.notEqual(voter(other, 'strict'), voter(twice, 'strict'));
  for (const rule of ['accept: majority', 'ask: until-decided', 'passes: { share: 0.5 }'])
    assert.equal(voter(planOf(swap('accept: unanimous', rule)), 'judge'), voter(before, 'judge'), rule);
});

test('a stage that is not used has no identity', () => {
  assert.equal(stageIdentity(planOf(), 'index'), null);
});

test('the path of a prompt does not count, its text does', () => {
  assert.deepEqual(
    changed({ text: (text) => text.replace('uses: instruct,', 'uses: instruct, prompt: mine.md,') }),
    [],
  );
});

test('a scripted model is its content, wherever the script lies', () => {
  const moved = planOf(swap('judge.yaml', 'elsewhere.yaml'));
  assert.deepEqual(modelIdentity(moved, 'judge'), modelIdentity(planOf(), 'judge'));
});

test('without a known content the path of a script counts', () => {
  const unknown = { versions: { contents: {} } };
  const moved = planOf({ ...unknown, ...swap('judge.yaml', 'elsewhere.yaml') });
  assert.notDeepEqual(modelIdentity(moved, 'judge'), modelIdentity(planOf(unknown), 'judge'));
});

test('a vote depends on its member alone, a relabelled window on its style alone', () => {
  const vote = (plan: Plan): string => canonical(unitIdentity(plan, { stage: 'filter', member: 'judge' }));
  const style = (plan: Plan): string => canonical(unitIdentity(plan, { stage: 'construct', style: 'replicate' }));
  const before = planOf();
  assert.equal(vote(planOf(swap('[judge, actor]', '[judge, writer]'))), vote(before));
  assert.equal(vote(planOf(swap('gpt-a', 'gpt-b'))), vote(before));
  assert.notEqual(vote(planOf({ versions: { contents: { 'models.judge': 'bbbb' } } })), vote(before));
  assert.notEqual(vote(planOf({ prompts: { filter: 'new' } })), vote(before));
  assert.equal(style(planOf(swap('max_windows: 9', 'max_windows: 8, styles: [replicate]'))), style(before));
  assert.equal(style(planOf({ prompts: { 'construct/new-task': 'new' } })), style(before));
  assert.notEqual(style(planOf({ prompts: { 'construct/replicate': 'new' } })), style(before));
});
