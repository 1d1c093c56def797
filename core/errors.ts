/**
 * The errors of the house. A message says what happened, where, and what to do; `retryable` is the first question asked
 * of any of them, and only activities/failures.ts turns them into Temporal failures.
 */

/** How the engine answers an error: retry it, wait for a person to mend it, or give the item up. */
export type ErrorKind =
  | 'rate-limited' // the provider asks to wait: retried after `retryAfterMs`
  | 'transient' // network, 5xx, a busy file: retried with back-off
  | 'operator' // rejected key, quota, missing program, full disk: waits at a gate until a person mends it
  | 'spec' // the pipeline asks for something impossible: fails at once
  | 'module' // a module of the user's own threw or hung: tried a few times, then the item fails
  | 'session-lost' // the environment session is gone: it is rebuilt by replay
  | 'fatal'; // a bug or damaged data: the item fails

export class LbiError extends Error {
  override readonly name: string = 'LbiError';
  readonly kind: ErrorKind;
  /** Milliseconds to wait before a retry, where the other side said so. */
  readonly retryAfterMs: number | undefined;
  constructor(kind: ErrorKind, message: string, options: { cause?: unknown; retryAfterMs?: number } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** A model provider answered with an error or not at all. Never thrown for refusals, cut-offs or unparseable replies. */
export class ModelError extends LbiError {
  override readonly name = 'ModelError';
  readonly status: number | undefined;
  /** Tries before the kind is acted on: what a person must mend unless it passes by itself, such as a name that no server knows. */
  readonly tries: number;
  /** True when the provider may have done the work, and charge for it, although no reply came. */
  readonly lost: boolean;
  constructor(
    kind: ErrorKind,
    message: string,
    options: {
      cause?: unknown;
      retryAfterMs?: number;
      status?: number | undefined;
      tries?: number;
      lost?: boolean;
    } = {},
  ) {
    super(kind, message, options);
    this.status = options.status;
    this.tries = options.tries ?? 1;
    this.lost = options.lost === true;
  }
}

/** The place itself broke (a failed action is an observation, not this). */
export class EnvironmentError extends LbiError {
  override readonly name = 'EnvironmentError';
}

export class StoreError extends LbiError {
  override readonly name = 'StoreError';
}
