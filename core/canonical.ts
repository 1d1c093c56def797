/** One spelling for equal JSON values, so that equal things hash to equal identities. */
import type { Json } from '../schemas/common.ts';
import { LbiError } from './errors.ts';

/**
 * JSON with keys in code-unit order and no white space (RFC 8785). Properties that are `undefined` are left out, as when
 * the value is stored and read back. Throws `fatal` for NaN and infinities, which JSON cannot hold.
 */
export function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const members = Object.keys(value)
      .sort()
      .flatMap((key) => {
        const member = value[key];
        return member === undefined ? [] : [`${JSON.stringify(key)}:${canonical(member)}`];
      });
    return `{${members.join(',')}}`;
  }
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new LbiError('fatal', `${value} has no JSON form, so nothing that contains it can be identified.`);
  }
  return JSON.stringify(value);
}
