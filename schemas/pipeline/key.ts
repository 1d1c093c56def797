/** How a key of the pipeline file is described: its effect decides whether a change of it makes finished work run again. */
import { type Static, type TObject, type TProperties, type TSchema, type TUnsafe, Type } from 'typebox';

/** `output`: part of the identity of what is made; `cost`: changes what a run costs or how long it takes; `nothing`: neither. */
export type Effect = 'output' | 'cost' | 'nothing';

/** Options of a documented key. `effect` is kept in the schema as `x-effect`. */
export const key = (effect: Effect, description: string, more: Record<string, unknown> = {}) => ({
  description,
  'x-effect': effect,
  ...more,
});

/** An object that refuses unknown keys, except `x-*` (a home for anchors and notes). */
export const strict = <P extends TProperties>(properties: P, options: Record<string, unknown> = {}): TObject<P> =>
  Type.Object(properties, { ...options, additionalProperties: false, patternProperties: { '^x-': {} } });

/** One of several objects, told apart by the value of one key (JSON Schema `oneOf` with Ajv's `discriminator`). */
export const variants = <M extends TSchema[]>(propertyName: string, members: [...M]): TUnsafe<Static<M[number]>> =>
  Type.Unsafe<Static<M[number]>>({
    type: 'object',
    discriminator: { propertyName },
    required: [propertyName],
    oneOf: members,
  });
