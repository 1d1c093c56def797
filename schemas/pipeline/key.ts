/** How a key of the pipeline file is described: its effect decides whether a change of it makes finished work run again. */
import {
  type Static,
  type TArray,
  type TObject,
  type TOptional,
  type TProperties,
  type TRecord,
  type TSchema,
  type TUnsafe,
  Type,
} from 'typebox';

/** `output`: part of the identity of what is made; `cost`: changes what a run costs or how long it takes; `nothing`: neither. */
export type Effect = 'output' | 'cost' | 'nothing';

/** What a text names: a key of `models` or `environments`, a prompt file, or another file or folder. */
export type Names = 'model' | 'environment' | 'prompt' | 'file';

/**
 * Options of a documented key. `effect` is kept in the schema as `x-effect`. `x-names` says what the value names, and
 * `x-selects: true` that the key decides which units of work exist, not what any one of them is.
 */
export const key = (effect: Effect, description: string, more: Record<string, unknown> = {}) => ({
  description,
  'x-effect': effect,
  ...more,
});

/** An object that refuses unknown keys, except `x-*` (a home for anchors and notes). */
export const strict = <P extends TProperties>(properties: P, options: Record<string, unknown> = {}): TObject<P> =>
  Type.Object(properties, { ...options, additionalProperties: false, patternProperties: { '^x-': {} } });

/** One of several objects, told apart by the value of one key. */
export type TVariants<M extends TSchema[]> = TUnsafe<Static<M[number]>> & { oneOf: M };

/** One of several objects, told apart by the value of one key (JSON Schema `oneOf` with Ajv's `discriminator`). */
export const variants = <M extends TSchema[]>(propertyName: string, members: [...M]): TVariants<M> =>
  Object.assign(Type.Unsafe<Static<M[number]>>({ type: 'object', discriminator: { propertyName }, oneOf: members }), {
    oneOf: members,
  });

/** A key that may be left out and is then filled from its `default`. */
export type TFilled<S extends TSchema> = TOptional<S> & { default: unknown };

/** Marks a key whose schema carries a `default`: `Full` shows it as always there. Throws when there is none. */
export const filled = <S extends TSchema>(schema: S): TFilled<S> => {
  const optional = Type.Optional<TSchema>(schema);
  if (!('default' in optional)) throw new Error('filled() needs a schema with a default');
  return optional as TFilled<S>;
};

type Always<P extends TProperties> = {
  [K in keyof P]: P[K] extends { default: unknown } ? K : P[K] extends TOptional<TSchema> ? never : K;
}[keyof P];

type FullObject<P extends TProperties> = { [K in Always<P>]: Full<P[K]> } & {
  [K in Exclude<keyof P, Always<P>>]?: Full<P[K]>;
};

/** The type of a schema after its defaults were filled in. */
export type Full<S extends TSchema> = S extends { oneOf: infer M extends TSchema[] }
  ? Full<M[number]>
  : S extends TObject<infer P>
    ? FullObject<P>
    : S extends TArray<infer I>
      ? Full<I>[]
      : S extends TRecord<string, infer V>
        ? Record<string, Full<V>>
        : Static<S>;
