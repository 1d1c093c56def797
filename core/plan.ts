/** Spec → plan, and the identities that decide what of earlier work can be used again. */
import type { Json, JsonObject } from '../schemas/common.ts';
import type { FullModel } from '../schemas/pipeline/model.ts';
import type { FullSpec } from '../schemas/pipeline/pipeline.ts';
import type { FullStage, StageName } from '../schemas/pipeline/stage.ts';
import type { Plan, Versions } from '../schemas/plan.ts';
import { canonical } from './canonical.ts';
import { criteriaOf, ownPromptName, type Seat, seatsOf } from './committee.ts';
import { childSchema, isMap, isNote, pipelineSchema, resolveSchema, type SchemaNode } from './spec/schema.ts';
import { paperCriteria } from './vote-schema.ts';

/** The plan of a run: plain JSON, ready to be stored. */
export const makePlan = (
  spec: FullSpec,
  folder: string,
  prompts: Record<string, string>,
  versions: Versions,
): Plan => ({
  format: 1,
  spec,
  folder,
  prompts,
  versions,
});

/** The stage of that name, or undefined when the pipeline does not use it. */
export const stageOf = <N extends StageName>(plan: Plan, name: N): FullStage<N> | undefined =>
  plan.spec.stages.find((stage): stage is FullStage<N> => stage.uses === name);

/** How parameters are picked: `unit` leaves out the keys that only decide which units of work there are. */
interface Picking {
  unit: boolean;
  /** What stands in place of a name. */
  named: (names: 'model' | 'environment', name: string) => Json;
}

/** The part of a value that its output depends on, by the schema's `x-effect`; undefined where nothing remains. */
const pick = (schema: SchemaNode, value: Json, picking: Picking): Json | undefined => {
  const governing = resolveSchema(schema, value);
  if ((schema['x-effect'] ?? governing['x-effect'] ?? 'output') !== 'output') return undefined;
  if (picking.unit && schema['x-selects'] === true) return undefined;
  const names = schema['x-names'] ?? governing['x-names'];
  if (names === 'prompt') return undefined;
  if (names === 'model' || names === 'environment')
    return typeof value === 'string' ? picking.named(names, value) : value;
  if (Array.isArray(value)) return value.map((item) => pick(governing.items ?? {}, item, picking) ?? null);
  if (!isMap(value)) return value;
  const picked = Object.entries(value).flatMap(([name, entry]): [string, Json][] => {
    const below = childSchema(governing, name) ?? {};
    if (isNote(governing, name) || isDefault(below, entry)) return [];
    const kept = pick(below, entry, picking);
    return kept === undefined || (isMap(kept) && Object.keys(kept).length === 0) ? [] : [[name, kept]];
  });
  return Object.fromEntries(picked);
};

/**
 * A key at its default says nothing, as if it were not there: a key that a later version adds leaves the identities of earlier
 * work as they are. So a default may only change together with the version of its stage or driver (test/core/golden).
 */
const isDefault = (schema: SchemaNode, value: Json): boolean =>
  schema.default !== undefined && canonical(schema.default) === canonical(value);

const nothingNamed: Picking = { unit: false, named: (_names, name) => name };

const below = (...steps: string[]): SchemaNode =>
  steps.reduce<SchemaNode>((schema, step) => childSchema(schema, step) ?? {}, pipelineSchema);

const parameters = (schema: SchemaNode, value: unknown, picking: Picking = nothingNamed): JsonObject => {
  const picked = pick(schema, value as Json, picking);
  return picked !== undefined && isMap(picked) ? picked : {};
};

const content = (plan: Plan, place: string): JsonObject => {
  const known = plan.versions.contents[place];
  return known === undefined ? {} : { content: known };
};

/** What a model's output depends on: provider, model id or content, sampling parameters; never key, price or limits. */
export const modelIdentity = (plan: Plan, name: string): JsonObject => {
  const model: FullModel | undefined = plan.spec.models[name];
  return model === undefined
    ? { missing: name }
    : withContent(parameters(below('models', name), model), content(plan, `models.${name}`));
};

/** Where the content is known, it stands in place of the path or name that led to it. */
const withContent = (own: JsonObject, known: JsonObject): JsonObject => {
  if (known.content === undefined) return own;
  const { model: _model, script: _script, copy: _copy, ...rest } = own;
  return { ...rest, ...known };
};

/** What an observation depends on besides the actions: the environment's output parameters, driver version, content. */
export const environmentIdentity = (plan: Plan, name: string): JsonObject => {
  const environment = plan.spec.environments[name];
  if (environment === undefined) return { missing: name };
  const version = plan.versions.environments[environment.kind] ?? '1';
  const own = withContent(parameters(below('environments', name), environment), content(plan, `environments.${name}`));
  return { ...own, version };
};

const picking = (plan: Plan, unit: boolean): Picking => ({
  unit,
  named: (names, name) => (names === 'model' ? modelIdentity(plan, name) : environmentIdentity(plan, name)),
});

