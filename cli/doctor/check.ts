/** A finding of `lbi doctor`, and its line. */

import { LbiError } from '../../core/errors.ts';
import type { Finding } from '../../environments/environment.ts';
import { SetupError } from '../../setup/screen.mjs';
import { paint } from '../progress.ts';

/** `needed` ones make the command fail when they are missing. */
export interface Check extends Finding {
  needed: boolean;
}

export const check = (what: string, ok: boolean, detail: string, fix?: string, needed = true): Check => ({
  ...{ what, ok, needed, detail },
  ...(fix !== undefined && !ok && { fix }),
});

/** Looks for something that may throw a SetupError, and turns that into a line of its own. */
export async function found(what: string, look: () => Promise<Check>): Promise<Check> {
  return look().catch((error) => {
    if (error instanceof SetupError) return check(what, false, error.message, error.fix);
    throw error;
  });
}

/** The error of the house as a line; a bug is thrown on. */
export function wrong(what: string, error: unknown, fix?: string): Check {
  if (error instanceof LbiError) return check(what, false, error.message, fix);
  throw error;
}

/** The column where details begin: wide enough for all names, as far as a line has room. */
export const widthFor = (checks: Check[]): number =>
  Math.min(28, Math.max(17, ...checks.map(({ what }) => what.length)));

/** Later lines of a detail stand below its first. */
export function line({ what, ok, needed, detail, fix }: Check, width: number): string {
  const mark = ok ? paint('green', '✓') : needed ? paint('red', '✗') : '·';
  const [first = '', ...more] = detail.split('\n');
  const margin = ' '.repeat(width + 3);
  return [
    `${mark} ${what.padEnd(width)} ${first}`,
    ...more.slice(0, 4).map((text) => `${margin}${text}`),
    ...(ok || fix === undefined ? [] : [`${margin}→ ${fix}`]),
  ].join('\n');
}
