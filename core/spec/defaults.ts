/** Fills in every default of the schema, so that nothing else in the house knows one. */
import type { Json } from '../../schemas/common.ts';
import type { OwnModules } from '../../schemas/own-module.ts';
import type { FullSpec, PipelineSpec } from '../../schemas/pipeline/pipeline.ts';
import { schemaWith } from './own/extend-schema.ts';
import { childSchema, isMap, resolveSchema, type SchemaNode } from './schema.ts';

const fill = (schema: SchemaNode, value: Json): Json => {
  const governing = resolveSchema(schema, value);
  if (Array.isArray(value)) {
    const items = governing.items;
    return items === undefined ? value : value.map((item) => fill(items, item));
  }
  if (!isMap(value)) return value;
  const own = Object.entries(value).map(([name, entry]): [string, Json] => {
    const below = childSchema(governing, name);
    return [name, below === undefined ? entry : fill(below, entry)];
  });
  const added = Object.entries(governing.properties ?? {}).flatMap(([name, below]): [string, Json][] =>
    value[name] === undefined && below.default !== undefined
      ? [[name, fill(below, structuredClone(below.default))]]
      : [],
  );
  return Object.fromEntries([...own, ...added]);
};

/** The spec with the schema's defaults, and those of its own modules; a spec that is already full comes back equal. */
export const withDefaults = (spec: PipelineSpec, own?: OwnModules): FullSpec =>
  fill(schemaWith(own), spec as unknown as Json) as unknown as FullSpec;
