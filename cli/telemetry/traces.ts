/**
 * Traces: one for each episode and one for each run, a span for every attempt of an activity and for every model call. Their ids follow
 * from workflow and activity ids, so that nothing has to travel through histories, and workers with and without tracing may be mixed.
 */
import { createHash } from 'node:crypto';
import {
  type Attributes,
  DiagLogLevel,
  diag,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, TraceIdRatioBasedSampler, TracerProvider } from '@opentelemetry/sdk-trace';
import type { Logger } from 'pino';
import type { ModelReply } from '../../models/model.ts';
import type { EpisodeEntry } from '../../schemas/flow.ts';
import { version } from '../version.ts';
import type { ModelLabels } from './counters.ts';
import { kindOf } from './counters.ts';
import { idsOf, secretMask } from './log.ts';
import type { TelemetrySettings } from './settings.ts';

export interface Work {
  workflowId: string;
  activityId: string;
  activity: string;
  attempt: number;
  queue: string;
  /** when the server put it into its queue, in milliseconds */
  scheduled: number;
}

export interface Traces {
  /** A span for one attempt of an activity; ends when `end` is called, with the error if there was one. */
  activity(work: Work): (error?: unknown) => void;
  model(work: Work, labels: ModelLabels, id: string): (outcome: { reply: ModelReply } | { error: unknown }) => void;
  /** The root spans of episodes that have ended. */
  episodes(run: string, entries: EpisodeEntry[]): void;
  /** The root span of a run that has ended. */
  run(workflowId: string, startedAt: number): void;
  close(): Promise<void>;
}

const hex = (text: string, length: number): string => createHash('sha256').update(text).digest('hex').slice(0, length);
const traceOf = (workflowId: string): string => hex(`trace ${workflowId}`, 32);
const rootOf = (workflowId: string): string => hex(`root ${workflowId}`, 16);
const spanOf = ({ workflowId, activityId, attempt }: Work): string => hex(`${workflowId}/${activityId}/${attempt}`, 16);

/** Episodes whose beginning this worker has seen, at most so many. */
const remembered = 20_000;

export function openTraces({ service }: NonNullable<TelemetrySettings['otlp']>, log: Logger): Traces {
  const say = (message: string): void => log.warn({ from: 'opentelemetry' }, message.slice(0, 500));
  const quiet = (): void => {};
  diag.setLogger({ error: say, warn: quiet, info: quiet, debug: quiet, verbose: quiet }, DiagLogLevel.ERROR);
  const mask = secretMask();
  let next = { trace: '', span: '' };
  const provider = new TracerProvider({
    resource: defaultResource().merge(
      resourceFromAttributes({ 'service.name': service, 'service.version': version() }),
    ),
    idGenerator: { generateTraceId: () => next.trace, generateSpanId: () => next.span },
    sampler: new TraceIdRatioBasedSampler(ratio()),
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter() })],
  });
  const tracer = provider.getTracer('lbi', version());
  const begin = (
    { workflowId, span, parent }: { workflowId: string; span: string; parent?: string },
    name: string,
    options: { kind: SpanKind; startTime?: number; attributes: Attributes },
  ): Span => {
    const traceId = traceOf(workflowId);
    next = { trace: traceId, span };
    const above = parent === undefined ? ROOT_CONTEXT : aboveOf(traceId, parent);
    return tracer.startSpan(name, options, above);
  };
  const fail = (span: Span, error: unknown): void => {
    const message = mask(error instanceof Error ? error.message : String(error)).slice(0, 500);
    span.setAttribute('error.type', kindOf(error));
    span.setStatus({ code: SpanStatusCode.ERROR, message });
  };
  const seen = new Map<string, number>();
  return {
    activity: (work) => {
      const { workflowId, activity, attempt, queue, scheduled } = work;
      if (!seen.has(workflowId)) {
        if (seen.size >= remembered) seen.clear();
        seen.set(workflowId, scheduled);
      }
      const attributes = { ...idAttributes(workflowId), 'lbi.attempt': attempt, 'lbi.queue': queue };
      const waited = { 'lbi.waited_ms': Math.max(0, Date.now() - scheduled) };
      const ids = { workflowId, span: spanOf(work), parent: rootOf(workflowId) };
      const span = begin(ids, activity, { kind: SpanKind.CONSUMER, attributes: { ...attributes, ...waited } });
      return (error) => {
        if (error !== undefined) fail(span, error);
        span.end();
      };
    },
    model: (work, { pipeline, model, role }, id) => {
      const attributes = { ...idAttributes(work.workflowId), 'lbi.pipeline': pipeline, 'lbi.role': role };
      const genAi = { 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': model };
      const ids = { workflowId: work.workflowId, span: hex(`${spanOf(work)}/${id}`, 16), parent: spanOf(work) };
      const span = begin(ids, `chat ${model}`, { kind: SpanKind.CLIENT, attributes: { ...attributes, ...genAi } });
      return (outcome) => {
        if ('error' in outcome) fail(span, outcome.error);
        else {
          const { usage, stop, model: answered } = outcome.reply;
          span.setAttributes({
            'gen_ai.response.model': answered,
            'gen_ai.response.finish_reasons': [stop],
            'gen_ai.usage.input_tokens': usage.input,
            'gen_ai.usage.output_tokens': usage.output,
            'lbi.usd': usage.usd,
          });
        }
        span.end();
      };
    },
    episodes: (run, entries) => {
      for (const { id, outcome, steps, kept } of entries) {
        const workflowId = `${run}/${id}`;
        const startTime = seen.get(workflowId) ?? Date.now();
        seen.delete(workflowId);
        const attributes = {
          ...idAttributes(workflowId),
          'lbi.outcome': outcome,
          'lbi.steps': steps,
          'lbi.kept': kept,
        };
        const ids = { workflowId, span: rootOf(workflowId) };
        begin(ids, 'episode', { kind: SpanKind.INTERNAL, startTime, attributes }).end();
      }
    },
    run: (workflowId, startTime) => {
      const ids = { workflowId, span: rootOf(workflowId) };
      begin(ids, 'run', { kind: SpanKind.INTERNAL, startTime, attributes: idAttributes(workflowId) }).end();
    },
    close: () => provider.shutdown().catch(() => undefined),
  };
}

const aboveOf = (traceId: string, spanId: string) =>
  trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true });

const idAttributes = (workflowId: string): Attributes => {
  const { run, task } = idsOf(workflowId);
  return {
    temporalWorkflowID: workflowId,
    'lbi.run': run,
    ...(task === undefined ? {} : { 'lbi.task': task }),
  };
};

/** The share of traces that is kept: ids are hashes, so every worker keeps the same ones. */
function ratio(): number {
  const wanted = /traceidratio$/.test(process.env.OTEL_TRACES_SAMPLER ?? '')
    ? process.env.OTEL_TRACES_SAMPLER_ARG
    : '1';
  const number = Number(wanted);
  return number >= 0 && number <= 1 ? number : 1;
}
