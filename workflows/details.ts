/** A run as the Temporal UI shows it: the funnel, the cost, what failed, what is blocked since when. */
import { setCurrentDetails } from '@temporalio/workflow';
import { failureClasses } from '../core/failure-class.ts';
import type { Progress } from '../schemas/flow.ts';

const dollars = (usd: number): string => `$${usd.toFixed(usd < 1 ? 4 : 2)}`;

export const moment = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;

/** A row of a table. The UI draws cells without any space between them: each ends in one of its own. */
const row = (...cells: (string | number)[]): string =>
  `| ${cells.map((cell) => `${typeof cell === 'number' ? grouped(cell) : cell}\u2003`).join(' | ')} |`;

const grouped = (number: number): string => String(number).replaceAll(/\B(?=(\d{3})+(?!\d))/g, ',');

interface Named {
  pipeline: string;
  run: string;
}

/** Reasons that are listed. */
const mostReasons = 20;

/** All of a run's progress but what is named workflow by workflow: it is drawn after every report. */
export type Outline = Omit<Progress, 'blocked'>;

export function runDetails({ pipeline, run }: Named, progress: Outline): void {
  const { funnel, phase, pausedAt, inFlight, waiting, dataset, recent } = progress;
  const lanes = progress.concurrency === undefined ? '' : ` of at most ${progress.concurrency}`;
  const failed = Object.entries(failureClasses).flatMap(([name, says]) => {
    const number = Object.entries(funnel.failures ?? {}).find(([known]) => known === name)?.[1] ?? 0;
    return number > 0 ? [`- failed: ${number} × ${name} (${says})`] : [];
  });
  const lines = [
    `**${pipeline}** · run ${run} · ${phase}${pausedAt == null ? '' : ' · **paused**'}`,
    ...(pausedAt == null ? [] : ['', `paused since ${moment(pausedAt)}; \`lbi resume ${run}\` goes on`]),
    '',
    row('documents', 'tasks', 'episodes', 'windows', 'judged', 'accepted'),
    `|---|---|---|---|---|---|`,
    row(
      `${funnel.documents} of ${funnel.documentsTotal}`,
      `${funnel.tasks} (${funnel.taskDuplicates} duplicates dropped)`,
      `${funnel.episodes} done, ${inFlight}${lanes} in flight, ${waiting} waiting`,
      funnel.windows,
      funnel.voted,
      `**${grouped(funnel.kept)}**`,
    ),
    '',
    ...costTable(progress),
    '',
    ...Object.entries(funnel.dropped).map(([reason, number]) => `- dropped before the vote: ${number} × ${reason}`),
    ...failed,
    ...(failed.length > 0 ? [`- which, and why: \`lbi failures ${run}\`; again: \`lbi retry ${run}\``] : []),
    ...waitLines(progress, run),
    ...(dataset === null ? [] : ['', `dataset: ${dataset.kept} examples in \`${dataset.folder ?? dataset.rows}\``]),
    '',
    // Indented lines would belong to a list above them.
    ...(recent.length === 0 ? [] : ['```', ...recent.map((line) => line.replaceAll('`', "'")), '```']),
  ];
  setCurrentDetails(lines.join('\n'));
}

function costTable({ usage, funnel }: Outline): string[] {
  const each = (usd: number): string => (funnel.kept > 0 ? dollars(usd / funnel.kept) : '–');
  const rows = Object.entries(usage).map(([account, used]) =>
    row(account, used.calls, used.input, used.cached, used.output, dollars(used.usd), each(used.usd)),
  );
  return [
    row('model calls', 'calls', 'input', 'cached', 'output', 'cost', 'per accepted example'),
    `|---|---|---|---|---|---|---|`,
    ...rows,
  ];
}

function waitLines({ waits = [] }: Outline, run: string): string[] {
  const lines = waits
    .slice(0, mostReasons)
    .map(
      ({ on, count, since, next }) =>
        `- **blocked** since ${moment(since)}, ${count} ×: ${on} (mend it, then \`lbi resume ${run}\`${next === null ? '' : '; tried again by itself as well'})`,
    );
  return waits.length > mostReasons ? [...lines, `- … and ${waits.length - mostReasons} more reasons`] : lines;
}
