/** What of telemetry is switched on: the standard variables of OpenTelemetry, and `LBI_METRICS` for Prometheus. Off unless set. */
import { LbiError } from '../../core/errors.ts';

type Environment = Record<string, string | undefined>;

export interface TelemetrySettings {
  /** Where a scraper may ask, `host:port`. */
  prometheus: string | undefined;
  /** OTLP over HTTP. */
  otlp: { metrics: string; traces: string; headers: Record<string, string>; service: string } | undefined;
}

/** Throws a spec error that names a variable which cannot be right. */
export function telemetrySettings(environment: Environment = process.env): TelemetrySettings {
  return { prometheus: prometheusOf(environment), otlp: otlpOf(environment) };
}

function prometheusOf({ LBI_METRICS: text }: Environment): string | undefined {
  if (text === undefined || text === '') return undefined;
  const [, host, port] = /^(.*):(\d+)$/.exec(text) ?? [];
  if (host !== undefined && host !== '' && Number(port) > 0 && Number(port) < 65_536) return text;
  throw new LbiError('spec', `LBI_METRICS is "${text}"; expected an address and a port, such as 127.0.0.1:9464`);
}

function otlpOf(environment: Environment): TelemetrySettings['otlp'] {
  const base = environment.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (base === undefined || base === '' || environment.OTEL_SDK_DISABLED === 'true') return undefined;
  if (!URL.canParse(base) || !/^https?:$/.test(new URL(base).protocol))
    throw new LbiError(
      'spec',
      `OTEL_EXPORTER_OTLP_ENDPOINT is "${base}"; expected an address such as http://127.0.0.1:4318`,
    );
  const protocol = environment.OTEL_EXPORTER_OTLP_PROTOCOL ?? 'http/protobuf';
  if (protocol !== 'http/protobuf')
    throw new LbiError(
      'spec',
      `OTEL_EXPORTER_OTLP_PROTOCOL is "${protocol}"; only http/protobuf is spoken here, which collectors take at port 4318`,
    );
  const at = (path: string): string => `${base.replace(/\/+$/, '')}/${path}`;
  return {
    metrics: environment.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT ?? at('v1/metrics'),
    traces: environment.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? at('v1/traces'),
    headers: headersOf(environment.OTEL_EXPORTER_OTLP_HEADERS ?? ''),
    service: environment.OTEL_SERVICE_NAME ?? 'lbi',
  };
}

/** `name=value,name=value`, values percent-encoded. */
const headersOf = (text: string): Record<string, string> =>
  Object.fromEntries(
    text
      .split(',')
      .map((pair) => pair.trim().split(/=(.*)/s))
      .filter(([name, value]) => name !== '' && value !== undefined)
      .map(([name = '', value = '']) => [name, decodeURIComponent(value)]),
  );
