/** How a key of the pipeline file is written down: its type, what it means, and what a change of it does to finished work. */
import type {
  Static,
  TArray,
  TBoolean,
  TInteger,
  TNumber,
  TObject,
  TOptional,
  TProperties,
  TRecord,
  TSchema,
  TString,
  TUnsafe,
} from 'typebox';
import { Type } from '../type.ts';

/** `output`: part of the identity of what is made; `cost`: changes what a run costs or how long it takes; `nothing`: neither. */
export type Effect = 'output' | 'cost' | 'nothing';

/** What a text names: a key of `models` or `environments`, a prompt file, another file or folder, the files of a pattern, or a git repository. */
export type Names = 'model' | 'environment' | 'prompt' | 'file' | 'glob' | 'repository';

/** What every key may say besides its meaning. */
interface KeyOptions<T> {
  /** Filled in when the key is left out. */
  default?: T;
  /** True when the key may be left out and has no default. */
  optional?: true;
  /** A value as a person would write it; needed unless the type itself shows one. */
  example?: T;
  /** What one of the number is: `seconds`, `tokens`, `actions`. */
  unit?: string;
  names?: Names;
  /** The key decides which units of work exist, not what any one of them is. */
  selects?: true;
}

type NumberOptions = KeyOptions<number> & { unit: string; min?: number; max?: number; above?: number };
type TextOptions = KeyOptions<string> & { pattern?: string; format?: string; minLength?: number; maxLength?: number };

/** A schema with its default filled in, left out at will, or required. */
type Made<S extends TSchema, O> = O extends { default: unknown }
  ? TFilled<S>
  : O extends { optional: true }
    ? TOptional<S>
    : S;

/** The annotations of a key as JSON Schema keeps them. */
export const key = (effect: Effect, description: string, options: KeyOptions<unknown> = {}) => ({
  description,
  'x-effect': effect,
  ...(options.unit === undefined ? {} : { 'x-unit': options.unit }),
  ...(options.names === undefined ? {} : { 'x-names': options.names }),
  ...(options.selects === undefined ? {} : { 'x-selects': options.selects }),
  ...(options.example === undefined ? {} : { examples: [options.example] }),
  ...(options.default === undefined ? {} : { default: options.default }),
});

const made = <S extends TSchema, O>(schema: S, options: O): Made<S, O> => {
  const { default: value, optional } = options as KeyOptions<unknown>;
  return (value === undefined && optional === undefined ? schema : Type.Optional<TSchema>(schema)) as Made<S, O>;
};

const bounds = ({ min, max, above }: NumberOptions) => ({
  ...(min === undefined ? {} : { minimum: min }),
  ...(max === undefined ? {} : { maximum: max }),
  ...(above === undefined ? {} : { exclusiveMinimum: above }),
});

/** A whole number. */
export const whole = <const O extends NumberOptions>(effect: Effect, says: string, options: O): Made<TInteger, O> =>
  made(Type.Integer({ ...key(effect, says, options), ...bounds(options) }), options);

/** A number. */
export const number = <const O extends NumberOptions>(effect: Effect, says: string, options: O): Made<TNumber, O> =>
  made(Type.Number({ ...key(effect, says, options), ...bounds(options) }), options);

/** A text. */
export const text = <const O extends TextOptions>(effect: Effect, says: string, options: O): Made<TString, O> => {
  const { pattern, format, minLength, maxLength } = options as TextOptions;
  const limits = Object.fromEntries(
    Object.entries({ pattern, format, minLength, maxLength }).filter(([, value]) => value !== undefined),
  );
  return made(Type.String({ ...key(effect, says, options), ...limits }), options);
};

/** true or false. */
export const flag = <const O extends KeyOptions<boolean>>(
  effect: Effect,
  says: string,
  options: O,
): Made<TBoolean, O> => made(Type.Boolean(key(effect, says, options)), options);

/** One of a few words. */
export const choice = <const C extends readonly string[], const O extends KeyOptions<C[number]>>(
  effect: Effect,
  says: string,
  choices: C,
  options: O,
): Made<TUnsafe<C[number]>, O> =>
  made(
    Type.Unsafe<C[number]>({ ...key(effect, says, options), anyOf: choices.map((value) => Type.Literal(value)) }),
    options,
  );

/** A list of values of one schema. */
export const list = <I extends TSchema, const O extends KeyOptions<unknown> & { min?: number; unique?: true }>(
  effect: Effect,
  says: string,
  items: I,
  options: O,
): Made<TArray<I>, O> =>
  made(
    Type.Array(items, {
      ...key(effect, says, options),
      ...(options.min === undefined ? {} : { minItems: options.min }),
      ...(options.unique === undefined ? {} : { uniqueItems: true }),
    }),
    options,
  );

/** A map from names that the author chooses to values of one schema. */
export const record = <V extends TSchema, const O extends KeyOptions<unknown> & { min?: number; pattern?: string }>(
  effect: Effect,
  says: string,
  values: V,
  options: O,
): Made<TRecord<'^.*$', V>, O> =>
  made(
    Type.Record(Type.String(), values, {
      ...key(effect, says, options),
      ...(options.min === undefined ? {} : { minProperties: options.min }),
      ...(options.pattern === undefined ? {} : { propertyNames: { type: 'string', pattern: options.pattern } }),
    }) as TRecord<'^.*$', V>,
    options,
  );

/** A map with known keys inside the file: `limits:`, `knowledge:`. */
export const section = <P extends TProperties, const O extends KeyOptions<Record<string, unknown>>>(
  effect: Effect,
  says: string,
  properties: P,
  options: O,
): Made<TObject<P>, O> => made(strict(properties, key(effect, says, options)), options);

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

/**
 * The same where modules of the user's own can stand too. `own` is what they all have: part of the type, and kept beside the members,
 * because a module is one of them only once it is read.
 */
export const openVariants = <M extends TSchema[], O extends TSchema>(
  propertyName: string,
  members: [...M],
  own: O,
): TVariants<[...M, O]> =>
  Object.assign(variants(propertyName, members), { 'x-own': own }) as unknown as TVariants<[...M, O]>;

/** One of several objects, told apart by which one of a few keys they have. */
export type TShapes<M extends TSchema[]> = TUnsafe<Static<M[number]>> & { anyOf: M };

/** One of several objects: each has one of the keys `toldBy`, and no other has it. */
export const shapes = <M extends TSchema[]>(toldBy: readonly string[], members: [...M]): TShapes<M> =>
  Object.assign(Type.Unsafe<Static<M[number]>>({ type: 'object', 'x-told-by': toldBy, anyOf: members }), {
    anyOf: members,
  });

/** A key that may be left out and is then filled from its `default`: `Full` shows it as always there. */
export type TFilled<S extends TSchema> = TOptional<S> & { default: unknown };

type Always<P extends TProperties> = {
  [K in keyof P]: P[K] extends { default: unknown } ? K : P[K] extends TOptional<TSchema> ? never : K;
}[keyof P];

type FullObject<P extends TProperties> = { [K in Always<P>]: Full<P[K]> } & {
  [K in Exclude<keyof P, Always<P>>]?: Full<P[K]>;
};

/** The type of a schema after its defaults were filled in. */
export type Full<S extends TSchema> = S extends { oneOf: infer M extends TSchema[] }
  ? Full<M[number]>
  : S extends TShapes<infer M>
    ? Full<M[number]>
    : S extends TObject<infer P>
      ? FullObject<P>
      : S extends TArray<infer I>
        ? Full<I>[]
        : S extends TRecord<string, infer V>
          ? Record<string, Full<V>>
          : Static<S>;
