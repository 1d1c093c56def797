/** The contract of everything that answers: one request type, one reply type, one error type. */
import type { Json, JsonSchema, Usage } from '../schemas/common.ts';

export type Part = { type: 'text'; text: string } | { type: 'image'; mime: string; data: Uint8Array };

export interface Message {
  role: 'user' | 'assistant';
  content: Part[];
}

export interface ModelRequest {
  /** Whose voice asks: `instruct`, `decide`, `query`, `relabel`, `vote`. Local models keep one cached prefix per role. */
  role: string;
  system: string;
  /** Stable text first, the newest last, so that every provider's prompt cache can serve the beginning. */
  messages: Message[];
  /** JSON Schema (an object) that the reply's value satisfies; always checked again with Ajv by `checkReply`. */
  schema: JsonSchema;
  /**
   * A narrower schema that enumerates the choices that are valid right now (which refs can be clicked). Providers whose grammar
   * is compiled locally use it instead of `schema`; for the others it would defeat their schema caches, and they ignore it.
   */
  narrowSchema?: JsonSchema;
  /**
   * JSON Pointers of reply properties whose value is 'yes' or 'no' and for which P(yes) is wanted.
   * Models that can see token probabilities answer in `reply.probabilities`; the others leave it out.
   */
  yesNo?: string[];
  /** Tokens the reply may take; a reply cut there has `stop: 'length'`. */
  maxTokens: number;
  temperature?: number | undefined;
  /** Seed of the sampler, where the provider has one. */
  seed?: number;
}

export type Stop = 'complete' | 'length' | 'refusal' | 'unparseable';

export interface ModelReply {
  /** The checked value; undefined unless `stop` is `complete`. */
  value: Json | undefined;
  /** The raw text as it came. */
  text: string;
  /** Refusal, cut-off and unparseable are values with a reason, not exceptions. */
  stop: Stop;
  /** Why it is not complete, one sentence; empty otherwise. */
  detail: string;
  usage: Usage;
  /** Model id as the provider answered it. */
  model: string;
  /** P(yes) by JSON Pointer, for the properties asked for in `yesNo`. */
  probabilities?: Record<string, number>;
}

export interface CallOptions {
  signal: AbortSignal;
  /** When the question began to wait for its turn, in milliseconds since the epoch: it shares a failure that was learned since. */
  since?: number;
}

/**
 * One model of one provider. Never retries by itself (Temporal retries) and throws only `ModelError`.
 * `identity` names what its output depends on (provider, model id or sha256 of the weights, sampling parameters), never keys,
 * prices or limits.
 */
export interface Model {
  readonly identity: string;
  /** True for the scripted model: its output is labelled as such wherever it appears. */
  readonly scripted: boolean;
  /** True when images in a request are seen. */
  readonly images: boolean;
  complete(request: ModelRequest, options: CallOptions): Promise<ModelReply>;
  close(): Promise<void>;
}

/** Turns texts into unit vectors of one length. */
export interface Embedder {
  readonly identity: string;
  readonly dimensions: number;
  embed(texts: string[]): Promise<Float32Array[]>;
  close(): Promise<void>;
}

/** What a provider is given besides its part of the spec. */
export interface ModelContext {
  /** Reads a secret by name; throws an operator-fixable ModelError that names the variable when it is not set. */
  secret(name: string): string;
  /** Path of local weights by sha256; throws an operator-fixable ModelError that names the command that installs them. */
  weights(sha256: string): Promise<string>;
  /** Absolute path of a file named in the pipeline, relative to the pipeline's folder. */
  file(path: string): string;
}
