/** How workflows call activities: one line per call, with its queue, its time-outs and a summary for people. */
import {
  ActivityFailure,
  ApplicationFailure,
  proxyActivities,
  type RetryPolicy,
  TemporalFailure,
  TimeoutFailure,
  uuid4,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../schemas/activities.ts';
import type { CallPatience, Flow, PaidStage } from '../schemas/flow.ts';

interface CallOptions {
  /** one line in the Temporal UI, at most 200 bytes */
  summary?: string;
  queue?: string;
  /** seconds one attempt may take */
  seconds?: number;
  /** seconds without a sign of life after which the worker counts as lost */
  heartbeat?: number;
  /** seconds until a pinned worker must have taken the task */
  pickup?: number;
  /** hours until the call is given up for good, retries and waiting included */
  hours?: number;
  retry?: RetryPolicy;
  /** 1 goes first, 5 last */
  priority?: number;
}

/** Retries of work that is worth waiting for. */
export const patient: RetryPolicy = {
  initialInterval: '1s',
  backoffCoefficient: 2,
  maximumInterval: '60s',
  maximumAttempts: 60,
};

/** At most 200 bytes of a line, as the server accepts. */
export const oneLine = (text: string): string => {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length > 90 ? `${line.slice(0, 88)}…` : line;
};

/**
 * Activities are numbered from 1 in every execution. In an episode that continued as new they are named otherwise: by workflow and activity
 * is told who asked for a reply, and who therefore pays (activities/failures.ts).
 */
const named = (): { activityId?: string } => {
  const { workflowType, continuedFromExecutionRunId } = workflowInfo();
  return workflowType === 'episode' && continuedFromExecutionRunId !== undefined ? { activityId: uuid4() } : {};
};

/** The activity of that name under these options: `call('act', {…})(input)`. */
export function call<N extends keyof Activities>(name: N, options: CallOptions = {}): Activities[N] {
  const activities = proxyActivities<Activities>({
    ...named(),
    startToCloseTimeout: (options.seconds ?? 120) * 1000,
    scheduleToCloseTimeout: (options.hours ?? 72) * 3600_000,
    heartbeatTimeout: (options.heartbeat ?? 15) * 1000,
    retry: options.retry ?? patient,
    ...(options.pickup === undefined ? {} : { scheduleToStartTimeout: options.pickup * 1000 }),
    ...(options.queue === undefined ? {} : { taskQueue: options.queue }),
    ...(options.summary === undefined ? {} : { summary: oneLine(options.summary) }),
    ...(options.priority === undefined ? {} : { priority: { priorityKey: options.priority } }),
  });
  return activities[name];
}

/** Options of a call that reads or writes files where the run was started. */
export const inTree = ({ queues: { files } }: Flow): CallOptions => (files === undefined ? {} : { queue: files });

/** What is nearest to a finished example goes first. */
const priorities: Record<PaidStage, number> = { instruct: 4, interact: 2, construct: 2, filter: 1 };

/** Options of a model call: its queue is the provider's, its patience the stage's. */
export const modelCall = (flow: Flow, stage: PaidStage, queue: string, summary: string): CallOptions => {
  const patience = flow.calls?.[stage];
  return {
    queue,
    summary,
    priority: priorities[stage],
    seconds: patience?.seconds ?? flow.timing.modelSeconds,
    heartbeat: flow.timing.heartbeatSeconds,
    ...(patience === undefined ? {} : { retry: retryOf(patience) }),
  };
};

const retryOf = ({ attempts, firstWait, longestWait }: CallPatience): RetryPolicy => ({
  initialInterval: firstWait * 1000,
  backoffCoefficient: 2,
  maximumInterval: Math.max(firstWait, longestWait) * 1000,
  maximumAttempts: attempts,
});

/** Options of a call on the worker that holds the session: taken soon or the worker is lost; never run twice blindly. */
export const pinnedCall = (flow: Flow, queue: string, summary: string): CallOptions => ({
  queue,
  summary,
  seconds: flow.timing.stepSeconds,
  pickup: flow.timing.lostAfterSeconds,
  heartbeat: flow.timing.heartbeatSeconds,
  priority: 1,
  retry: { maximumAttempts: 1 },
});

/** The kind of house error behind a failed activity (`operator`, `session-lost`, …), or `timeout`, or undefined. */
export function failureKind(error: unknown): string | undefined {
  if (!(error instanceof ActivityFailure)) return undefined;
  if (error.cause instanceof TimeoutFailure) return 'timeout';
  if (error.cause instanceof ApplicationFailure) return error.cause.type ?? undefined;
  return undefined;
}

/** What happened, in words: the innermost message. */
export function failureMessage(error: unknown): string {
  let inner: unknown = error;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  if (inner instanceof TimeoutFailure) return `timed out (${inner.timeoutType})`;
  return inner instanceof Error ? inner.message : String(inner);
}

/** A failure that ends the workflow: an error that nobody foresaw would otherwise be retried by the server for ever, unseen. */
export function bounded(error: unknown): Error {
  if (error instanceof TemporalFailure) return error;
  return ApplicationFailure.create({
    message: `unexpected: ${failureMessage(error)}`,
    type: 'unexpected',
    nonRetryable: true,
    ...(error instanceof Error ? { cause: error } : {}),
  });
}
