/** Log, metrics and traces of a worker process, put together; what is off costs nothing and is not even loaded. */
import { Context } from '@temporalio/activity';
import {
  type ActivityInterceptorsFactory,
  makeTelemetryFilterString,
  Runtime,
  type RuntimeOptions,
} from '@temporalio/worker';
import type { Logger } from 'pino';
import { LbiError } from '../../core/errors.ts';
import type { Model } from '../../models/model.ts';
import type { EpisodeEntry, Progress } from '../../schemas/flow.ts';
import type { Plan } from '../../schemas/plan.ts';
import { type Counters, countersOf } from './counters.ts';
import { openLog, temporalLogger } from './log.ts';
import { type TelemetrySettings, telemetrySettings } from './settings.ts';
import type { Traces, Work } from './traces.ts';

export interface Telemetry {
  log: Logger;
  activities: ActivityInterceptorsFactory[];
  /** The same model, its calls counted and traced. */
  watched(model: Model, plan: Plan, name: string): Model;
  close(): Promise<void>;
}

/** Installs Temporal's runtime of this process; once, before anything else of Temporal. */
export async function openTelemetry(process: string): Promise<Telemetry> {
  const settings = telemetrySettings();
  const log = openLog(process);
  install(settings, log);
  const on = settings.prometheus !== undefined || settings.otlp !== undefined;
  const counters = on ? countersOf(Runtime.instance().metricMeter) : undefined;
  const traces = settings.otlp === undefined ? undefined : (await import('./traces.ts')).openTraces(settings.otlp, log);
  return {
    log,
    activities: counters === undefined ? [] : [watching(counters, traces)],
    watched: (model, plan, name) =>
      counters === undefined ? model : watchedModel(model, { plan, name, counters, traces }),
    close: async () => {
      const late = new Promise<void>((wake) => setTimeout(wake, 3000).unref());
      await Promise.race([traces?.close(), late]);
    },
  };
}

function install({ prometheus, otlp }: TelemetrySettings, log: Logger): void {
  const metrics = metricsOf({ prometheus, otlp });
  try {
    Runtime.install({
      logger: temporalLogger(log),
      shutdownSignals: [],
      telemetryOptions: {
        logging: { filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }), forward: {} },
        ...(metrics === undefined ? {} : { metrics }),
      },
    });
  } catch (cause) {
    if (prometheus === undefined) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new LbiError(
      'operator',
      `LBI_METRICS: nothing can listen at ${prometheus} (${why}); each worker needs an address of its own`,
      { cause },
    );
  }
}

type Metrics = NonNullable<NonNullable<RuntimeOptions['telemetryOptions']>['metrics']>;

function metricsOf({ prometheus, otlp }: TelemetrySettings): Metrics | undefined {
  if (prometheus !== undefined)
    return {
      prometheus: {
        bindAddress: prometheus,
        countersTotalSuffix: true,
        unitSuffix: true,
        useSecondsForDurations: true,
      },
    };
  if (otlp === undefined) return undefined;
  const { metrics: url, headers } = otlp;
  const every = Number(process.env.OTEL_METRIC_EXPORT_INTERVAL);
  const metricsExportInterval = every > 0 ? every : 15_000;
  return { otel: { url, http: true, headers, metricsExportInterval, useSecondsForDurations: true } };
}

const workOf = (context: Context): Work => {
  const { workflowExecution, activityId, activityType, attempt, taskQueue, currentAttemptScheduledTimestampMs } =
    context.info;
  return {
    workflowId: workflowExecution?.workflowId ?? '',
    activityId,
    activity: activityType,
    attempt,
    queue: taskQueue,
    scheduled: currentAttemptScheduledTimestampMs,
  };
};

const pipelineOf = (workflowId: string): string => workflowId.split('/')[0] ?? '';

/** Counts and traces every attempt of an activity. */
const watching =
  (counters: Counters, traces: Traces | undefined): ActivityInterceptorsFactory =>
  (context) => ({
    inbound: {
      execute: async (input, next) => {
        const work = workOf(context);
        const pipeline = pipelineOf(work.workflowId);
        const end = traces?.activity(work);
        try {
          const result = await next(input);
          counters.done(work.activity, input.args[0], pipeline);
          end?.();
          if (traces !== undefined) endRoots(traces, work, input.args[0]);
          return result;
        } catch (error) {
          counters.failed(work.activity, error, pipeline);
          end?.(error);
          throw error;
        }
      },
    },
  });

/** What ends with this activity: the episodes of a page, or the run. */
function endRoots(traces: Traces, { activity, workflowId }: Work, input: unknown): void {
  if (activity === 'record') traces.episodes(workflowId, (input as { entries: EpisodeEntry[] }).entries);
  if (activity === 'finish') traces.run(workflowId, (input as { summary: Progress }).summary.startedAt);
}

interface Watching {
  plan: Plan;
  name: string;
  counters: Counters;
  traces: Traces | undefined;
}

function watchedModel(model: Model, { plan, name, counters, traces }: Watching): Model {
  let calls = 0;
  return {
    ...model,
    complete: async (request, options) => {
      const labels = { pipeline: plan.spec.name, model: name, role: request.role };
      calls += 1;
      const end = traces?.model(workOf(Context.current()), labels, `${name}/${calls}`);
      try {
        const reply = await model.complete(request, options);
        counters.answered(labels, reply);
        end?.({ reply });
        return reply;
      } catch (error) {
        counters.refused(labels, error);
        end?.({ error });
        throw error;
      }
    },
  };
}
