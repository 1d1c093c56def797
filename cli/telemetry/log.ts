/** The log of the background processes: one JSON object a line, with run, task and activity; `lbi logs` makes it readable. */
import { writeSync } from 'node:fs';
import type { LogLevel, LogMetadata } from '@temporalio/common';
import type { Logger as TemporalLogger } from '@temporalio/worker';
import { type Logger, pino } from 'pino';
import { LbiError } from '../../core/errors.ts';
import { formsOf } from '../../models/conceal.ts';
import { environmentFile } from '../home.ts';
import { type Level, levels } from './levels.ts';

const isLevel = (text: string): text is Level => levels.some((level) => level === text);

/** The level of `LBI_LOG`; throws a spec error that lists the levels when it is none of them. */
export function logLevel(text = process.env.LBI_LOG): Level {
  const wanted = text === undefined || text === '' ? 'info' : text.toLowerCase();
  if (isLevel(wanted)) return wanted;
  throw new LbiError('spec', `LBI_LOG is "${text}"; expected one of ${levels.join(', ')}`);
}

const secretName = /key|token|secret|password|passwd|credential|headers/i;
/** Settings that may stand in `.env` as well, and that messages have to name. */
const setting = /^(LBI|TEMPORAL|OTEL)_/;

/**
 * Replaces the values of secrets (variables with such a name, and all of `.env`) wherever they stand, in every form in which they travel.
 * Nothing ought to log them; a provider that repeats a key in its error does.
 */
export function secretMask(): (text: string) => string {
  const named = Object.entries(process.env).filter(([name]) => secretName.test(name));
  let values: string[] = [];
  let readAt = 0;
  return (text) => {
    if (Date.now() - readAt > 5000) {
      readAt = Date.now();
      const own = Object.entries(environmentFile()).filter(([name]) => !setting.test(name) || secretName.test(name));
      // Several keys in one variable are separated by commas, and may be repeated one by one.
      const all = [...named, ...own].flatMap(([, value = '']) => [value, ...value.split(',')]);
      const long = all.filter((value) => value.length >= 8);
      values = [...new Set(long.flatMap(formsOf))].toSorted((a, b) => b.length - a.length);
    }
    return values.reduce((masked, value) => masked.replaceAll(value, '***'), text);
  };
}

/** A full disk or a closed terminal must not stop the work: what cannot be written is lost. */
function write(line: string): void {
  try {
    writeSync(2, line);
  } catch {}
}

/** A logger that writes lines to stderr, which is the log file of a background process. */
export function openLog(process: string, level: Level = logLevel(), out: (line: string) => void = write): Logger {
  const mask = secretMask();
  const options = {
    level,
    base: { process },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return pino(options, { write: (line) => out(mask(line)) });
}

/** Milliseconds in which the same message of Temporal's core is written once: while a server is away it repeats itself every second. */
const repeatAfter = 30_000;

/** What every worker says of itself at its start, and means nothing here. */
const noise =
  /^(No (Nexus services|workflows) registered|Worker state changed|Error in custom slot supplier.*no longer needed)/;

const quiet = (meta: LogMetadata | undefined): boolean => meta?.sdkComponent === 'core';

/** Temporal's messages in this log, with its ids under the names that the rest uses. */
export function temporalLogger(log: Logger): TemporalLogger {
  const last = new Map<string, number>();
  const put = (level: LogLevel, message: string, meta?: LogMetadata): void => {
    if (quiet(meta)) {
      const now = Date.now();
      if (now - (last.get(message) ?? 0) < repeatAfter) return;
      if (last.size > 200) last.clear();
      last.set(message, now);
    }
    if (noise.test(message)) return;
    log[level.toLowerCase() as Lowercase<LogLevel>](fieldsOf(meta), message);
  };
  return {
    log: put,
    trace: (message, meta) => put('TRACE', message, meta),
    debug: (message, meta) => put('DEBUG', message, meta),
    info: (message, meta) => put('INFO', message, meta),
    warn: (message, meta) => put('WARN', message, meta),
    error: (message, meta) => put('ERROR', message, meta),
  };
}

/** `pipeline/RUN/TASK`, the workflow id of an episode; a run's own has no task. */
export function idsOf(workflowId: string): { run: string; task?: string } {
  const [, run = workflowId, task] = workflowId.split('/');
  return task === undefined ? { run } : { run, task };
}

interface Said {
  workflowId?: unknown;
  activityType?: unknown;
  activityId?: unknown;
  attempt?: unknown;
  taskQueue?: unknown;
  sdkComponent?: unknown;
  error?: unknown;
}

function fieldsOf(meta: LogMetadata | undefined): object {
  const { workflowId, activityType, activityId, attempt, taskQueue, sdkComponent, error } = (meta ?? {}) as Said;
  return {
    ...(sdkComponent === undefined ? {} : { from: sdkComponent }),
    ...(typeof workflowId === 'string' && workflowId !== '' ? idsOf(workflowId) : {}),
    ...(activityType === undefined ? {} : { activity: activityType, activityId, attempt }),
    ...(taskQueue === undefined ? {} : { queue: taskQueue }),
    ...(error === undefined ? {} : { error: wordsOf(error) }),
  };
}

/** An error in a line: its message and those behind it; stacks only of what nobody foresaw. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error).slice(0, 2000);
  const unforeseen = error.message.startsWith('unexpected:') && error.stack !== undefined;
  const text = unforeseen ? (error.stack ?? '') : error.message;
  const behind = error.cause instanceof Error ? ` ← ${error.cause.message}` : '';
  return `${text}${behind}`.slice(0, 2000);
}
