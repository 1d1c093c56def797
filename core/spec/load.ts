/** The way in: the text of a pipeline file → a checked spec, or every problem at once. Nothing is read but what is given. */
import type { Json } from '../../schemas/common.ts';
import type { OwnModules } from '../../schemas/own-module.ts';
import type { PipelineSpec } from '../../schemas/pipeline/pipeline.ts';
import { assemble, type Files } from './extend.ts';
import { giveInputs, sortFlags } from './input-flags.ts';
import { checkInputs, inputsWritten, inputValues } from './inputs.ts';
import { type Filled, interpolate } from './interpolate.ts';
import { checkAddresses } from './meaning/addresses.ts';
import { checkCombinations } from './meaning/combinations.ts';
import { checkCommittees } from './meaning/committee.ts';
import { checkFilters } from './meaning/filter.ts';
import { checkKnowledge } from './meaning/knowledge.ts';
import { checkMoney } from './meaning/money.ts';
import { checkNames } from './meaning/names.ts';
import { checkPlaces } from './meaning/places.ts';
import { checkPrompts } from './meaning/prompts.ts';
import type { Check, Knowing } from './meaning/report.ts';
import { checkSources } from './meaning/sources.ts';
import { checkStages } from './meaning/stages.ts';
import { checkTiming } from './meaning/timing.ts';
import { checkTwins } from './meaning/twins.ts';
import { applySettings, layFiles } from './override.ts';
import { extendSchema } from './own/extend-schema.ts';
import { locateModules, namedModules, type ReadModules, takeModules } from './own/named-modules.ts';
import type { Environment } from './placeholder.ts';
import { distinct, type Problem } from './problem.ts';
import { resolvePaths } from './relative.ts';
import { entriesAt, type Mapping, type Tree, toJson } from './tree.ts';
import { validateTree } from './validate.ts';

export interface SpecInput extends Knowing {
  text: string;
  /** The file's name as problems show it; extended files are named, and read, relative to it. */
  file: string;
  environment: Environment;
  /** Reads the files that this one extends; left out, none can be. */
  files?: Files;
  /** One of `profiles`. */
  profile?: string | undefined;
  /** `path=value`, applied in order after the profile; or `name=value` for an input. */
  set?: readonly string[] | undefined;
  /** `name=value` for inputs. */
  input?: readonly string[] | undefined;
  /** What was read of the modules that `modulesOf` names. */
  modules?: ReadModules | undefined;
}

/** What was read, whether it is right or not. */
export interface Read {
  /** Text of every file that was read by the name that problems show, the main file first. */
  sources: Record<string, string>;
  /** Names of the profiles of all files. */
  profiles: string[];
}

/** `tree` is the spec in which every value knows its place. */
export type Loaded = Read & (Right | { problems: Problem[] });

/** `own` are the modules of the user's own; left out where there are none. */
interface Right {
  spec: PipelineSpec;
  warnings: Problem[];
  tree: Tree;
  own?: OwnModules;
}

/**
 * Paths of the modules of the user's own that the file and those that it extends name, as seen from the main file's folder: whoever can
 * import them does, and hands them to `loadSpec`.
 */
export const modulesOf = (input: SpecInput): string[] => {
  const { roots, complete } = assemble({ file: input.file, text: input.text }, input.files);
  const { tree } = complete ? laidOut(input, roots) : {};
  return tree === undefined ? [] : [...new Set(namedModules(tree).map(({ path }) => path))];
};

/** Never throws for anything that a user can write: `problems` holds the errors, and the warnings beside them. */
export const loadSpec = (input: SpecInput): Loaded => {
  const { roots, sources, problems, complete } = assemble({ file: input.file, text: input.text }, input.files);
  const read: Read = {
    sources: Object.fromEntries(sources.map(({ file, text }) => [file, text])),
    profiles: [...new Set(roots.flatMap((root) => entriesAt(root, 'profiles').map(([name]) => name)))],
  };
  if (!complete) return { ...read, problems: distinct(problems) };
  return { ...read, ...compose(input, roots, problems) };
};

/** Files, profile and flags laid on each other. */
const laidOut = (input: SpecInput, roots: Mapping[]) => {
  const laid = layFiles(roots, input.profile);
  if (laid.tree === undefined) return { tree: undefined };
  const flags = sortFlags(laid.tree, input.set ?? [], input.input ?? []);
  const changed = applySettings(laid.tree, flags.paths);
  const problems = [...laid.problems, ...flags.problems, ...changed.problems];
  return { tree: locateModules(changed.tree), flags, problems };
};

/** Files, profile, flags, placeholders; then the checks of what came out. */
const compose = (input: SpecInput, roots: Mapping[], read: Problem[]): Right | { problems: Problem[] } => {
  const laid = laidOut(input, roots);
  if (laid.tree === undefined) return { problems: read };
  const { flags } = laid;
  const taken = takeModules(laid.tree, input.modules ?? {});
  const schema = extendSchema(taken.variants);
  const filled = interpolate(giveInputs(laid.tree, flags.given), schema, input.environment, flags.given);
  const written = new Set(roots.flatMap(inputsWritten));
  const inputs = checkInputs(filled.inputs, written, flags.problems);
  const before = [...read, ...laid.problems, ...filled.problems, ...inputs, ...taken.problems];
  const check: Check = { tree: filled.tree, schema, own: taken.modules, knowing: input, problems: [] };
  const problems = distinct(withoutEchoes(checkTree(check, filled, before)));
  if (problems.some(({ severity }) => severity === 'error')) return { problems };
  const tree = resolvePaths(filled.tree, schema);
  const own = Object.keys(taken.modules).length === 0 ? {} : { own: taken.modules };
  return { spec: specOf(tree, filled), warnings: problems, tree, ...own };
};

/** Of the inputs, their values are left. */
const specOf = (tree: Tree, { inputs }: Filled): PipelineSpec => {
  const { inputs: declared, ...rest } = toJson(tree) as { [key: string]: Json };
  const values = declared === undefined ? {} : { inputs: inputValues(inputs) };
  return { ...rest, ...values } as unknown as PipelineSpec;
};

/** A key in clear where a secret must be named is found by its looks and by its place: the place says more. */
const withoutEchoes = (problems: Problem[]): Problem[] => {
  const secrets = problems.filter(({ code, path }) => code === 'secret' && path !== '');
  const placed = new Set(secrets.map(({ file, line }) => `${file}:${line}`));
  return problems.filter(
    ({ code, path, file, line }) => code !== 'secret' || path !== '' || !placed.has(`${file}:${line}`),
  );
};

const meaning = [
  checkAddresses,
  checkNames,
  checkStages,
  checkFilters,
  checkCommittees,
  checkTwins,
  checkMoney,
  checkPlaces,
  checkSources,
  checkKnowledge,
  checkTiming,
  checkCombinations,
  checkPrompts,
];

/** Faults of the schema, then of meaning; a value that could not be filled in is not blamed again for its form. */
const checkTree = (check: Check, { unfilled }: Filled, before: Problem[]): Problem[] => {
  for (const step of meaning) step(check);
  const errors = before.filter(({ severity, path }) => severity === 'error' && path !== '');
  const blamed = new Set([...unfilled, ...errors.map(({ path }) => path)]);
  const judged = [...validateTree(check.tree, check.schema), ...check.problems].filter(
    ({ code, path }) => code === 'unknown-key' || !blamed.has(path),
  );
  const found = [...before, ...judged];
  const faulty = found.some(({ severity }) => severity === 'error');
  // Beside an error, "not used" is mostly its echo.
  return found.filter(({ code }) => code !== 'unused' || !faulty);
};
