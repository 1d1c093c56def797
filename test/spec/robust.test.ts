/** Nothing that can be written in a file makes lbi crash, hang, or point outside the file. Every run reads the same texts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomSource } from '../../core/random.ts';
import { withDefaults } from '../../core/spec/defaults.ts';
import { judge } from '../../core/spec/judge.ts';
import { type Loaded, loadSpec } from '../../core/spec/load.ts';
import { inReadingOrder, renderProblems } from '../../core/spec/render.ts';
import { pipelineSchema } from '../../core/spec/schema.ts';
import type { Json } from '../../schemas/common.ts';
import { changeStructure, changeText, goodFiles, monsters, pick, randomText } from './corpus/mutate.ts';

/** Milliseconds of CPU that any one file may take: other programs may hold the clock up. */
const MOST = 1000;

const misfit = judge(pipelineSchema);

/** What is wrong with how a text was answered; undefined when all is well. */
const complaint = (text: string): string | undefined => {
  const began = process.cpuUsage();
  let loaded: Loaded;
  let printed: string;
  try {
    loaded = loadSpec({ text, file: 'p.yaml', environment: { HOME: '/root' }, knownPrice: () => false });
    const problems = 'problems' in loaded ? loaded.problems : loaded.warnings;
    printed = renderProblems(problems, { 'p.yaml': text }, { color: true });
    if ('spec' in loaded) withDefaults(loaded.spec);
  } catch (error) {
    return `it throws: ${error instanceof Error ? error.stack : String(error)}`;
  }
  const { user, system } = process.cpuUsage(began);
  const took = (user + system) / 1000;
  if (took > MOST) return `it takes ${took.toFixed(0)} ms`;
  if ('spec' in loaded) {
    const { inputs: _values, ...spec } = loaded.spec;
    const words = misfit(spec as unknown as Json);
    return words === undefined ? undefined : `it is accepted and does not fit: ${words}`;
  }
  if (!loaded.problems.some(({ severity }) => severity === 'error')) return 'it is refused without an error';
  const rows = text.split('\n');
  for (const [index, problem] of inReadingOrder(loaded.problems).entries()) {
    const { line, column, length } = problem;
    const width = (rows[line - 1] ?? '').length + 1;
    const inside = line >= 1 && line <= rows.length && column >= 1 && column <= width && length >= 1;
    if (!inside) return `a problem is at ${line}:${column}, outside the file: ${JSON.stringify(problem)}`;
    if (index < 20 && !printed.includes(`p.yaml:${line}:${column}`))
      return `a problem is not printed: ${JSON.stringify(problem)}`;
  }
  return undefined;
};

const demand = (name: string, text: string): void => {
  const said = complaint(text);
  assert.ok(
    said === undefined,
    `${name}: ${said}\n--- the text (${text.length} characters) ---\n${JSON.stringify(text.slice(0, 4000))}`,
  );
};

test('a million characters of random text, in files of many sizes', () => {
  let total = 0;
  for (let seed = 1; total < 1_000_000; seed += 1) {
    const random = randomSource(seed);
    const text = randomText(random, Math.floor(3 + 20_000 * random() ** 4));
    demand(`seed ${seed}`, text);
    total += text.length;
  }
});

const good = goodFiles();

for (const [how, change] of Object.entries({ text: changeText, structure: changeStructure })) {
  test(`ten thousand good files with changes of their ${how}`, () => {
    for (let seed = 1; seed <= 10_000; seed += 1) {
      const random = randomSource(seed);
      const [name, text] = pick(random, Object.entries(good));
      demand(`${name}, ${how}, seed ${seed}`, change(text, random));
    }
  });
}

for (const [name, text] of Object.entries(monsters(good['test/spec/corpus/everything.yaml'] ?? ''))) {
  test(`too much of something: ${name}`, () => demand(name, text));
}
