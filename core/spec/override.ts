/** What changes a pipeline: the files over those that they extend, a profile, and --set flags. */
import { firstLayer, overlay } from './overlay.ts';
import { parseTree } from './parse.ts';
import { type Place, type Problem, problemAt, type Source } from './problem.ts';
import { pipelineSchema } from './schema.ts';
import { nearest } from './suggest.ts';
import { entriesAt, isWrittenNull, type Mapping, showPath, type Tree, textAt } from './tree.ts';

/** The files laid on one another in their order, and on them each file's profile of that name; a problem when none has it. */
export const layFiles = (
  roots: Mapping[],
  profile: string | undefined,
): { tree: Tree | undefined; problems: Problem[] } => {
  const problems: Problem[] = [];
  const [first, ...others] = roots.map((root) => without(root, 'profiles'));
  if (first === undefined) return { tree: undefined, problems };
  const begun = firstLayer(first, problems);
  const files = others.reduce((under, root) => overlay(under, root, pipelineSchema, { keys: 'over', problems }), begun);
  if (profile === undefined) return { tree: files, problems };
  const profiles = roots.flatMap((root) => entriesAt(root, 'profiles'));
  const chosen = profiles.flatMap(([name, { value }]) => (name === profile ? [value] : []));
  if (chosen.length === 0) problems.push(noProfile(profile, [...new Set(profiles.map(([name]) => name))]));
  problems.push(...chosen.flatMap(extending));
  const layers = chosen.map((layer) => marked(without(without(layer, 'profiles'), 'extends'), profile));
  const tree = layers.reduce(
    (under, layer) => overlay(under, layer, pipelineSchema, { keys: 'under', problems }),
    files,
  );
  return { tree, problems };
};

const noProfile = (name: string, names: string[]): Problem => {
  const source: Source = { file: `--profile ${name}`, text: name };
  return problemAt(
    { source, offset: 0, length: name.length },
    {
      code: 'profile',
      message: names.length === 0 ? 'this file has no profiles' : `there is no profile "${name}" in this file`,
      expected: names,
      suggestion: nearest(name, names),
    },
  );
};

const extending = (layer: Tree): Problem[] =>
  entriesAt(layer)
    .filter(([name]) => name === 'extends')
    .map(([, { key }]) =>
      problemAt(key, {
        code: 'extends',
        message: 'a profile cannot extend files',
        fix: 'extends stands at the top of a file',
      }),
    );

/** Every value knows the profile that brought it. */
const marked = (tree: Tree, profile: string): Tree => {
  if (tree.kind === 'scalar') return { ...tree, origin: { profile } };
  if (tree.kind === 'list') return { ...tree, items: tree.items.map((item) => marked(item, profile)) };
  const entries = [...tree.entries].map(
    ([name, entry]) => [name, { ...entry, value: marked(entry.value, profile) }] as const,
  );
  return { ...tree, entries: new Map(entries) };
};

const without = <T extends Tree>(tree: T, name: string): T =>
  tree.kind === 'map' ? { ...tree, entries: new Map([...tree.entries].filter(([known]) => known !== name)) } : tree;

