/** `lbi logs`: what the background processes wrote, in order of time, of one run or of all; readable, or as it lies for machines. */
import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { styleText } from 'node:util';
import { openStore } from '../store/stores.ts';
import { homeFolder, program, storeUrl } from './home.ts';
import { findRun } from './runs.ts';
import { type Level, levels } from './telemetry/levels.ts';

export interface LogsOptions {
  follow?: boolean;
  json?: boolean;
  /** the least level that is shown */
  level?: Level;
  lines?: number;
}

/** Fields that have a place of their own in a line. */
interface Line {
  level?: string;
  time?: string;
  process?: string;
  run?: string;
  task?: string;
  activity?: string;
  attempt?: number;
  msg?: string;
  error?: string;
  [more: string]: unknown;
}

const names = ['supervisor', 'worker'];
/** Milliseconds between two looks for what was added. */
const lookEvery = 400;

export async function logsCommand(run: string | undefined, options: LogsOptions): Promise<number> {
  const home = homeFolder();
  const wanted =
    run === undefined ? undefined : (await findRun(await openStore(storeUrl(), { readOnly: true }), run)).run;
  const keep = (text: string): boolean => isWanted(text, wanted, options.level ?? 'info');
  const show = (texts: string[]): void => {
    const kept = texts.filter(keep);
    if (kept.length > 0) process.stdout.write(`${kept.map(options.json === true ? asJson : readable).join('\n')}\n`);
  };
  const offsets = new Map<string, number>();
  for (const name of names) offsets.set(name, (await stat(path(home, name)).catch(() => ({ size: 0 }))).size);
  const before = (await Promise.all(names.map((name) => written(home, name)))).flat().filter(keep);
  const sorted = before.toSorted((a, b) => (timeOf(a) < timeOf(b) ? -1 : 1));
  show(sorted.slice(-(options.lines ?? 200)));
  if (options.follow !== true) {
    if (sorted.length === 0)
      process.stderr.write(
        `nothing is logged here yet${wanted === undefined ? '' : ` of ${wanted}`}; ${program} up starts the processes\n`,
      );
    return 0;
  }
  let left = false;
  process.once('SIGINT', () => {
    left = true;
  });
  while (!left) {
    await sleep(lookEvery);
    for (const name of names) show(await added(home, name, offsets));
  }
  return 0;
}

const path = (home: string, name: string): string => join(home, `${name}.log`);
const linesOf = (text: string): string[] => text.split('\n').filter((line) => line.trim() !== '');

/** Whole lines of a log and of the older half that was moved aside. */
async function written(home: string, name: string): Promise<string[]> {
  const read = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '');
  return linesOf(`${await read(`${path(home, name)}.1`)}\n${await read(path(home, name))}`);
}

/** Whole lines since the last look; a log that became shorter was moved aside and begins anew. */
async function added(home: string, name: string, offsets: Map<string, number>): Promise<string[]> {
  const size = (await stat(path(home, name)).catch(() => ({ size: 0 }))).size;
  const from = offsets.get(name) ?? 0;
  const start = size < from ? 0 : from;
  if (size === start) return [];
  const file = await open(path(home, name), 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start);
    const whole = buffer.subarray(0, bytesRead).lastIndexOf(0x0a) + 1;
    offsets.set(name, start + whole);
    return linesOf(buffer.subarray(0, whole).toString());
  } finally {
    await file.close();
  }
}

/** A line that is not JSON was written by a process that fell over, or by Node. */
function parsed(text: string): Line {
  try {
    const line: unknown = JSON.parse(text);
    if (typeof line === 'object' && line !== null) return line as Line;
  } catch {}
  return { level: 'error', msg: text };
}

const timeOf = (text: string): string => parsed(text).time ?? '';

function isWanted(text: string, run: string | undefined, level: Level): boolean {
  const line = parsed(text);
  if (run !== undefined && line.run !== run) return false;
  const rank = (name: string): number => levels.indexOf(name as Level);
  return rank(line.level ?? 'info') >= rank(level);
}

const asJson = (text: string): string => JSON.stringify(parsed(text));

const tint = (style: Parameters<typeof styleText>[0], text: string): string =>
  styleText(style, text, { stream: process.stdout });
const colors = { trace: 'dim', debug: 'dim', info: 'cyan', warn: 'yellow', error: 'red' } as const;

function readable(text: string): string {
  const { level = 'info', time, process: from, run, task, activity, attempt, msg, error, ...more } = parsed(text);
  if (time === undefined) return text;
  const color = colors[level as keyof typeof colors] ?? 'red';
  const where = [run, task, activity].filter((part) => part !== undefined).join(' ');
  const again = typeof attempt === 'number' && attempt > 1 ? ` (attempt ${attempt})` : '';
  const rest = Object.entries(more)
    .filter(([name]) => !['activityId', 'queue', 'from'].includes(name))
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const said = [msg, error === undefined ? undefined : `: ${error}`].filter((part) => part !== undefined).join('');
  return [
    tint('dim', `${time.slice(0, 10)} ${time.slice(11, 19)}`),
    tint(color, level.padEnd(5)),
    `${from ?? ''}${where === '' ? '' : ` ${where}${again}`}`,
    `${said}${rest.length === 0 ? '' : tint('dim', `  ${rest.join(' ')}`)}`,
  ].join('  ');
}