const promptsOf = (plan: Plan, stage: StageName, part?: string): JsonObject =>
  Object.fromEntries(
    Object.entries(plan.prompts).filter(([name]) =>
      part === undefined
        ? name === stage || name.startsWith(`${stage}/`)
        : name === stage || name === `${stage}/${part}`,
    ),
  );

/** The prompt that a member is asked with: its own, or the committee's. */
const votePrompt = (plan: Plan, { name, prompt }: Seat): string | undefined =>
  plan.prompts[prompt === undefined ? 'filter' : ownPromptName(name)];

/**
 * Votes are their voter's, whatever it is called: members stand for their model and a prompt of their own, and criteria for their questions,
 * whichever way they are written down. Names and weights change nothing.
 */
const committeeIdentity = (
  plan: Plan,
  stage: FullStage<'filter'>,
  own: JsonObject,
  member?: string,
): { parameters: JsonObject; prompts: JsonObject } => {
  const committee = { ...(isMap(own.committee) ? own.committee : {}) };
  const questions = Object.fromEntries(Object.entries(criteriaOf(stage)).map(([name, { ask }]) => [name, ask]));
  if (canonical(questions) === canonical(paperCriteria)) delete committee.criteria;
  else committee.criteria = questions;
  const seats = seatsOf(stage);
  if (member === undefined)
    committee.members = seats.map((seat) => ({
      ...modelIdentity(plan, seat.model),
      ...(seat.prompt === undefined ? {} : { prompt: votePrompt(plan, seat) ?? '' }),
    }));
  const voter = seats.find(({ name }) => name === member);
  const prompt = voter === undefined ? plan.prompts.filter : votePrompt(plan, voter);
  const { committee: _written, ...others } = own;
  return {
    parameters: Object.keys(committee).length === 0 ? others : { ...others, committee },
    prompts: prompt === undefined ? {} : { filter: prompt },
  };
};

const identity = (plan: Plan, stage: FullStage, unit: boolean, part?: string): JsonObject => {
  const schema = childSchema(pipelineSchema, 'stages')?.items ?? {};
  const { uses, ...own } = parameters(schema, stage, picking(plan, unit));
  const known =
    stage.uses === 'interact' && stage.knowledge !== undefined ? content(plan, 'stages.interact.knowledge') : {};
  return {
    stage: uses ?? stage.uses,
    version: plan.versions.stages[stage.uses] ?? '1',
    seed: plan.spec.seed,
    ...(stage.uses === 'filter'
      ? committeeIdentity(plan, stage, own, part)
      : { parameters: withoutPlaces(own, known), prompts: promptsOf(plan, stage.uses, part) }),
    ...known,
  };
};

/** What is in an index counts, not where it lies; the documents that are retrieved are part of each task, whichever run read them. */
const withoutPlaces = (own: JsonObject, known: JsonObject): JsonObject => {
  const { knowledge } = own;
  if (knowledge === undefined || !isMap(knowledge)) return own;
  const { index, documents, ...rest } = knowledge;
  const { from: _from, ...looked } = isMap(documents) ? documents : {};
  return {
    ...own,
    knowledge: {
      ...rest,
      ...(index === undefined || known.content !== undefined ? {} : { index }),
      ...(documents === undefined ? {} : { documents: looked }),
    },
  };
};

/**
 * Everything that a stage's output depends on besides its inputs, as JSON: hash `canonical()` of it. Names of models and
 * environments are replaced by what they name, so renaming one changes nothing. Null when the pipeline has no such stage.
 */
export const stageIdentity = (plan: Plan, name: StageName): Json => {
  const stage = stageOf(plan, name);
  return stage === undefined ? null : identity(plan, stage, false);
};

/** A unit of paid work: the tasks of a document, an attempt at a task, a window relabelled in one style, a member's vote. */
export type Unit =
  | { stage: 'instruct' }
  | { stage: 'interact' }
  | { stage: 'construct'; style: string }
  | { stage: 'filter'; member: string };

/**
 * Everything that one unit's output depends on besides its inputs. Narrower than the stage: keys that only decide which
 * units there are (how many windows, which styles, which members) are left out, so that a new member asks nobody else again.
 */
export const unitIdentity = (plan: Plan, unit: Unit): Json => {
  const stage = stageOf(plan, unit.stage);
  if (stage === undefined) return null;
  if (unit.stage === 'construct') return { ...identity(plan, stage, true, unit.style), style: unit.style };
  if (unit.stage === 'filter') {
    const seat = stage.uses === 'filter' ? seatsOf(stage).find(({ name }) => name === unit.member) : undefined;
    const member = modelIdentity(plan, seat?.model ?? unit.member);
    return { ...identity(plan, stage, true, unit.member), member };
  }
  return identity(plan, stage, true);
};

/** True when a model or a place of the plan is scripted: all output is labelled so. */
export const isScripted = ({ spec }: Plan): boolean =>
  Object.values(spec.models).some(({ provider }) => provider === 'scripted') ||
  Object.values(spec.environments).some(({ kind }) => kind === 'scripted');
