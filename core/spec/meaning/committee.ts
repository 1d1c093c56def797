/** The committee: a rule that can be met, members that exist, and a warning when a model judges its own work. */
import { at, entriesAt, itemsAt, numberAt, type Path, type Tree, textAt } from '../tree.ts';
import { type Check, report } from './report.ts';

/** Providers whose models say how sure they are of a yes. */
const withProbability = ['local', 'openai', 'scripted'];

/** A member as it is written: a plain name, or a map. */
interface Member {
  name: string;
  model: string;
  /** path of a prompt of its own */
  prompt: string | undefined;
  weight: number;
  optional: boolean;
  path: Path;
}

/** A member whose model exists. */
interface Known extends Member {
  spec: Tree;
}

/** Checks the committee of each filter stage. */
export const checkCommittees = (check: Check): void => {
  itemsAt(check.tree, 'stages').forEach((stage, index) => {
    if (textAt(stage, 'uses') !== 'filter') return;
    const path: Path = ['stages', index, 'committee'];
    const members = itemsAt(stage, 'committee', 'members').flatMap((item, at) =>
      memberOf(item, [...path, 'members', at]),
    );
    const known = members.flatMap((member): Known[] => {
      const spec = at(check.tree, 'models', member.model);
      return spec === undefined ? [] : [{ ...member, spec }];
    });
    checkMembers(check, path, members);
    checkRule(check, path, members, known);
    checkCriteria(check, path);
    if (members.length > 0 && known.length === members.length) checkIndependence(check, path, known);
  });
};

const memberOf = (item: Tree, path: Path): Member[] => {
  const model = textAt(item) ?? textAt(item, 'model');
  if (model === undefined) return [];
  return [
    {
      name: textAt(item, 'name') ?? model,
      model,
      prompt: textAt(item, 'prompt'),
      weight: numberAt(item, 'weight') ?? 1,
      optional: flagAt(item, 'optional'),
      path,
    },
  ];
};

/** Members have names of their own, are different voters, and are not all optional. */
const checkMembers = (check: Check, path: Path, members: Member[]): void => {
  const voters = new Set<string>();
  const names = new Set<string>();
  for (const member of members) {
    const voter = JSON.stringify([member.model, member.prompt]);
    if (voters.has(voter)) {
      report(check, member.path, {
        code: 'committee',
        message: `${member.name} is asked the same as another member: the same model with the same prompt always votes alike`,
        fix: 'give it a prompt: of its own, or let one of them count more with weight:',
      });
    } else if (names.has(member.name)) {
      report(check, member.path, {
        code: 'committee',
        message: `two members are called "${member.name}"`,
        fix: 'give one of them another name: { model: …, name: strict-judge, prompt: … }',
      });
    }
    voters.add(voter);
    names.add(member.name);
  }
  if (members.length === 0 || members.some(({ optional }) => !optional)) return;
  report(
    check,
    [...path, 'members'],
    {
      code: 'committee',
      message: 'every member is optional: when all fail there is nobody to decide',
      fix: 'leave out `optional: true` for at least one member',
    },
    'key',
  );
};

const checkRule = (check: Check, path: Path, members: Member[], known: Known[]): void => {
  const needed = numberAt(check.tree, ...path, 'accept', 'at_least');
  if (needed !== undefined && members.length > 0 && needed > members.length) {
    report(check, [...path, 'accept', 'at_least'], {
      code: 'committee',
      message: `${needed} members must agree, but the committee has ${members.length}: nothing would ever be kept`,
      fix: `use ${members.length} or less, or add members`,
    });
  }
  checkWeights(check, path, members);
  if (at(check.tree, ...path, 'accept', 'confidence') === undefined) return;
  const silent = known.filter(({ spec }) => !withProbability.includes(textAt(spec, 'provider') ?? 'local'));
  if (silent.length === 0) return;
  const all = silent.length === known.length;
  report(check, [...path, 'accept', 'confidence'], {
    code: 'committee',
    severity: 'warning',
    message: `${listed(silent)} ${silent.length > 1 ? 'do' : 'does'} not say how sure ${silent.length > 1 ? 'they are' : 'it is'}: a yes counts 1, a no 0`,
    fix: all ? 'with such members use accept: unanimous, majority, { at_least: … } or { share: … }' : undefined,
  });
};

/** Weights are of use where the rule weighs, and there not all 0. */
const checkWeights = (check: Check, path: Path, members: Member[]): void => {
  const weighs = ['share', 'confidence'].some((rule) => at(check.tree, ...path, 'accept', rule) !== undefined);
  const weighted = members.find(({ path: own }) => at(check.tree, ...own, 'weight') !== undefined);
  if (weighted === undefined) return;
  if (!weighs) {
    report(check, [...weighted.path, 'weight'], {
      code: 'committee',
      severity: 'warning',
      message: 'weights count under accept: { share: … } and { confidence: … } only; this rule counts heads',
    });
  } else if (members.every(({ weight }) => weight === 0)) {
    report(
      check,
      [...path, 'members'],
      {
        code: 'committee',
        message: 'every member weighs 0: nothing would ever be kept',
        fix: 'give at least one member a weight above 0',
      },
      'key',
    );
  }
};

const checkCriteria = (check: Check, path: Path): void => {
  const criteria = entriesAt(check.tree, ...path, 'criteria');
  const share = at(check.tree, ...path, 'passes', 'share') !== undefined;
  const weighted = criteria.find(([, { value }]) => at(value, 'weight') !== undefined);
  if (weighted !== undefined && !share) {
    report(check, [...path, 'criteria', weighted[0], 'weight'], {
      code: 'committee',
      severity: 'warning',
      message: 'weights of criteria count under passes: { share: … } only; here every criterion must be answered yes',
    });
  }
  if (share && criteria.length > 0 && criteria.every(([, { value }]) => numberAt(value, 'weight') === 0)) {
    report(
      check,
      [...path, 'criteria'],
      {
        code: 'committee',
        message: 'every criterion weighs 0: nothing would ever be kept',
        fix: 'give at least one criterion a weight above 0',
      },
      'key',
    );
  }
  if (textAt(check.tree, ...path, 'reasons') === 'one' && criteria.some(([name]) => name === 'reason')) {
    report(
      check,
      [...path, 'criteria', 'reason'],
      {
        code: 'committee',
        message: 'with `reasons: one` no criterion can be called "reason": the reason has that name',
        fix: 'rename it',
      },
      'key',
    );
  }
};

const checkIndependence = (check: Check, path: Path, members: Known[]): void => {
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

const listed = (members: Pick<Member, 'name'>[]): string => members.map(({ name }) => name).join(' and ');

const flagAt = (tree: Tree, ...path: Path): boolean => {
  const node = at(tree, ...path);
  return node?.kind === 'scalar' && node.value === true;
};
