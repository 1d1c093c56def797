/** Every code is explained by an example that has it, at the place that is pointed at, and by one that has it no more. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codes } from '../../core/spec/codes.ts';
import { loadSpec } from '../../core/spec/load.ts';
import type { Problem } from '../../core/spec/problem.ts';

/** The parts of a pipeline that an example leaves out. */
const usual: Record<string, string> = {
  version: 'version: "1"',
  name: 'name: demo',
  models: 'models:\n  writer: { provider: scripted, script: a.yaml }\n  judge: { provider: scripted, script: b.yaml }',
  environments: 'environments:\n  box: { kind: shell }',
  sources: 'sources:\n  - files: docs/*.md',
  stages: 'stages:\n  - { uses: instruct, model: writer }\n  - { uses: interact, model: judge, environment: box }',
};

const prompts: Record<string, string> = {
  'prompts/wrong.md': '# System\n\n# User\n\n{{ page }}\n',
  'prompts/right.md': '# System\n\n# User\n\n{{ document }} {{ count }}\n',
};

/** The example with the rest of the file below it, so that its places stay where they are. */
const complete = (example: string): string => {
  const own = new Set([...example.matchAll(/^([\w-]+):?/gm)].map(([, name]) => name));
  if (own.size === 0) return example;
  const rest = Object.entries(usual).filter(([name]) => !own.has(name));
  return `${example}\n${rest.map(([, lines]) => `${lines}\n`).join('')}`;
};

const problemsOf = (example: string): Problem[] => {
  const flags = example.split('\n')[0]?.startsWith('# lbi ') === true ? (example.split('\n')[0] ?? '') : '';
  const loaded = loadSpec({
    text: complete(example),
    file: 'pipeline.yaml',
    environment: {},
    profile: /--profile (\S+)/.exec(flags)?.[1],
    set: [...flags.matchAll(/--set (\S+)/g)].map(([, flag = '']) => flag),
    knownPrice: () => false,
    fileExists: (path) => !path.includes('missing'),
    fileText: (path) => prompts[path],
    files: { read: (path) => (path.includes('missing') ? undefined : 'seed: 3\n') },
  });
  return 'problems' in loaded ? loaded.problems : loaded.warnings;
};

for (const [code, { wrong, points, right, title, means }] of Object.entries(codes)) {
  test(`${code}: its examples are what they say`, () => {
    const found = problemsOf(wrong).filter((problem) => problem.code === code);
    assert.ok(found.length > 0, `the wrong example has: ${JSON.stringify(problemsOf(wrong))}`);
    const text = (problem: Problem): string =>
      problem.file.startsWith('--') ? problem.file.replace(/^--\w+ /, '') : (wrong.split('\n')[problem.line - 1] ?? '');
    const places = found.map((problem) => text(problem).slice(problem.column - 1));
    assert.ok(
      places.some((place) => place.startsWith(points)),
      `it points at ${JSON.stringify(places)}`,
    );
    assert.deepEqual(
      problemsOf(right).filter((problem) => problem.code === code),
      [],
    );
    assert.ok(title.length < 60 && !title.endsWith('.') && means.endsWith('.'), title);
  });
}
