/** The way in: the text of a pipeline file → a checked spec, or every problem at once. Nothing is read but what is given. */
import type { PipelineSpec } from '../../schemas/pipeline/pipeline.ts';
import { type Environment, interpolate } from './interpolate.ts';
import { checkCommittees } from './meaning/committee.ts';
import { checkFilters } from './meaning/filter.ts';
import { checkKnowledge } from './meaning/knowledge.ts';
import { checkMoney } from './meaning/money.ts';
import { checkNames } from './meaning/names.ts';
import { checkPlaces } from './meaning/places.ts';
import type { Check, Knowing } from './meaning/report.ts';
import { checkSources } from './meaning/sources.ts';
import { checkStages } from './meaning/stages.ts';
import { checkTiming } from './meaning/timing.ts';
import { applyProfile, applySettings } from './override.ts';
import { parseTree } from './parse.ts';
import { distinct, type Problem, problemAt } from './problem.ts';
import { pipelineSchema } from './schema.ts';
import { type Tree, toJson } from './tree.ts';
import { validateTree } from './validate.ts';

export interface SpecInput extends Knowing {
  text: string;
  /** The file's name as problems show it. */
  file: string;
  environment: Environment;
  /** One of `profiles`. */
  profile?: string | undefined;
  /** `path=value`, applied in order after the profile. */
  set?: readonly string[] | undefined;
}

export type Loaded = { spec: PipelineSpec; warnings: Problem[] } | { problems: Problem[] };

/** Never throws for anything that a user can write: `problems` holds the errors, and the warnings beside them. */
export const loadSpec = (input: SpecInput): Loaded => {
  const source = { file: input.file, text: input.text };
  const parsed = parseTree(source);
  if (parsed.tree === undefined) return { problems: distinct(parsed.problems) };
  if (parsed.tree.kind !== 'map') {
    const words = {
      code: 'type',
      message: 'the file holds no "key: value" pairs',
      expected: ['version, name, models, environments, sources, stages'],
    } as const;
    return {
      problems: [...parsed.problems, problemAt(parsed.tree.place, { ...words, expected: [...words.expected] })],
    };
  }
  const profiled = applyProfile(parsed.tree, input.profile);
  const changed = applySettings(profiled.tree, input.set ?? []);
  const filled = interpolate(changed.tree, pipelineSchema, input.environment);
  const before = [...parsed.problems, ...profiled.problems, ...changed.problems, ...filled.problems];
  const problems = distinct([...before, ...checkTree(filled.tree, input, before)]);
  if (problems.some(({ severity }) => severity === 'error')) return { problems };
  return { spec: toJson(filled.tree) as PipelineSpec, warnings: problems };
};

/** Faults of the schema, then of meaning; a value that could not be filled in is not blamed again for its form. */
const checkTree = (tree: Tree, knowing: Knowing, before: Problem[]): Problem[] => {
  const check: Check = { tree, knowing, problems: [] };
  const steps = [
    checkNames,
    checkStages,
    checkFilters,
    checkCommittees,
    checkMoney,
    checkPlaces,
    checkSources,
    checkKnowledge,
    checkTiming,
  ];
  for (const step of steps) step(check);
  const blamed = new Set(before.filter(({ path }) => path !== '').map(({ path }) => path));
  const found = [...validateTree(tree), ...check.problems].filter(({ path }) => !blamed.has(path));
  const faulty = [...before, ...found].some(({ severity }) => severity === 'error');
  // Beside an error, "not used" is mostly its echo.
  return found.filter(({ code }) => code !== 'unused' || !faulty);
};
