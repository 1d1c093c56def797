/** Shapes that every noun uses: JSON values, references into the store, token usage. */
import type { Static } from 'typebox';
import { Type } from './type.ts';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };
/** A JSON Schema (draft 2020-12 unless said otherwise). */
export type JsonSchema = { [key: string]: Json };

/** Key of an immutable object in the store: sha256 of its content, 64 hex digits. */
export const Ref = Type.String({ pattern: '^[0-9a-f]{64}$', description: 'sha256 of a stored object' });
export type Ref = Static<typeof Ref>;

/**
 * What a model call consumed, as the provider reported it.
 * `input` counts every prompt token, `cached` the part of it that was read from a prompt cache,
 * `cacheWrites` the part written to one; `output` the generated tokens.
 */
export const Usage = Type.Object({
  calls: Type.Integer({ description: 'model calls that were paid for' }),
  input: Type.Integer(),
  cached: Type.Integer(),
  cacheWrites: Type.Integer(),
  output: Type.Integer(),
  usd: Type.Number({ description: 'US dollars; 0 for local models' }),
});
export type Usage = Static<typeof Usage>;
