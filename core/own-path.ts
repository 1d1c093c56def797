/** Telling a module of the user's own from a name: it is written as a path. */
import type { OwnPath } from '../schemas/own-module.ts';

export const isOwnPath = (text: string | undefined): text is OwnPath => text !== undefined && /^\.{0,2}\//.test(text);

/** True for the part of a spec whose tag is a path. */
export const isOwn = <T extends { uses: string } | { kind: string } | { provider: string }>(
  spec: T,
): spec is Extract<T, { uses: OwnPath } | { kind: OwnPath } | { provider: OwnPath }> =>
  isOwnPath('uses' in spec ? spec.uses : 'kind' in spec ? spec.kind : spec.provider);
