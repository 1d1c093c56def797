/** Two members of a committee that are one model: the second vote says what the first has said. */
import { at, entriesAt, itemsAt, type Path, type Tree, textAt, toJson } from '../tree.ts';
import { type Check, report } from './report.ts';

/** Keys of a model that do not change its answers. */
const silent = new Set(['limits', 'price', 'timeout', 'api_key', 'threads', 'delay', 'retry']);

/** Warns at the second of two members with the same model, settings and prompt. */
export const checkTwins = (check: Check): void => {
  itemsAt(check.tree, 'stages').forEach((stage, index) => {
    const seen = new Map<string, string>();
    itemsAt(stage, 'committee', 'members').forEach((member, at) => {
      const voter = voterOf(check, member);
      if (voter === undefined) return;
      const first = seen.get(voter.identity);
      if (first === undefined) seen.set(voter.identity, voter.name);
      else if (first !== voter.name) warn(check, ['stages', index, 'committee', 'members', at], first, voter.name);
    });
  });
};

const warn = (check: Check, path: Path, first: string, second: string): void =>
  report(check, path, {
    code: 'committee',
    severity: 'warning',
    message: `${second} is the same model as ${first}, asked in the same way: it votes as ${first} does, and is paid for again`,
    fix: 'name another model, or leave one of the two out',
  });

interface Voter {
  name: string;
  identity: string;
}

/** Who a member is: its model's settings and what is its own; undefined where that cannot be known. */
const voterOf = (check: Check, member: Tree): Voter | undefined => {
  const name = textAt(member) ?? textAt(member, 'model');
  const model = name === undefined ? undefined : at(check.tree, 'models', name);
  if (name === undefined || model === undefined || textAt(model, 'provider') === 'scripted') return undefined;
  const settings = entriesAt(model).filter(([key]) => !silent.has(key));
  const own = entriesAt(member).filter(([key]) => !['model', 'name', 'weight'].includes(key));
  const facts = [...settings, ...own].map(([key, { value }]) => [key, toJson(value)]);
  return {
    name,
    identity: JSON.stringify(facts.toSorted(([one], [other]) => (String(one) < String(other) ? -1 : 1))),
  };
};
