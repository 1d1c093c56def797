/** The parts of a plan that modules of the user's own do: which there are, what their output depends on, what they name. */
import type { Json, JsonObject } from '../schemas/common.ts';
import type { OwnModule } from '../schemas/own-module.ts';
import type { Names } from '../schemas/pipeline/key.ts';
import type { FullModel } from '../schemas/pipeline/model.ts';
import type { AnyStage } from '../schemas/pipeline/stage.ts';
import type { FullOwnStage } from '../schemas/pipeline/stages/own.ts';
import type { Plan } from '../schemas/plan.ts';
import { isOwn } from './own-path.ts';
import { below, ownIdentity } from './plan.ts';
import { childSchema, isMap, resolveSchema, type SchemaNode } from './spec/schema.ts';

/** A stage of the user's own as the plan has it. */
export interface PlannedStage {
  /** its place in `spec.stages` */
  index: number;
  stage: FullOwnStage;
  module: OwnModule;
}

/** The stages of the user's own that take and give this, in order. */
export const ownStages = (
  plan: Plan,
  takes: NonNullable<OwnModule['takes']>,
  gives: OwnModule['gives'] = takes,
): PlannedStage[] =>
  plan.spec.stages.flatMap((stage, index) => {
    const module = isOwn(stage) ? plan.own?.[stage.uses] : undefined;
    return isOwn(stage) && module?.takes === takes && module.gives === gives ? [{ index, stage, module }] : [];
  });

/** Everything that the stage's output depends on besides what it is given. */
export const ownStageIdentity = (plan: Plan, { stage }: PlannedStage): JsonObject => ({
  ...ownIdentity(plan, stage.uses, below(plan, 'stages').items ?? {}, stage),
  seed: plan.spec.seed,
});

/** The stages of the user's own that work inside an episode; empty where there are none, so that nothing changes without them. */
export const ownEpisodeIdentity = (plan: Plan): { own?: Json } => {
  const inside = [...ownStages(plan, 'trajectories'), ...ownStages(plan, 'examples')];
  return inside.length === 0 ? {} : { own: inside.map((planned) => ownStageIdentity(plan, planned)) };
};

type See = (names: Names, value: string) => void;

/** Shows every text that its schema says names something. */
const visit = (schema: SchemaNode, value: Json | undefined, see: See): void => {
  if (value === undefined) return;
  const names = schema['x-names'];
  if (names !== undefined && typeof value === 'string') see(names, value);
  const governing = resolveSchema(schema, value);
  if (Array.isArray(value)) for (const item of value) visit(governing.items ?? {}, item, see);
  else if (isMap(value))
    for (const [name, entry] of Object.entries(value)) visit(childSchema(governing, name) ?? {}, entry, see);
};

/** Names of the models that a stage or a model uses, in the order of its keys. */
export const modelsNamedBy = (plan: Plan, spec: AnyStage | FullModel): string[] => {
  const found = new Set<string>();
  const schema = 'uses' in spec ? (below(plan, 'stages').items ?? {}) : below(plan, 'models', 'any');
  visit(schema, spec as unknown as Json, (names, value) => {
    if (names === 'model') found.add(value);
  });
  return [...found];
};

/** Paths of the files that modules of the user's own are told of, as the pipeline writes them. */
export const filesOfOwn = (plan: Plan): string[] => {
  const files = new Set<string>();
  const see: See = (names, value) => {
    if (names === 'file' || names === 'prompt') files.add(value);
  };
  const { models, environments, stages } = plan.spec;
  const look = (schema: SchemaNode, specs: (FullModel | AnyStage | (typeof environments)[string])[]): void => {
    for (const spec of specs) if (isOwn(spec)) visit(schema, spec as unknown as Json, see);
  };
  look(below(plan, 'models', 'any'), Object.values(models));
  look(below(plan, 'environments', 'any'), Object.values(environments));
  look(below(plan, 'stages').items ?? {}, stages);
  return [...files];
};
