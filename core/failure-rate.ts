/** When failures of single items end a whole run. */
import type { FailureRule } from '../schemas/flow.ts';

/** Why the run must end, or undefined. @param what the items in words: `episodes` */
export function tooManyFailures(
  rule: FailureRule | undefined,
  what: string,
  failed: number,
  ended: number,
): string | undefined {
  if (rule === undefined || failed === 0) return undefined;
  if (rule.stop) return `one of the ${what} failed, and on_error is stop`;
  if (rule.rate === null || ended < rule.after || failed / ended <= rule.rate) return undefined;
  const share = Math.round((100 * failed) / ended);
  return `${failed} of ${ended} ${what} failed (${share} %), more than fail_if allows (${Math.round(100 * rule.rate)} %)`;
}
