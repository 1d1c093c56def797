/** What activities are given: the one place where environments, models and the store meet. Composed by cli/worker. */
import type { EnvironmentDriver } from '../environments/environment.ts';
import type { Embedder, Model } from '../models/model.ts';
import type { Ref } from '../schemas/common.ts';
import type { Flow, LeaseRequest, LeaseState } from '../schemas/flow.ts';
import type { FullEnvironment } from '../schemas/pipeline/environment.ts';
import type { Plan } from '../schemas/plan.ts';
import type { Store } from '../store/store.ts';
import type { Known } from './ask.ts';
import type { Ledger } from './ledger.ts';
import type { StageRunner } from './own-stage.ts';
import type { Sessions } from './sessions.ts';
import type { Repositories } from './sources/context.ts';

export interface Deps {
  store: Store;
  /** The plan behind a ref, read once per worker. */
  plan(ref: Ref): Promise<Plan>;
  /** The model of that name in the plan, opened once per worker. */
  model(plan: Plan, name: string): Promise<Model>;
  embedder(): Promise<Embedder>;
  /** The driver of an environment of the plan. */
  driver(plan: Plan, environment: FullEnvironment): Promise<EnvironmentDriver<FullEnvironment>>;
  /** A stage of the user's own, as the plan knew its module. Throws `operator` when it is another by now. */
  stage(plan: Plan, path: string): Promise<StageRunner>;
  sessions: Sessions;
  /** Folder of an installed npm package; installs it into the cache when needed. */
  packageFolder(name: string): Promise<string>;
  /** git repositories that carry documents. */
  repositories: Repositories;
  /** Makes this worker poll the queues of the plan's models and environments. */
  openQueues(plan: Plan): Promise<void>;
  queues: { model(plan: Plan, name: string): string; environment(plan: Plan, name: string): string };
  timing: Omit<Flow['timing'], 'modelSeconds' | 'stepSeconds'>;
  /** Which of these workflow ids are no longer running. */
  ended(ids: string[]): Promise<string[]>;
  /** Leases over all workers; left out where there are no others. */
  leases?: {
    /** Asks for one; whoever gets it hears so by a signal. */
    ask(name: string, asked: { checkSeconds: number; request: LeaseRequest }): Promise<LeaseState | undefined>;
    /** How it stands; undefined when that cannot be told. */
    state(name: string): Promise<LeaseState | undefined>;
  };
  /** Folder that relative output paths start from. */
  home: string;
  /** Folder of the indexes that runs make. */
  indexes: string;
  /** Queue that only this process polls. */
  pinnedQueue: string;
  /**
   * Set where nobody may be asked: every question is answered from the store, and told of here, or throws `Unanswered`
   * (activities/ask.ts). A worker leaves it out.
   */
  stored?: (known: Known) => void;
  /** Who asks, so that a retry of the same call is told from another call. */
  caller(): string;
  /** Where paid calls are written down before they are made; left out where no run pays for them. */
  ledger?: Ledger;
  /** When the call at work was put into its queue, in milliseconds since the epoch; left out where there is no queue. */
  queuedAt?(): number;
  /** Aborted when the call at work is cancelled. */
  cancelled(): AbortSignal;
  /** Aborted when the worker stops. */
  signal: AbortSignal;
}
