/** An outlook as a person reads it: what runs and why, then what it costs, then what to do next. */
import type { Change } from '../../core/changes.ts';
import type { Estimate } from '../../core/estimate.ts';
import { program } from '../home.ts';
import { amount, duration, money, paint } from '../progress.ts';
import type { AccountOutlook, Outlook, StageOutlook, StageStatus } from './outlook.ts';

const marks: Record<StageStatus, string> = { reuse: '=', again: '~', new: '+', off: '-' };
const colours = { reuse: 'dim', again: 'yellow', new: 'green', off: 'dim' } as const;

/** `12`, or `~72 (51–94)` where it is not exact. */
export function number(value: Estimate): string {
  const { low, likely, high, basis } = value;
  if (basis === 'exact' && low === high) return amount(likely);
  return low === high ? `~${amount(likely)}` : `~${amount(likely)} (${amount(low)}–${amount(high)})`;
}

const tokens = ({ likely, basis }: Estimate): string =>
  likely === 0 ? '0' : `${basis === 'exact' ? '' : '~'}${amount(Math.round(likely))}`;

export const dollars = (usd: number): string => {
  if (usd >= 1000) return `$${Math.round(usd).toLocaleString('en')}`;
  return usd >= 0.01 ? `$${usd.toFixed(2)}` : money(usd);
};

const times = ({ low, high, likely }: Estimate): string =>
  likely < 1 ? '–' : low === high ? duration(likely * 1000) : `${duration(low * 1000)} – ${duration(high * 1000)}`;

/** How long ago, in the largest unit. */
export function ago(since: string, now: number): string {
  const minutes = Math.max(0, Math.round((now - Date.parse(since)) / 60_000));
  if (minutes < 1) return 'just now';
  if (minutes < 60) return `${minutes} min ago`;
  const hours = Math.round(minutes / 60);
  if (hours < 48) return `${hours} h ago`;
  return `${Math.round(hours / 24)} days ago`;
}

function done({ status, reused, todo, unit, accounts }: StageOutlook): string {
  if (status === 'off') return 'off';
  if (accounts.length === 0) return status === 'reuse' ? 'the same again' : 'made anew';
  if (todo.high === 0) return `reuse ${amount(reused)} ${unit}`;
  return `${number(todo)} ${unit} to do${reused > 0 ? `, reuse ${amount(reused)}` : ''}`;
}

const mostReasons = 6;

function stageLines(stage: StageOutlook): string[] {
  const { status, reasons } = stage;
  const head = `  ${marks[status]} ${stage.stage.padEnd(10)} ${done(stage).padEnd(44)}`;
  const [first = '', ...rest] = reasons.slice(0, mostReasons);
  const more = reasons.length > mostReasons ? [`${reasons.length - mostReasons} more: --json`] : [];
  return [
    `${paint(colours[status], head)} ${first}`.trimEnd(),
    ...[...rest, ...more].map((line) => `${' '.repeat(head.length)} ${line}`),
  ];
}

const columns = [24, 24, 9, 9, 9, 9, 9] as const;
const cells = (values: string[]): string =>
  `  ${values.map((value, at) => (at === 0 ? value.padEnd(columns[0]) : value.padStart(columns[at] ?? 0))).join(' ')}`;

const usdCells = (usd: Estimate | null): string[] =>
  usd === null ? ['?', '?', '?'] : [dollars(usd.low), dollars(usd.likely), dollars(usd.high)];

const accountLine = ({ account, calls, input, output, usd }: AccountOutlook): string =>
  `${cells([account, number(calls), tokens(input), tokens(output), ...usdCells(usd)])}  ${paint('dim', calls.basis)}`;

function costLines({ stages, total }: Outlook): string[] {
  const asked = stages.flatMap(({ accounts }) => accounts).filter(({ calls }) => calls.high > 0);
  if (asked.length === 0) return ['  no model will be asked'];
  const cached = total.usdUncached > total.usd.likely * 1.02;
  return [
    paint('dim', cells(['', 'calls', 'in tok', 'out tok', 'low', 'likely', 'high'])),
    ...asked.map(accountLine),
    paint(
      'bold',
      cells(['total', number(total.calls), tokens(total.input), tokens(total.output), ...usdCells(total.usd)]),
    ),
    ...(cached ? [`  without prompt cache: ${dollars(total.usdUncached)}`] : []),
  ];
}

const percent = (chance: number): string =>
  chance < 0.01 ? 'no danger' : chance > 0.99 ? 'it will pause there' : `${Math.round(chance * 100)} % chance to pause`;

