/** Pipelines of several files, held in memory, for tests. */
import assert from 'node:assert/strict';
import type { Files } from '../../core/spec/extend.ts';
import { type Loaded, loadSpec, type SpecInput } from '../../core/spec/load.ts';
import type { Problem } from '../../core/spec/problem.ts';
import { renderProblems } from '../../core/spec/render.ts';

/** Texts by path; the first is the main file. */
export type Texts = Record<string, string>;

const reader = (texts: Texts): Files => ({
  read: (path) => texts[path],
  list: (folder) =>
    Object.keys(texts)
      .filter((path) => (path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '') === folder)
      .map((path) => path.slice(path.lastIndexOf('/') + 1)),
});

/** What the first file and all that it extends load to. */
export const loadFiles = (texts: Texts, more: Partial<SpecInput> = {}): Loaded => {
  const [file = 'p.yaml', text = ''] = Object.entries(texts)[0] ?? [];
  return loadSpec({ text, file, environment: {}, files: reader(texts), ...more });
};

/** The same, which must be right. */
export const goodFiles = (texts: Texts, more: Partial<SpecInput> = {}) => {
  const loaded = loadFiles(texts, more);
  if ('problems' in loaded) assert.fail(renderProblems(loaded.problems, loaded.sources, { color: false }));
  return loaded;
};

/** The same, which must be wrong: its problems. */
export const badFiles = (texts: Texts, more: Partial<SpecInput> = {}): Problem[] => {
  const loaded = loadFiles(texts, more);
  assert.ok('problems' in loaded, 'the files are accepted');
  return loaded.problems;
};

/** A whole pipeline, to be cut up or laid over. */
export const base = `version: "1"
name: demo
models:
  writer: { provider: scripted, script: writer.yaml }
environments:
  box: { kind: shell }
sources:
  - files: docs/**/*.md
stages:
  - { uses: instruct, model: writer }
  - { uses: interact, model: writer, environment: box, max_steps: 7 }
`;
