/** The pipeline's schema with the user's own modules as variants among ours: from here on, nothing tells them apart. */
import type { OwnModule, OwnSort } from '../../../schemas/own-module.ts';
import { pipelineSchema, type SchemaNode } from '../schema.ts';

/** The key that tells the variants apart, by what a module is. */
export const tagOf = { stage: 'uses', environment: 'kind', model: 'provider' } as const satisfies Record<
  OwnSort,
  string
>;

/** A module, or null where it could not be read: then its keys are not checked, for nobody knows them. */
export type Variant = { what: OwnSort; path: string; module: OwnModule | null };

const homes = { stage: 'stages', environment: 'environments', model: 'models' } as const;

/** The list of variants that a module of that sort joins. */
export const familyOf = (schema: SchemaNode, what: OwnSort): SchemaNode => {
  const home = schema.properties?.[homes[what]];
  return home?.items ?? home?.patternProperties?.['^.*$'] ?? {};
};

/** The keys that every module of the sort has besides its tag; of a stage, those that make sense for what it takes and gives. */
export const commonKeys = (
  what: OwnSort,
  module: Pick<OwnModule, 'gives' | 'takes' | 'name'>,
): Record<string, SchemaNode> => {
  const { [tagOf[what]]: _tag, ...common } = familyOf(pipelineSchema, what)['x-own']?.properties ?? {};
  if (what !== 'stage') return common;
  const { batch, timeout, path } = common;
  const batched = module.gives !== 'files' && module.takes !== 'tasks' && module.takes !== 'trajectories';
  return {
    ...(batched && batch !== undefined ? { batch: { ...batch, default: module.takes === 'kept' ? 200 : 20 } } : {}),
    ...(timeout === undefined ? {} : { timeout }),
    ...(module.gives === 'files' && path !== undefined
      ? { path: { ...path, default: `.lbi/exports/\${run}/${module.name}` } }
      : {}),
  };
};

const variant = ({ what, path, module }: Variant): SchemaNode => {
  const tag = tagOf[what];
  const named: SchemaNode = { type: 'string', const: path };
  if (module === null) return { type: 'object', properties: { [tag]: named }, required: [tag] };
  return {
    type: 'object',
    title: `${module.name} (${path})`,
    properties: {
      [tag]: named,
      ...(module.properties as Record<string, SchemaNode>),
      ...commonKeys(what, module),
    },
    required: [tag, ...module.required],
    additionalProperties: false,
    patternProperties: { '^x-': {} },
  };
};

const joined = (family: SchemaNode, variants: Variant[]): SchemaNode => ({
  ...family,
  oneOf: [...(family.oneOf ?? []), ...variants.map(variant)],
});

/** The schema in which each of these is a variant; our own schema when there are none. */
export const extendSchema = (variants: Variant[]): SchemaNode => {
  if (variants.length === 0) return pipelineSchema;
  const of = (what: OwnSort): SchemaNode =>
    joined(
      familyOf(pipelineSchema, what),
      variants.filter((each) => each.what === what),
    );
  const { stages, environments, models } = pipelineSchema.properties ?? {};
  return {
    ...pipelineSchema,
    properties: {
      ...pipelineSchema.properties,
      models: { ...models, patternProperties: { '^.*$': of('model') } },
      environments: { ...environments, patternProperties: { '^.*$': of('environment') } },
      stages: { ...stages, items: of('stage') },
    },
  };
};

const extended = new WeakMap<object, SchemaNode>();

/** The same for the modules that a plan keeps; made once for each. */
export const schemaWith = (modules: Record<string, OwnModule> | undefined): SchemaNode => {
  if (modules === undefined) return pipelineSchema;
  const known = extended.get(modules);
  if (known !== undefined) return known;
  const made = extendSchema(Object.entries(modules).map(([path, module]) => ({ what: module.what, path, module })));
  extended.set(modules, made);
  return made;
};
