/** The way in: the text of a pipeline file → a checked spec, or every problem at once. Nothing is read but what is given. */
import type { OwnModules } from '../../schemas/own-module.ts';
import type { PipelineSpec } from '../../schemas/pipeline/pipeline.ts';
import { type Environment, interpolate } from './interpolate.ts';
import { checkCommittees } from './meaning/committee.ts';
import { checkMoney } from './meaning/money.ts';
import { checkNames } from './meaning/names.ts';
import { checkPlaces } from './meaning/places.ts';
import type { Check, Knowing } from './meaning/report.ts';
import { checkSources } from './meaning/sources.ts';
import { checkStages } from './meaning/stages.ts';
import { checkTiming } from './meaning/timing.ts';
import { applyProfile, applySettings } from './override.ts';
import { extendSchema } from './own/extend-schema.ts';
import { namedModules, type ReadModules, takeModules } from './own/named-modules.ts';
import { parseTree } from './parse.ts';
import { distinct, type Problem, problemAt } from './problem.ts';
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
  /** What was read of the modules that `modulesOf` names. */
  modules?: ReadModules | undefined;
}

export type Loaded = { spec: PipelineSpec; warnings: Problem[]; own?: OwnModules } | { problems: Problem[] };

/** The file with its profile and settings laid on, or what kept it from being read. */
const readTree = (input: SpecInput): { tree: Tree | undefined; problems: Problem[] } => {
  const source = { file: input.file, text: input.text };
  const parsed = parseTree(source);
  if (parsed.tree === undefined) return { tree: undefined, problems: parsed.problems };
  if (parsed.tree.kind !== 'map') {
    const words = {
      code: 'type',
      message: 'the file holds no "key: value" pairs',
      expected: ['version, name, models, environments, sources, stages'],
    } as const;
    const nothing = problemAt(parsed.tree.place, { ...words, expected: [...words.expected] });
    return { tree: undefined, problems: [...parsed.problems, nothing] };
  }
  const profiled = applyProfile(parsed.tree, input.profile);
  const changed = applySettings(profiled.tree, input.set ?? []);
  return { tree: changed.tree, problems: [...parsed.problems, ...profiled.problems, ...changed.problems] };
};

/** Paths of the modules of the user's own that the file names: whoever can import them does, and hands them to `loadSpec`. */
export const modulesOf = (input: SpecInput): string[] => {
  const { tree } = readTree(input);
  return tree === undefined ? [] : [...new Set(namedModules(tree).map(({ path }) => path))];
};

/** Never throws for anything that a user can write: `problems` holds the errors, and the warnings beside them. */
export const loadSpec = (input: SpecInput): Loaded => {
  const read = readTree(input);
  if (read.tree === undefined) return { problems: distinct(read.problems) };
  const taken = takeModules(read.tree, input.modules ?? {});
  const schema = extendSchema(taken.variants);
  const filled = interpolate(read.tree, schema, input.environment);
  const before = [...read.problems, ...filled.problems, ...taken.problems];
  const check: Check = { tree: filled.tree, schema, own: taken.modules, knowing: input, problems: [] };
  const problems = distinct([...before, ...checkTree(check, before)]);
  if (problems.some(({ severity }) => severity === 'error')) return { problems };
  const own = Object.keys(taken.modules).length === 0 ? {} : { own: taken.modules };
  return { spec: toJson(filled.tree) as unknown as PipelineSpec, warnings: problems, ...own };
};

/** Faults of the schema, then of meaning; a value that could not be filled in is not blamed again for its form. */
const checkTree = (check: Check, before: Problem[]): Problem[] => {
  for (const step of [checkNames, checkStages, checkCommittees, checkMoney, checkPlaces, checkSources, checkTiming])
    step(check);
  const blamed = new Set(before.filter(({ path }) => path !== '').map(({ path }) => path));
  const found = [...validateTree(check.tree, check.schema), ...check.problems].filter(({ path }) => !blamed.has(path));
  const faulty = [...before, ...found].some(({ severity }) => severity === 'error');
  // Beside an error, "not used" is mostly its echo.
  return found.filter(({ code }) => code !== 'unused' || !faulty);
};
