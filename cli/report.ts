/** What a run made, in words: the funnel, why things were dropped, what it cost, where the dataset is. */

import { failureClasses } from '../core/failure-class.ts';
import type { DatasetSummary, Progress } from '../schemas/flow.ts';
import type { CallLedger } from '../schemas/ledger.ts';
import { program } from './home.ts';
import { amount, duration, money, paint, stateWord, totalUsd } from './progress.ts';
import type { RunRecord } from './runs.ts';

const percent = (part: number, whole: number): string => (whole === 0 ? '–' : `${Math.round((100 * part) / whole)} %`);

export function reportLines(record: RunRecord, progress: Progress, now = progress.endedAt ?? Date.now()): string[] {
  const { funnel, dataset } = progress;
  const outcomes = Object.entries(funnel.outcomes).map(([outcome, number]) => `${number} ${outcome}`);
  const lines = [
    paint('bold', `${record.pipeline}  ${record.run}  ${stateWord(progress)}`),
    '',
    row(
      'documents',
      `${funnel.documents}`,
      [
        ...(funnel.documents < funnel.documentsTotal ? [`of ${funnel.documentsTotal}`] : []),
        ...((funnel.documentsFailed ?? 0) > 0
          ? [`${funnel.documentsFailed} gave no tasks: the model call failed`]
          : []),
      ].join(', '),
    ),
    row('tasks', `${funnel.tasks}`, `${funnel.taskDuplicates} more were duplicates`),
    row(
      'trajectories',
      `${funnel.episodes}`,
      [
        ...outcomes,
        `${funnel.steps} actions`,
        ...(funnel.episodesReused > 0 ? [`${funnel.episodesReused} reused`] : []),
        ...((funnel.attemptsRecalled ?? 0) > 0 ? [`${funnel.attemptsRecalled} walked before`] : []),
      ].join(', '),
    ),
    row('windows', `${funnel.windows}`, ''),
    ...(funnel.voted === 0 && funnel.kept > 0
      ? [row('examples', `${funnel.kept}`, 'no committee judged them')]
      : [
          row('judged', `${funnel.voted}`, 'instructions written for windows and put to the committee'),
          row('accepted', `${funnel.kept}`, `${percent(funnel.kept, funnel.voted)} of the judged`),
        ]),
  ];
  if (dataset !== null) lines.push(row('kept', `${dataset.kept}`, `in the dataset: ${sides(dataset)}`));
  lines.push(
    '',
    ...unexpectedLines(progress),
    ...dropLines(progress),
    ...absentLines(progress),
    ...failureLines(record, progress),
    ...costLines(progress),
    ...timeLines(progress, now),
  );
  return lines;
}

/** `6 train, 1 test`; the validation split where there is one. */
const sides = ({ train, validation = 0, test }: DatasetSummary): string =>
  [`${train} train`, ...(validation > 0 ? [`${validation} validation`] : []), `${test} test`].join(', ');

const row = (name: string, number: string, note: string): string =>
  `  ${name.padEnd(14)}${number.padStart(6)}   ${paint('dim', note)}`;

function dropLines({ funnel, dataset }: Progress): string[] {
  const early = Object.entries(funnel.dropped).map(([reason, number]) => ({
    reason: `before the vote: ${reason}`,
    number,
  }));
  const late = Object.entries(dataset?.dropped ?? {}).map(([reason, number]) => ({ reason, number }));
  const all = [...early, ...late].sort((a, b) => b.number - a.number);
  if (funnel.unreadable > 0)
    all.push({
      reason: 'model replies that could not be read (counted, never taken for a yes)',
      number: funnel.unreadable,
    });
  return all.length === 0
    ? []
    : ['  dropped, and why', ...all.map(({ reason, number }) => `  ${String(number).padStart(6)}   ${reason}`), ''];
}

/** What the pipeline expects of a run and did not get. */
const unexpectedLines = ({ dataset }: Progress): string[] => {
  const lines = (dataset?.unexpected ?? []).map((line) => paint('yellow', `  ! not as expected: ${line}`));
  return lines.length === 0 ? [] : [...lines, ''];
};

const absentLines = ({ dataset }: Progress): string[] => {
  const entries = Object.entries(dataset?.absent ?? {});
  const lines = entries.map(([reason, number]) => `  ${String(number).padStart(6)}   ${reason}`);
  return lines.length === 0 ? [] : ['  votes not cast', ...lines, ''];
};

/** Failed items by class: none of them counts as a no. */
function failureLines({ run }: RunRecord, { funnel }: Progress): string[] {
  const counts: Record<string, number> = funnel.failures ?? {};
  const lines = Object.entries(failureClasses).flatMap(([name, says]) =>
    (counts[name] ?? 0) > 0 ? [`  ${String(counts[name]).padStart(6)}   ${name.padEnd(16)}${paint('dim', says)}`] : [],
  );
  const retried = (funnel.retried ?? 0) > 0 ? [`  ${String(funnel.retried).padStart(6)}   were tried again`] : [];
  if (lines.length === 0) return retried.length === 0 ? [] : [...retried, ''];
  const next = paint('dim', `  which  ${program} failures ${run}    again  ${program} retry ${run}`);
  return ['  failed', ...lines, ...retried, next, ''];
}

/** What each stage and model cost, in all and for each example that was kept; before the dataset is there, that was accepted. */
function costLines({ usage, funnel, dataset }: Progress): string[] {
  const entries = Object.entries(usage).filter(([, used]) => used.calls > 0);
  if (entries.length === 0) return ['  no model was asked', ''];
  const kept = dataset?.kept ?? funnel.kept;
  const each = (usd: number): string =>
    kept > 0 && totalUsd(usage) > 0 ? `  ${money(usd / kept).padStart(8)} per example` : '';
  const lines = entries.map(
    ([account, used]) =>
      `  ${account.padEnd(24)} ${String(used.calls).padStart(6)} calls  ${amount(used.input).padStart(7)} in (${amount(used.cached)} cached)  ${amount(used.output).padStart(7)} out  ${money(used.usd).padStart(8)}${each(used.usd)}`,
  );
  const sum = `  ${'total'.padEnd(24)} ${money(totalUsd(usage))}`;
  const per =
    kept > 0 ? `, ${money(totalUsd(usage) / kept)} per ${dataset === null ? 'accepted' : 'kept'} example` : '';
  return ['  model calls', ...lines, `${sum}${per}`, ''];
}

/** Calls that the costs above do not tell of: those whose reply was lost, and those whose result no task of the run has. */
export function ledgerLines({ paid, lost }: CallLedger, { usage, endedAt }: Progress): string[] {
  const without = Object.entries(lost).map(([account, number]) => `${account} ${number}`);
  const total = Object.values(lost).reduce((sum, number) => sum + number, 0);
  const unused = Object.entries(paid).flatMap(([account, { calls, usd }]) => {
    const more = calls - (usage[account]?.calls ?? 0);
    return endedAt === null || more <= 0 ? [] : [`${account} ${more} (${money(usd - (usage[account]?.usd ?? 0))})`];
  });
  return [
    ...(total === 0
      ? []
      : [`  ${total} calls ended without a reply that the provider may charge for: ${without.join(', ')}`]),
    ...(unused.length === 0 ? [] : [`  paid besides, for tasks that did not end: ${unused.join(', ')}`]),
  ];
}

const timeLines = ({ startedAt, endedAt, firstKeptAt }: Progress, now: number): string[] => [
  `  ${endedAt === null ? 'so far' : 'took'} ${duration(now - startedAt)}${firstKeptAt === null ? '' : `, the first accepted example after ${duration(firstKeptAt - startedAt)}`}`,
];
