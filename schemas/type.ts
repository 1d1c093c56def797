/**
 * The builders of JSON Schema that the house uses. The types are TypeBox's; the values are plain objects, because loading the
 * library takes a short command longer than everything else that it does.
 */
import type { TSchema, Type as TypeBox } from 'typebox';

type Options = Record<string, unknown>;
type Builders = Pick<
  typeof TypeBox,
  | 'Array'
  | 'Boolean'
  | 'Integer'
  | 'Literal'
  | 'Null'
  | 'Number'
  | 'Object'
  | 'Optional'
  | 'Pick'
  | 'Record'
  | 'String'
  | 'Union'
  | 'Unsafe'
>;

/** TypeBox's own mark of a key that may be left out; it is no part of the schema, and does not show in it. */
const mark = '~optional';

const of =
  (type: string) =>
  (options: Options = {}): Options => ({ type, ...options });

const optional = (schema: TSchema): TSchema =>
  Object.defineProperty({ ...schema }, mark, { value: true, enumerable: false });

const object = (properties: Record<string, TSchema>, options: Options = {}): Options => {
  const required = Object.keys(properties).filter((name) => !Object.hasOwn(properties[name] ?? {}, mark));
  return { type: 'object', ...(required.length === 0 ? {} : { required }), properties, ...options };
};

const pick = (schema: Options, names: readonly string[]): Options => {
  const { properties, required: _counted, type: _same, ...options } = schema as Options & { properties: Options };
  const kept = Object.entries(properties).filter(([name]) => names.includes(name));
  return object(Object.fromEntries(kept) as Record<string, TSchema>, options);
};

const builders = {
  Array: (items: TSchema, options: Options = {}) => ({ type: 'array', items, ...options }),
  Boolean: of('boolean'),
  Integer: of('integer'),
  Literal: (value: string | number | boolean, options: Options = {}) => ({
    type: typeof value,
    const: value,
    ...options,
  }),
  Null: of('null'),
  Number: of('number'),
  Object: object,
  Optional: optional,
  Pick: pick,
  Record: (_name: TSchema, value: TSchema, options: Options = {}) => ({
    type: 'object',
    patternProperties: { '^.*$': value },
    ...options,
  }),
  String: of('string'),
  Union: (anyOf: TSchema[], options: Options = {}) => ({ anyOf, ...options }),
  Unsafe: (schema: TSchema) => ({ ...schema }),
};

export const Type = builders as unknown as Builders;
