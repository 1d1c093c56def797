/** How a run looks in a terminal: one line per stage, in place; plain lines elsewhere. */
import { styleText } from 'node:util';
import { failureClasses } from '../core/failure-class.ts';
import { addUsage, noUsage } from '../core/usage.ts';
import type { Usage } from '../schemas/common.ts';
import type { FailureClass, FailureCounts, Progress } from '../schemas/flow.ts';

/** Whether colours are wanted on stderr, decided once (NO_COLOR, FORCE_COLOR, TERM). */
const colours =
  process.env.FORCE_COLOR !== undefined ||
  (process.stderr.isTTY === true && process.env.NO_COLOR === undefined && process.env.TERM !== 'dumb');

export const paint = (style: Parameters<typeof styleText>[0], text: string): string =>
  colours ? styleText(style, text, { validateStream: false }) : text;

export const money = (usd: number): string => (usd === 0 ? '$0' : `$${usd.toFixed(usd < 1 ? 4 : 2)}`);

export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes}m ${String(seconds % 60).padStart(2, '0')}s`
    : `${Math.floor(minutes / 60)}h ${String(minutes % 60).padStart(2, '0')}m`;
}

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
export const amount = (number: number): string => (number < 10_000 ? String(number) : compact.format(number));

/** Usage by the part of the account before the slash: the stage. */
export function usageByStage(usage: Record<string, Usage>): Map<string, Usage> {
  const stages = new Map<string, Usage>();
  for (const [account, used] of Object.entries(usage)) {
    const stage = account.split('/')[0] ?? account;
    stages.set(stage, addUsage(stages.get(stage) ?? noUsage, used));
  }
  return stages;
}

export const totalUsd = (usage: Record<string, Usage>): number =>
  Object.values(usage).reduce((sum, used) => sum + used.usd, 0);

function bar(done: number, total: number, width = 16): string {
  const filled = total === 0 ? 0 : Math.min(width, Math.round((done / total) * width));
  return `${'█'.repeat(filled)}${'░'.repeat(width - filled)}`;
}

const spent = (used: Usage | undefined): string =>
  used === undefined || used.calls === 0
    ? ''
    : `${amount(used.calls)} calls, ${amount(used.input + used.output)} tokens, ${money(used.usd)}`;

/** Time left by the pace of documents and episodes so far; a guess that is marked as one. */
export function timeLeft({ funnel, startedAt, inFlight, waiting, phase, pausedAt }: Progress, now: number): string {
  if (phase !== 'running' || pausedAt != null || funnel.episodes === 0 || funnel.documents === 0) return '';
  const expected = (funnel.documentsTotal / funnel.documents) * (funnel.episodes + inFlight + waiting);
  const left = ((now - startedAt) / funnel.episodes) * Math.max(0, expected - funnel.episodes);
  return left < 1000 ? '' : `about ${duration(left)} left`;
}

/** `8 infrastructure, 2 judge` */
export const classWords = (counts: FailureCounts): string =>
  (Object.keys(failureClasses) as FailureClass[])
    .flatMap((name) => ((counts[name] ?? 0) > 0 ? [`${counts[name]} ${name}`] : []))
    .join(', ');

/** The phase, or that it is paused. */
export const stateWord = ({ phase, pausedAt }: Progress): string => (pausedAt == null ? phase : 'paused');

/** What holds the run up, one line for each reason, however many episodes wait for it. */
export function waitLines({ waits, blocked, pausedAt }: Progress, now: number): string[] {
  const paused = pausedAt == null ? [] : [`paused ${duration(now - pausedAt)}: nothing new is begun until lbi resume`];
  // A run of an earlier version tells ids and no times.
  const known =
    waits?.map(({ on, count, since }) => `${count > 1 ? `${count} ` : ''}blocked ${duration(now - since)}: ${on}`) ??
    Object.entries(blocked).map(([id, on]) => `${id} waits: ${on}`);
  return [...paused, ...known];
}

/** The live picture. In a narrow terminal the cost of each stage is left out: the first line has the sum. */
export function liveLines(title: string, progress: Progress, now = Date.now(), columns = 120): string[] {
  const wide = columns >= 112;
  const { funnel, inFlight, waiting, usage } = progress;
  const stages = usageByStage(usage);
  const tasks = funnel.episodes + inFlight + waiting;
  const more = funnel.documents < funnel.documentsTotal ? '~' : '';
  const rows: [string, number, number, string, string][] = [
    [
      'instruct',
      funnel.documents,
      funnel.documentsTotal,
      `${funnel.tasks} tasks, ${funnel.taskDuplicates} duplicates`,
      spent(stages.get('instruct')),
    ],
    [
      'interact',
      funnel.episodes,
      tasks,
      `${inFlight}${progress.concurrency === undefined ? '' : `/${progress.concurrency}`} in flight, ${funnel.steps} actions`,
      spent(stages.get('interact')),
    ],
    [
      'construct',
      funnel.windows,
      funnel.windows,
      `${funnel.windows} windows, ${sum(funnel.dropped)} dropped early`,
      spent(stages.get('construct')),
    ],
    ['filter', funnel.kept, funnel.voted, `kept ${funnel.kept} of ${funnel.voted} judged`, spent(stages.get('filter'))],
  ];
  const lines = rows.map(([name, done, total, what, cost]) => {
    const count = name === 'interact' ? `${done}/${more}${total}` : `${done}/${total}`;
    return ` ${name.padEnd(10)} ${paint('cyan', bar(done, total, wide ? 16 : 12))} ${count.padEnd(9)} ${wide ? `${what.padEnd(34)} ${paint('dim', cost)}` : cut(what, columns - 36)}`;
  });
  const head = [
    paint('bold', title),
    stateWord(progress),
    duration((progress.endedAt ?? now) - progress.startedAt),
    money(totalUsd(usage)),
    timeLeft(progress, now),
  ];
  const failed = classWords(funnel.failures ?? {});
  const failures = failed === '' ? [] : [paint('red', cut(` ✘ failed: ${failed}`, columns - 1))];
  const blocked = waitLines(progress, now)
    .slice(0, mostWaits)
    .map((line) => paint('yellow', cut(` ! ${line}`, 2 * columns)));
  const recent = progress.recent.slice(-5).map((line) => paint('dim', cut(`   ${line}`, columns - 1)));
  return [head.filter(Boolean).join('  '), ...lines, ...failures, ...blocked, ...recent];
}

/** Reasons that the live picture has room for. */
const mostWaits = 5;

const cut = (text: string, most: number): string =>
  text.length <= most ? text : `${text.slice(0, Math.max(1, most - 1))}…`;

const sum = (counts: Record<string, number>): number =>
  Object.values(counts).reduce((total, number) => total + number, 0);

/** One line for logs and pipes. */
export function plainLine(progress: Progress, now = Date.now()): string {
  const { funnel, usage, inFlight, startedAt, endedAt, blocked } = progress;
  const [waits] = Object.values(blocked);
  const failed = classWords(funnel.failures ?? {})
    .replaceAll(/(\d+) (\w+)(?:, )?/g, '$2:$1,')
    .replace(/,$/, '');
  return [
    new Date(now).toISOString(),
    stateWord(progress),
    `documents=${funnel.documents}/${funnel.documentsTotal}`,
    `tasks=${funnel.tasks}`,
    `episodes=${funnel.episodes}`,
    `in_flight=${inFlight}`,
    `windows=${funnel.windows}`,
    `judged=${funnel.voted}`,
    `kept=${funnel.kept}`,
    `usd=${totalUsd(usage).toFixed(4)}`,
    `elapsed=${duration((endedAt ?? now) - startedAt).replaceAll(' ', '')}`,
    ...(failed === '' ? [] : [`failed=${failed}`]),
    ...(waits === undefined ? [] : [`waits=${JSON.stringify(waits)}`]),
  ].join(' ');
}
