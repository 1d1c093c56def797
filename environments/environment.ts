/** The contract of every place where agents act. */
import type { Json, Ref } from '../schemas/common.ts';
import type { Document } from '../schemas/document.ts';
import type { Action, ActionDefinition, Observation, StepError } from '../schemas/observation.ts';

export interface StepResult {
  observation: Observation;
  /** Set when the action failed: the observation after it is still given. */
  error?: StepError;
}

/** What a driver is given besides its part of the spec. Drivers never import the store or another driver. */
export interface SessionContext {
  /** An empty folder that belongs to this session alone and is removed after `close`. */
  workdir: string;
  /** Keeps bytes (screenshots, full trees) in the store. */
  put(bytes: Uint8Array): Promise<Ref>;
  /** Folder of an installed npm package named in the pipeline, e.g. `tiddlywiki` or `tiddlywiki@5.4.1`. */
  packageFolder(name: string): Promise<string>;
  /** Absolute path of a file named in the pipeline, relative to the pipeline's folder. */
  file(path: string): string;
  /** Aborted when the worker stops. */
  signal: AbortSignal;
  /**
   * The lease that the session works under, where its place has one. A place that can should be told the epoch with everything that changes
   * it, and refuse a lower one than it has seen: only the place itself can turn away what is out of date for certain.
   */
  lease?: { name: string; epoch: number };
}

export interface SessionTask {
  id: string;
  seed: number;
  /** Whatever the task brings for the place, as data. */
  setup?: Json;
}

/** How far a place is from what was wanted: 0 to 1, and what the score rests on, in one line. */
export interface Evaluation {
  score: number;
  detail: string;
}

/**
 * A live place. A failed action comes back as an observation with an error; only a broken place throws (`EnvironmentError`).
 * `reset` gives the first observation of a fresh place; `step(action, index)` is idempotent by index: a repeated index returns the
 * journalled result, and an index that was begun without a result throws `session-lost`, never runs twice.
 */
export interface Session {
  readonly actions: ActionDefinition[];
  reset(task: SessionTask): Promise<Observation>;
  step(action: Action, index: number): Promise<StepResult>;
  /**
   * Scores the place as it is now by the `verify` of its spec, and leaves it as it is; there only when the spec has one. Throws when the verifier
   * itself fails: that is no score.
   */
  evaluate?(): Promise<Evaluation>;
  /** What the place itself asks for after `reset`, in words; there only where a place sets goals. */
  goal?(): Promise<string>;
  /** Stops everything the session started; safe to call twice. */
  close(): Promise<void>;
}

/** A state that sessions can begin from. `setup` goes to `reset` as it is. */
export interface Start {
  /** Stable and readable: `click-checkboxes#7`. */
  id: string;
  seed: number;
  setup: Json;
}

/** Something `lbi doctor` found missing, with the command that mends it. */
export interface Finding {
  what: string;
  ok: boolean;
  detail: string;
  fix?: string;
}

export interface EnvironmentDriver<Spec> {
  readonly kind: string;
  /** Bumped when observations or effects change: part of the identity of every trajectory. */
  readonly version: string;
  doctor(spec: Spec): Promise<Finding[]>;
  open(spec: Spec, context: SessionContext): Promise<Session>;
  /**
   * Documentation that the place brings itself, always the same for the same spec; `source` says exactly what it is of. Left out where
   * a place has none to give. Listed in `docsMissing` of environments.ts.
   */
  docs?(spec: Spec, context: SessionContext): AsyncIterable<Document>;
  /** The states with those seeds that sessions can begin from, and whose `goal` they then tell; left out where a place sets no goals. */
  starts?(spec: Spec, context: Pick<SessionContext, 'packageFolder' | 'file'>, seeds: number[]): Promise<Start[]>;
}
