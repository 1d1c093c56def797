/** The limits of the queues as a table for people. */

import type { Standing } from '../limits.ts';
import { amount, duration, paint } from '../progress.ts';

const shown = (value: number): string => (value >= 10_000 ? amount(value) : String(Math.round(value * 10) / 10));

export function limitsLines(standings: readonly Standing[], now: number): string[] {
  const head = ['model', 'rpm', 'tpm', 'in flight', 'now', 'calls', 'tokens', 'refused', 'waiting'];
  const rows = standings.map((one) => [
    one.names.join(', '),
    setOr(one, 'rpm'),
    setOr(one, 'tpm'),
    `${one.lastMinute === null ? '?' : one.lastMinute.inFlight} of ${one.concurrency}${one.set.concurrency === undefined ? '' : '*'}`,
    one.callsPerMinute === null ? 'open' : one.callsPerMinute === 0 ? 'paused' : `${shown(one.callsPerMinute)}/min`,
    ...(one.lastMinute === null
      ? ['?', '?', '?']
      : [shown(one.lastMinute.calls), shown(one.lastMinute.tokens), shown(one.lastMinute.refused)]),
    shown(one.waiting),
  ]);
  const widths = head.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `  ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ')}`;
  const workers = Math.max(0, ...standings.map((one) => one.workers));
  return [
    paint('dim', line(head)),
    ...rows.map(line),
    '',
    ...standings.flatMap((one) => reasons(one, now).map((reason) => `  ${one.names[0] ?? one.queue}: ${reason}`)),
    `  ${workers === 1 ? '1 worker' : `${workers} workers`}; calls, tokens and refused are of the last minute, over all of them`,
    ...(standings.some(({ set }) => Object.keys(set).length > 0)
      ? ['  * set by lbi limits; --reset goes back to the pipeline’s']
      : []),
  ];
}

const setOr = ({ set, declared }: Standing, name: 'rpm' | 'tpm'): string => {
  const value = set[name] ?? declared[name];
  return value === undefined ? '–' : `${shown(value)}${set[name] === undefined ? '' : '*'}`;
};

/** Why the pace is what it is, where that is not what was declared. */
function reasons({ foreign, pace, callsPerMinute }: Standing, now: number): string[] {
  if (foreign) return ['its rate was set by something else than lbi, and is left alone; --reset takes it over'];
  const { limit, at, until, told, search } = pace;
  const lines: string[] = [];
  if (until !== undefined && until > now) lines.push(`the provider asks to wait ${duration(until - now)} more`);
  if (told !== undefined) lines.push(`the provider says it allows ${shown(told)} calls a minute`);
  if (limit !== undefined && at !== undefined && callsPerMinute !== null)
    lines.push(
      search === true
        ? `it was refused ${duration(now - at)} ago; its limit is being searched for`
        : `it was last refused ${duration(now - at)} ago, at ${shown(limit * 60)} calls a minute`,
    );
  return lines;
}
