/** What of a module of the user's own every pipeline can say: its path, and the keys that the engine itself reads. */

import type { OwnPath } from '../own-module.ts';
import { Type } from '../type.ts';
import { key } from './key.ts';

/** The tag of such a variant: a path instead of a name. */
export const ownPath = (what: string, example: OwnPath) =>
  Type.Unsafe<OwnPath>(
    Type.String({
      ...key('output', `${what} of your own: a TypeScript or JavaScript module, relative to this file.`, { example }),
      pattern: '^\\.{0,2}/',
    }),
  );
