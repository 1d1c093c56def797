/** The guide of baselines: every part of it is a valid pipeline below the head it begins with. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadSpec } from '../../core/spec/load.ts';
import { baselines, whole, withPart } from './guide.ts';

const said = (text: string): string[] => {
  const loaded = loadSpec({ text, file: 'baselines.md', environment: {} });
  const problems = 'problems' in loaded ? loaded.problems : loaded.warnings;
  // a baseline need not use every model of the head, and the writer of the guide judges its own work
  return problems
    .filter(({ code }) => code !== 'unused' && code !== 'committee')
    .map(({ severity, message }) => `${severity}: ${message}`);
};

test('the guide has every baseline of the paper that is a matter of the pipeline', () => {
  assert.deepEqual(
    [...baselines.keys()],
    [
      'data distill',
      'no documents',
      'no committee',
      'no retrieval',
      'instruction',
      'observation',
      'model',
      'both',
      'rag',
    ],
  );
});

for (const [name, stages] of baselines) {
  test(`${name} is valid`, () => {
    const expected =
      name === 'no committee'
        ? ['warning: no stage filter comes before: every example is kept, whether it is right or not']
        : [];
    assert.deepEqual(said(withPart(whole, stages)), expected);
  });
}
