/** What changes a pipeline from outside its base: a profile of the file, and --set flags. */
import { parseTree } from './parse.ts';
import { type Place, type Problem, problemAt, type Source } from './problem.ts';
import { nearest } from './suggest.ts';
import { entriesAt, type Mapping, showPath, type Tree, textAt } from './tree.ts';

/** Keys that say which variant a map is; another one has other keys. */
const variantKeys = ['provider', 'kind'];

/** Lays `over` on `under`: maps are merged key by key, unless they are of different variants; everything else is replaced. */
export const overlay = (under: Tree | undefined, over: Tree): Tree => {
  if (under?.kind !== 'map' || over.kind !== 'map' || isOtherVariant(under, over)) return over;
  const entries = new Map(under.entries);
  for (const [name, entry] of over.entries) {
    const before = entries.get(name);
    // The key stays where the file's base has it: a missing key is added there, not in the profile.
    entries.set(name, { key: before?.key ?? entry.key, value: overlay(before?.value, entry.value) });
  }
  return { ...under, entries };
};

const isOtherVariant = (under: Mapping, over: Mapping): boolean =>
  variantKeys.some((name) => {
    const [before, after] = [textAt(under, name), textAt(over, name)];
    return before !== undefined && after !== undefined && before !== after;
  });

/** The tree with a profile laid on it and `profiles` taken out; a problem when there is no such profile. */
export const applyProfile = (root: Tree, name: string | undefined): { tree: Tree; problems: Problem[] } => {
  if (root.kind !== 'map') return { tree: root, problems: [] };
  const profiles = entriesAt(root, 'profiles');
  const names = profiles.map(([known]) => known);
  const tree = without(root, 'profiles');
  if (name === undefined) return { tree, problems: [] };
  const chosen = profiles.find(([known]) => known === name)?.[1];
  if (chosen !== undefined) return { tree: overlay(tree, without(chosen.value, 'profiles')), problems: [] };
  const source: Source = { file: `--profile ${name}`, text: name };
  const problem = problemAt(
    { source, offset: 0, length: name.length },
    {
      code: 'profile',
      message: names.length === 0 ? 'this file has no profiles' : `there is no profile "${name}" in this file`,
      expected: names,
      suggestion: nearest(name, names),
    },
  );
  return { tree, problems: [problem] };
};

const without = (tree: Tree, name: string): Tree =>
  tree.kind === 'map' ? { ...tree, entries: new Map([...tree.entries].filter(([known]) => known !== name)) } : tree;

/** The tree with `path=value` flags applied in order; the values are YAML, and problems point into the flag. */
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
  const below = assign(item, { ...next, done: [...next.done, index] });
  if ('problem' in below) return below;
  return { tree: { kind: 'list', items: items.with(index, below.tree), place: item.place } };
};
