/** The one place that turns errors of the house into Temporal failures, and that keeps a sign of life going while work runs. */
import { hostname } from 'node:os';
import { Context } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory, CancelledFailure } from '@temporalio/common';
import { LbiError, ModelError } from '../core/errors.ts';
import { temporal } from '../temporal.config.ts';

/** Kinds that Temporal retries by itself; the others come back to the workflow at once. */
const retried = new Set(['rate-limited', 'transient']);

/** Where something is missing: said where there may be several machines. */
const machine = temporal.external === undefined ? '' : ` (on the machine ${process.env.LBI_HOST ?? hostname()})`;

/** A failure that a person reading the Temporal UI understands: type = kind, message = what happened and what to do. */
export function toFailure(error: unknown): unknown {
  if (error instanceof ApplicationFailure || error instanceof CancelledFailure) return error;
  if (!(error instanceof LbiError)) return unexpected(error);
  return ApplicationFailure.create({
    message: `${error.message.slice(0, 1400)}${error.kind === 'operator' ? machine : ''}`,
    type: error.kind,
    nonRetryable: endsHere(error),
    // Zero would be a retry without any pause: then the pause is the stage's own.
    ...(error.retryAfterMs === undefined || error.retryAfterMs <= 0 ? {} : { nextRetryDelay: error.retryAfterMs }),
    ...(error.kind === 'rate-limited' ? { category: ApplicationFailureCategory.BENIGN } : {}),
  });
}

const endsHere = (error: LbiError): boolean => {
  if (error.kind === 'module') return isLastTry();
  const tries = error instanceof ModelError ? error.tries : 1;
  return !retried.has(error.kind) && Context.current().info.attempt >= tries;
};

/** Attempts after which an error that nobody foresaw (a bug) is given up: the same code will fail again. */
const unexpectedAttempts = 4;

const isLastTry = (): boolean => Context.current().info.attempt >= unexpectedAttempts;

function unexpected(error: unknown): ApplicationFailure {
  const message = error instanceof Error ? error.message : String(error);
  const failure = ApplicationFailure.create({
    message: `unexpected: ${message}`.slice(0, 1500),
    type: 'unexpected',
    nonRetryable: isLastTry(),
  });
  if (error instanceof Error && error.stack !== undefined) failure.stack = error.stack;
  return failure;
}

/** Wraps an activity: heartbeats by timer from the start, errors translated. */
export function alive<I, O>(work: (input: I) => Promise<O>): (input: I) => Promise<O> {
  return async (input) => {
    const context = Context.current();
    const every = Math.max(250, (context.info.heartbeatTimeoutMs ?? 15_000) / 3);
    context.heartbeat();
    const timer = setInterval(() => context.heartbeat(), every);
    try {
      return await work(input);
    } catch (error) {
      throw toFailure(error);
    } finally {
      clearInterval(timer);
    }
  };
}

/** Where the work is done, so that a retry of the same call is told from another call: `<workflow id>/<activity id>`. */
export const caller = (): string => {
  const { workflowExecution, activityId } = Context.current().info;
  return `${workflowExecution?.workflowId ?? 'none'}/${activityId}`;
};

/** When this try was put into its queue, by the server's clock, in milliseconds since the epoch. */
export const queuedAt = (): number => Context.current().info.currentAttemptScheduledTimestampMs;

export const cancelled = (): AbortSignal => Context.current().cancellationSignal;
