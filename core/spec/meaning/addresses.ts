/** Passwords in addresses, written there or filled in from a variable. */
import { addressPassword } from '../secrets.ts';
import type { Path, Tree } from '../tree.ts';
import { type Check, report } from './report.ts';

export const checkAddresses = (check: Check): void => {
  for (const path of withPassword(check.tree, [])) {
    // Of the addresses of sources their own checks speak.
    if (path[0] === 'sources') continue;
    report(check, path, {
      code: 'secret',
      message: 'a password is part of this address, and would be kept with the plan of every run',
      fix: 'take it out; a model names its key as api_key: "${secret:NAME}"',
      hidden: true,
    });
  }
};

function* withPassword(tree: Tree | undefined, path: Path): Generator<Path> {
  if (tree?.kind === 'map') for (const [name, { value }] of tree.entries) yield* withPassword(value, [...path, name]);
  else if (tree?.kind === 'list')
    for (const [index, item] of tree.items.entries()) yield* withPassword(item, [...path, index]);
  else if (typeof tree?.value === 'string' && tree.value.search(addressPassword) >= 0) yield path;
}
