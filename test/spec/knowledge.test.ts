/** What `knowledge`, `construct` and `export` ask of a pipeline beyond its shape, and what enters the identity of the attempts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonical } from '../../core/canonical.ts';
import { makePlan, stageIdentity } from '../../core/plan.ts';
import { withDefaults } from '../../core/spec/defaults.ts';
import { loadSpec } from '../../core/spec/load.ts';
import type { Problem } from '../../core/spec/problem.ts';

const pipeline = (stages: string): string => `version: "1"
name: demo
models:
  writer: { provider: scripted, script: s.yaml }
environments:
  board: { kind: scripted }
sources:
  - files: docs/*.md
stages:
  - { uses: instruct, model: writer }
${stages}`;

const interact = (knowledge: string): string =>
  pipeline(`  - uses: interact\n    model: writer\n    environment: board\n    knowledge: ${knowledge}\n`);

const load = (text: string) => loadSpec({ text, file: 'p.yaml', environment: {} });
const found = (text: string): Problem[] => {
  const loaded = load(text);
  return 'problems' in loaded ? loaded.problems : loaded.warnings;
};
const said = (text: string): string[] =>
  found(text).map(({ severity, line, message }) => `${severity} ${line}: ${message}`);

test('every way of the paper to retrieve is accepted, alone and together', () => {
  for (const knowledge of [
    '{ index: r-1, instruction: { k: 5 } }',
    '{ index: r-1, instruction: { k: 5, by: meaning } }',
    '{ index: r-1, observation: { k: 5 } }',
    '{ index: r-1, model: { k: 5, query_model: writer } }',
    '{ index: r-1, observation: { k: 5 }, model: { k: 5, query_model: writer } }',
    '{ documents: { k: 50 }, max_tokens: 9000 }',
    '{ documents: { k: 5, by: meaning, from: r-2 }, index: r-1, instruction: { k: 3 }, order: best_last }',
  ])
    assert.deepEqual(said(interact(knowledge)), [], knowledge);
});

test('examples need an index, documents do not; knowledge of nothing is said to be so', () => {
  assert.deepEqual(said(interact('{ observation: { k: 2 }, documents: { k: 2 } }')), [
    'error 14: knowledge looks examples up (observation), but names no index',
  ]);
  assert.deepEqual(said(interact('{ index: r-1, documents: { k: 2 } }')), [
    'warning 14: this index is not used: only documents are retrieved',
  ]);
  assert.deepEqual(said(interact('{ index: r-1 }')), [
    'error 14: knowledge retrieves nothing: it names neither examples nor documents',
  ]);
  assert.match(said(interact('{ documents: { k: 0 } }'))[0] ?? '', /k is the number 0/);
});

test('construct needs a model unless every instruction is the original', () => {
  const stage = (construct: string): string =>
    pipeline(`  - { uses: interact, model: writer, environment: board }\n  - ${construct}\n`);
  assert.deepEqual(said(stage('{ uses: construct, styles: [original] }')), []);
  assert.deepEqual(said(stage('{ uses: construct, model: writer, styles: [original] }')), []);
  for (const construct of ['{ uses: construct }', '{ uses: construct, styles: [original, replicate] }']) {
    const [problem, ...more] = found(stage(construct));
    assert.equal(problem?.message, 'construct needs the key model unless styles is [original]');
    assert.deepEqual([problem?.line, problem?.expected, more.length], [12, ['model: writer'], 0]);
  }
});

test('a filter may be left out, and may not come after what works on its results', () => {
  const stages = (...uses: string[]): string => pipeline(uses.map((each) => `  - ${each}\n`).join(''));
  const [try_, construct] = [
    '{ uses: interact, model: writer, environment: board }',
    '{ uses: construct, styles: [original] }',
  ];
  const filter = '{ uses: filter, committee: { members: [writer] } }';
  assert.deepEqual(said(stages(try_, construct, '{ uses: index }', '{ uses: export, formats: [adp] }')), [
    'warning 13: no stage filter comes before: every example is kept, whether it is right or not',
  ]);
  assert.deepEqual(said(stages(try_, construct, '{ uses: index }', filter)), [
    'error 13: index works on what the filter keeps, and the filter comes after it',
  ]);
  assert.deepEqual(said(stages(try_, '{ uses: index }')), [
    'error 12: index works on examples, and no stage before it makes any',
  ]);
});

test('a split by environment is warned of where there is one environment', () => {
  const stage = (keys: string): string =>
    pipeline(
      `  - { uses: interact, model: writer, environment: board }\n  - { uses: construct, styles: [original] }\n  - { uses: export, formats: [trl]${keys} }\n`,
    ).replace('  - { uses: export', '  - { uses: filter, committee: { members: [writer] } }\n  - { uses: export');
  assert.deepEqual(said(stage(', split_by: task, validation: 0.2')), []);
  assert.match(said(stage(', split_by: environment'))[0] ?? '', /^warning 14: .*one environment/);
  assert.match(said(stage(', validation: 0.7'))[0] ?? '', /0\.7/);
});

const identity = (knowledge: string, content?: string): string => {
  const loaded = load(interact(knowledge));
  assert.ok('spec' in loaded, JSON.stringify(loaded));
  const contents = content === undefined ? {} : { 'stages.interact.knowledge': content };
  return canonical(
    stageIdentity(makePlan(withDefaults(loaded.spec), '/', {}, { stages: {}, environments: {}, contents }), 'interact'),
  );
};

test('of an index its contents count, not its name; of documents neither: they are part of each task', () => {
  const examples = '{ index: r-1, observation: { k: 2 } }';
  assert.equal(identity(examples, 'aa'), identity(examples.replace('r-1', './copy'), 'aa'));
  assert.notEqual(identity(examples, 'aa'), identity(examples, 'bb'));
  assert.notEqual(identity(examples), identity(examples.replace('r-1', 'r-2')));
  const pages = '{ documents: { k: 2 } }';
  assert.equal(identity(pages), identity('{ documents: { k: 2, from: r-9 } }'));
  assert.notEqual(identity(pages), identity('{ documents: { k: 3 } }'));
  assert.notEqual(identity(pages), identity('{ documents: { k: 2 }, order: best_last }'));
  assert.equal(identity(pages), identity('{ documents: { k: 2, by: words }, order: best_first, max_tokens: 4000 }'));
});
