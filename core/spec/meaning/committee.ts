/** The committee: a rule that can be met, members that exist, and a warning when a model judges its own work. */
import { nearest } from '../suggest.ts';
import { at, entriesAt, itemsAt, type Path, type Tree, textAt } from '../tree.ts';
import { type Check, report } from './report.ts';

/** Providers whose models say how sure they are of a yes. */
const withProbability = ['local', 'openai', 'scripted'];

interface Member {
  name: string;
  spec: Tree;
}

/** Checks the committee of each filter stage. */
export const checkCommittees = (check: Check): void => {
  itemsAt(check.tree, 'stages').forEach((stage, index) => {
    if (textAt(stage, 'uses') !== 'filter') return;
    const path: Path = ['stages', index, 'committee'];
    const names = itemsAt(stage, 'committee', 'members').flatMap((item) =>
      item.kind === 'scalar' && typeof item.value === 'string' ? [item.value] : [],
    );
    const members = names.flatMap((name): Member[] => {
      const spec = at(check.tree, 'models', name);
      return spec === undefined ? [] : [{ name, spec }];
    });
    checkRule(check, path, names, members);
    if (names.length > 0 && members.length === names.length) checkIndependence(check, path, members);
  });
};

const checkRule = (check: Check, path: Path, names: string[], members: Member[]): void => {
  const needed = numberAt(check.tree, ...path, 'accept', 'at_least');
  if (needed !== undefined && names.length > 0 && needed > names.length) {
    report(check, [...path, 'accept', 'at_least'], {
      code: 'committee',
      message: `${needed} members must agree, but the committee has ${names.length}: nothing would ever be kept`,
      fix: `use ${names.length} or less, or add members`,
    });
  }
  checkWeights(check, path, names);
  if (at(check.tree, ...path, 'accept', 'confidence') === undefined) return;
  const silent = members.filter(({ spec }) => !withProbability.includes(textAt(spec, 'provider') ?? 'local'));
  if (silent.length === 0) return;
  const all = silent.length === members.length;
  report(check, [...path, 'accept', 'confidence'], {
    code: 'committee',
    severity: 'warning',
    message: `${listed(silent)} ${silent.length > 1 ? 'do' : 'does'} not say how sure ${silent.length > 1 ? 'they are' : 'it is'}: a yes counts 1, a no 0`,
    fix: all ? 'with such members use accept: unanimous, majority or { at_least: … }' : undefined,
  });
};

const checkWeights = (check: Check, path: Path, names: string[]): void => {
  const weights = entriesAt(check.tree, ...path, 'accept', 'weights');
  for (const [name] of weights.filter(([known]) => !names.includes(known))) {
    const words = {
      code: 'unknown-name',
      message: `"${name}" is no member of this committee`,
      expected: names,
      suggestion: nearest(name, names),
    } as const;
    report(check, [...path, 'accept', 'weights', name], words, 'key');
  }
  const weightOf = (name: string): number => numberAt(check.tree, ...path, 'accept', 'weights', name) ?? 1;
  if (weights.length === 0 || names.some((name) => weightOf(name) > 0)) return;
  report(
    check,
    [...path, 'accept', 'weights'],
    {
      code: 'committee',
      message: 'every member weighs 0: nothing would ever be kept',
      fix: 'give at least one member a weight above 0',
    },
    'key',
  );
};

const checkIndependence = (check: Check, path: Path, members: Member[]): void => {
  if (members.some(({ spec }) => textAt(spec, 'provider') === 'scripted')) return;
  const place = [...path, 'members'];
  const judged = ['construct', 'interact'].flatMap((uses) => {
    const stage = itemsAt(check.tree, 'stages').find((item) => textAt(item, 'uses') === uses);
    const spec = at(check.tree, 'models', textAt(stage, 'model') ?? '');
    const same = members.filter((member) => spec !== undefined && sameModel(member.spec, spec));
    return same.length === 0 ? [] : [`${listed(same)} judges what the same model made in ${uses}`];
  });
  const families = new Set(members.map(({ spec }) => family(spec)));
  const alone =
    members.length === 1 ? 'the committee has one member' : `all members are of one family (${[...families].join('')})`;
  const reasons = [...(families.size === 1 ? [alone] : []), ...(judged.length === 0 ? [] : [judged[0] ?? ''])];
  if (reasons.length === 0) return;
  report(
    check,
    place,
    {
      code: 'committee',
      severity: 'warning',
      message: `${reasons.join(', and ')}: models prefer their own work`,
      fix: 'name members of two or more model families, best without the writer',
    },
    'key',
  );
};

const sameModel = (one: Tree, other: Tree): boolean =>
  textAt(one, 'provider') === textAt(other, 'provider') && textAt(one, 'model') === textAt(other, 'model');

/** `claude`, `gemini`, `gpt`, `qwen` …: the letters that a model's name begins with. */
const family = (spec: Tree): string => {
  const model = (textAt(spec, 'model') ?? '').toLowerCase().split('/').at(-1) ?? '';
  if (textAt(spec, 'provider') === 'openai' && at(spec, 'base_url') === undefined) return 'openai';
  return /^[a-z]+/.exec(model)?.[0] ?? model;
};

const listed = (members: Member[]): string => members.map(({ name }) => name).join(' and ');

const numberAt = (tree: Tree, ...path: Path): number | undefined => {
  const node = at(tree, ...path);
  return node?.kind === 'scalar' && typeof node.value === 'number' ? node.value : undefined;
};
