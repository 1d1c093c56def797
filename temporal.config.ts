/** Everything about Temporal that can be set: whose server, which queues, which time-outs; one frozen object read from the environment. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { type ClientConnectConfig, loadClientConnectConfig } from '@temporalio/envconfig';
import { LbiError } from './core/errors.ts';
import { defaultHeartbeat } from './core/heartbeat.ts';

/** A cluster or Cloud namespace that somebody else runs. */
export interface ExternalServer {
  address: string;
  namespace: string;
  /** TLS, API key and metadata, for `Connection` as well as `NativeConnection`. */
  connection: ClientConnectConfig['connectionOptions'];
}

type Environment = Record<string, string | undefined>;

/** A number above 0 from a variable; throws a spec error that names it when it is none. */
function positive(environment: Environment, name: string, otherwise: number): number {
  const text = environment[name];
  if (text === undefined || text === '') return otherwise;
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new LbiError('spec', `${name} is "${text}"; expected a number above 0, such as ${otherwise}`);
}

function port(environment: Environment, name: string, otherwise: number): number {
  const text = environment[name];
  if (text === undefined || text === '') return otherwise;
  const value = Number(text);
  if (Number.isInteger(value) && value > 0 && value < 65_536) return value;
  throw new LbiError('spec', `${name} is "${text}"; expected a port from 1 to 65535, such as ${otherwise}`);
}

/**
 * The server named by `TEMPORAL_*` variables or a profile of `temporal.toml` (`TEMPORAL_CONFIG_FILE`, this folder's, or the
 * user's own); undefined when nothing names an address: then `lbi` runs its own.
 */
function external(environment: Environment, folder: string): ExternalServer | undefined {
  const nearby = resolve(folder, 'temporal.toml');
  const own = environment.TEMPORAL_CONFIG_FILE === undefined && existsSync(nearby);
  const overrideEnvVars = Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  try {
    const { connectionOptions, namespace } = loadClientConnectConfig({
      overrideEnvVars,
      ...(own && { configSource: { path: nearby } }),
    });
    const { address } = connectionOptions;
    if (address === undefined) return undefined;
    return { address, namespace: namespace ?? 'default', connection: connectionOptions };
  } catch (cause) {
    const where = own ? nearby : (environment.TEMPORAL_CONFIG_FILE ?? 'temporal.toml');
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new LbiError('spec', `The Temporal profile in ${where} cannot be read: ${why}`, { cause });
  }
}

/** Reads the configuration from an environment; the module's own `temporal` is this of the process. */
export function readTemporalConfig(environment: Environment, folder: string) {
  return Object.freeze({
    external: external(environment, folder),
    /** Queue of workflows and small activities; models and environments have queues of their own (cli/queues.ts). */
    mainQueue: 'lbi',
    /** Typed search attributes of every run and episode. SQL-backed servers have 10 keyword and 3 integer slots. */
    searchAttributes: Object.freeze({
      LbiRun: 'KEYWORD',
      LbiPipeline: 'KEYWORD',
      LbiStage: 'KEYWORD',
      LbiOutcome: 'KEYWORD',
      LbiBlockedOn: 'KEYWORD',
      LbiDone: 'INT',
      LbiKept: 'INT',
    } as const),
    timeouts: Object.freeze({
      /** Seconds a task may wait on a session's own queue before its worker counts as lost. */
      lostWorker: positive(environment, 'LBI_LOST_AFTER', 30),
      /** Seconds without a heartbeat before an activity counts as lost. */
      heartbeat: positive(environment, 'LBI_HEARTBEAT', defaultHeartbeat),
      /** Seconds that calls at work may take to end when a worker is asked to stop; what is not done by then is done again elsewhere. */
      grace: positive(environment, 'LBI_GRACE', 15),
      /** Seconds between two looks after episodes and sessions that ended without a word. */
      sweep: positive(environment, 'LBI_SWEEP', 60),
    }),
    /** Seconds until blocked work is tried again by itself: the first time, and at most (doubled in between). */
    probe: Object.freeze({
      first: positive(environment, 'LBI_PROBE', 60),
      longest: positive(environment, 'LBI_PROBE_LONGEST', 900),
    }),
    /** Events of history after which a run continues as new; null leaves it to the server's advice (4096). For tests. */
    historyEvents:
      environment.LBI_HISTORY_EVENTS === undefined ? null : positive(environment, 'LBI_HISTORY_EVENTS', 4096),
    /** The embedded server; ports are taken when free, others chosen otherwise. */
    server: Object.freeze({
      host: '127.0.0.1',
      port: port(environment, 'LBI_TEMPORAL_PORT', 7233),
      uiPort: port(environment, 'LBI_TEMPORAL_UI_PORT', 8233),
      namespace: 'default',
      retentionDays: 90,
      /** Both or none: WAL alone is as slow as the default, and together they are six times faster. */
      pragmas: Object.freeze(['journal_mode=WAL', 'synchronous=NORMAL']),
      dynamic: Object.freeze(['matching.numTaskqueueReadPartitions=1', 'matching.numTaskqueueWritePartitions=1']),
    }),
  });
}

/** The queue of a folder of runs: its workers alone have the files beside it. */
export const treeQueue = (tree: string): string => `lbi.files.${tree}`;

export type TemporalConfig = ReturnType<typeof readTemporalConfig>;

/** The configuration of this process. */
export const temporal: TemporalConfig = readTemporalConfig(process.env, process.cwd());