/** The tree with `path=value` flags applied in order; the values are YAML, null removes, and problems point into the flag. */
export const applySettings = (root: Tree, flags: readonly string[]): { tree: Tree; problems: Problem[] } => {
  const problems: Problem[] = [];
  let tree = root;
  for (const flag of flags) {
    const source: Source = { file: `--set ${flag}`, text: flag };
    const equals = flag.indexOf('=');
    if (equals < 1) {
      const place: Place = { source, offset: 0, length: Math.max(1, flag.length) };
      problems.push(
        problemAt(place, {
          code: 'set',
          message: 'the flag is no path=value',
          fix: '--set stages.interact.max_steps=5',
        }),
      );
      continue;
    }
    const early = /^(extends|profiles)(?=[.=])/.exec(flag)?.[1];
    if (early !== undefined) {
      const message = `"${early}" has been read when flags are applied, so it cannot be set by one`;
      problems.push(problemAt({ source, offset: 0, length: early.length }, { code: 'set', message }));
      continue;
    }
    // Blanks in place of the path keep every offset of the value where it is in the flag.
    const parsed = parseTree({ ...source, text: ' '.repeat(equals + 1) + flag.slice(equals + 1) });
    problems.push(
      ...parsed.problems.filter(({ code }) => code !== 'empty').map((problem) => ({ ...problem, file: source.file })),
    );
    const place: Place = { source, offset: equals + 1, length: Math.max(1, flag.length - equals - 1) };
    if (parsed.problems.some(({ code }) => code !== 'empty')) continue;
    const value =
      parsed.tree === undefined ? ({ kind: 'scalar', value: null, place } as const) : moved(parsed.tree, source);
    const set = assign(tree, { steps: flag.slice(0, equals).split('.'), value, source, offset: 0, done: [], root });
    if ('problem' in set) problems.push(set.problem);
    else tree = set.tree;
  }
  return { tree, problems };
};

const moved = (tree: Tree, source: Source): Tree => {
  const place = { ...tree.place, source };
  if (tree.kind === 'list') return { ...tree, place, items: tree.items.map((item) => moved(item, source)) };
  if (tree.kind === 'scalar') return { ...tree, place };
  const entries = [...tree.entries].map(
    ([name, entry]) => [name, { key: { ...entry.key, source }, value: moved(entry.value, source) }] as const,
  );
  return { ...tree, place, entries: new Map(entries) };
};

interface Assignment {
  steps: string[];
  value: Tree;
  source: Source;
  /** Where the first of `steps` begins in the flag. */
  offset: number;
  done: (string | number)[];
  root: Tree;
}

const assign = (tree: Tree | undefined, assignment: Assignment): { tree: Tree } | { problem: Problem } => {
  const [step, ...rest] = assignment.steps;
  if (step === undefined) return { tree: assignment.value };
  const place: Place = { source: assignment.source, offset: assignment.offset, length: Math.max(1, step.length) };
  const next = { ...assignment, steps: rest, offset: assignment.offset + step.length + 1 };
  if (step === '') return { problem: problemAt(place, { code: 'set', message: 'a name is missing in the path' }) };
  if (tree?.kind === 'list') return assignItem(tree.items, step, { ...next, steps: rest }, place);
  const map: Mapping = tree?.kind === 'map' ? tree : { kind: 'map', entries: new Map(), place };
  const entry = map.entries.get(step);
  if (rest.length === 0 && entry !== undefined && isWrittenNull(assignment.value)) return { tree: without(map, step) };
  const below = assign(entry?.value, { ...next, done: [...assignment.done, step] });
  if ('problem' in below) return below;
  const entries = new Map(map.entries).set(step, { key: entry?.key ?? place, value: below.tree });
  return { tree: { ...map, entries } };
};

/** Items are named by their number from 0; stages also by what they use. */
const assignItem = (
  items: Tree[],
  step: string,
  next: Assignment,
  place: Place,
): { tree: Tree } | { problem: Problem } => {
  const uses = items.map((item) => textAt(item, 'uses'));
  const index = /^\d+$/.test(step) ? Number(step) : uses.indexOf(step);
  const item = items[index];
  const list = showPath(next.root, next.done);
  if (item === undefined) {
    const names = uses.filter((name) => name !== undefined);
    const expected = [...(items.length === 0 ? [] : [`0 to ${items.length - 1}`]), ...names];
    const message = `${list} is a list of ${items.length}, and has no item ${step}`;
    return { problem: problemAt(place, { code: 'set', message, expected, suggestion: nearest(step, names) }) };
  }
  if (next.steps.length === 0 && isWrittenNull(next.value))
    return { tree: { kind: 'list', items: items.toSpliced(index, 1), place: item.place } };
  const below = assign(item, { ...next, done: [...next.done, index] });
  if ('problem' in below) return below;
  return { tree: { kind: 'list', items: items.with(index, below.tree), place: item.place } };
};