function budgetLines({ budget, total }: Outlook): string[] {
  const { usd, tokens: most, hours } = budget;
  return [
    ...(usd === undefined ? [] : [`budget $${usd.cap}: ${percent(usd.chance)}`]),
    ...(most === undefined ? [] : [`budget ${amount(most.cap)} tokens: ${percent(most.chance)}`]),
    ...(hours === undefined ? [] : [`budget ${hours.cap} h: ${percent(hours.chance)}`]),
    ...(usd === undefined && total.usd.high > 0 ? ['no budget is set: budget: { usd: … } caps it'] : []),
  ].map((line) => `  ${line}`);
}

/** Which model is priced how, in one line. */
function priceLine({ prices, stages }: Outlook): string[] {
  const asked = new Set(
    stages.flatMap(({ accounts }) => accounts.filter(({ calls }) => calls.high > 0).map(({ model }) => model)),
  );
  const words = {
    list: 'list price',
    pipeline: 'price of the file',
    free: 'free',
    'own-server': 'own server',
    unknown: 'unknown',
  };
  const each = Object.entries(words).flatMap(([source, word]) => {
    const models = prices.models.filter((price) => price.source === source && asked.has(price.model));
    return models.length === 0 ? [] : [`${word}: ${models.map(({ model }) => model).join(', ')}`];
  });
  return each.length === 0 ? [] : [`  prices as of ${prices.asOf} (${each.join('; ')})`];
}

const quiet = (changes: Change[]): string[] => {
  const harmless = changes.filter(({ path }) => !/^filter\.(?:committee|duplicates)\b/.test(path));
  const texts = harmless.slice(0, 4).map(({ text }) => text);
  const more = harmless.length > 4 ? [`${harmless.length - 4} more`] : [];
  return texts.length === 0 ? [] : [paint('dim', `  changes nothing: ${[...texts, ...more].join('; ')}`)];
};

const origin = ({ measuredIn, total }: Outlook): string[] => {
  if (total.calls.basis === 'exact' || total.calls.high === 0) return [];
  return [
    paint(
      'dim',
      `  exact: counted on what is in the store; measured: ${measuredIn === null ? 'nothing yet' : `as it was in ${measuredIn}`}; assumed: from the bounds of the file`,
    ),
  ];
};

/** @param file as typed, for the next command */
export function planLines(outlook: Outlook, file: string, now: number): string[] {
  const { pipeline, against, stages, total, warnings, work } = outlook;
  const compared = against === null ? 'never run here' : `against ${against.run} (${ago(against.createdAt, now)})`;
  return [
    `${paint('bold', pipeline)}  ${compared}`,
    '',
    ...stages.flatMap(stageLines),
    ...quiet(outlook.ineffective),
    '',
    ...costLines(outlook),
    ...budgetLines(outlook),
    ...(total.seconds.likely >= 1 ? [`  time ${times(total.seconds)}  ${paint('dim', total.seconds.basis)}`] : []),
    ...(total.kept.high > 0 ? [`  examples accepted: ${number(total.kept)}`] : []),
    ...priceLine(outlook),
    ...origin(outlook),
    ...warnings.map((warning) => paint('yellow', `  ! ${warning}`)),
    '',
    work ? `  next  ${program} run ${file}` : `  nothing to do: ${program} run ${file} gives the same dataset again`,
  ];
}

/** What `lbi run` says before it starts: one line a stage that has something to do, and the sum. */
export function shortLines({ stages, total, budget, warnings }: Outlook): string[] {
  const lines = stages
    .filter(({ status, accounts }) => accounts.length > 0 && status !== 'off')
    .map((stage) => {
      const [reason] = stage.status === 'reuse' ? [] : stage.reasons;
      return `  ${marks[stage.status]} ${stage.stage.padEnd(10)} ${done(stage)}${reason === undefined ? '' : paint('dim', `  ${reason}`)}`;
    });
  const capped = budget.usd === undefined ? '' : `, budget $${budget.usd.cap}: ${percent(budget.usd.chance)}`;
  const cost =
    total.calls.high === 0
      ? 'no model will be asked'
      : `${number(total.calls)} calls, ${costWords(total.usd)}${capped}`;
  return [...lines, `  ${cost}`, ...warnings.map((warning) => paint('yellow', `  ! ${warning}`)), ''];
}

/** `$0`, `about $13 (up to $21)`. */
export function costWords({ likely, high }: Estimate): string {
  if (high === 0) return '$0';
  return likely === high ? dollars(likely) : `about ${dollars(likely)} (up to ${dollars(high)})`;
}
