/** Spec → plan, and the identities that decide what of earlier work can be used again. */
import type { Json, JsonObject } from '../schemas/common.ts';
import type { OwnModules } from '../schemas/own-module.ts';
import type { FullModel } from '../schemas/pipeline/model.ts';
import type { FullSpec } from '../schemas/pipeline/pipeline.ts';
import type { FullStage, StageName } from '../schemas/pipeline/stage.ts';
import type { Plan, Versions } from '../schemas/plan.ts';
import { canonical } from './canonical.ts';
import { criteriaOf, ownPromptName, type Seat, seatsOf } from './committee.ts';
import { isOwn, isOwnPath } from './own-path.ts';
import { schemaWith } from './spec/own/extend-schema.ts';
import { childSchema, isMap, isNote, resolveSchema, type SchemaNode } from './spec/schema.ts';
import { paperCriteria } from './vote-schema.ts';

/** The plan of a run: plain JSON, ready to be stored. */
export const makePlan = (
  spec: FullSpec,
  folder: string,
  prompts: Record<string, string>,
  versions: Versions,
  own?: OwnModules,
): Plan => ({
  format: 1,
  spec,
  folder,
  prompts,
  versions,
  ...(own === undefined ? {} : { own }),
});

/** The stage of that name, or undefined when the pipeline does not use it. */
export const stageOf = <N extends StageName>(plan: Plan, name: N): FullStage<N> | undefined =>
  plan.spec.stages.find((stage): stage is FullStage<N> => stage.uses === name);

/** How parameters are picked: `unit` leaves out the keys that only decide which units of work there are. */
interface Picking {
  unit: boolean;
  /** What stands in place of a name. */
  named: (names: 'model' | 'environment', name: string) => Json;
  /** The content of a file that a module of the user's own names; undefined for all other files. */
  file: (path: string) => string | undefined;
}

/** The part of a value that its output depends on, by the schema's `x-effect`; undefined where nothing remains. */
const pick = (schema: SchemaNode, value: Json, picking: Picking): Json | undefined => {
  const governing = resolveSchema(schema, value);
  if ((schema['x-effect'] ?? governing['x-effect'] ?? 'output') !== 'output') return undefined;
  if (picking.unit && schema['x-selects'] === true) return undefined;
  const names = schema['x-names'] ?? governing['x-names'];
  if ((names === 'prompt' || names === 'file') && typeof value === 'string') {
    const known = picking.file(value);
    if (known !== undefined) return { content: known };
  }
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

const nothingNamed: Picking = { unit: false, named: (_names, name) => name, file: () => undefined };

export const below = (plan: Plan, ...steps: string[]): SchemaNode =>
  steps.reduce<SchemaNode>((schema, step) => childSchema(schema, step) ?? {}, schemaWith(plan.own));

const parameters = (schema: SchemaNode, value: unknown, picking: Picking = nothingNamed): JsonObject => {
  const picked = pick(schema, value as Json, picking);
  return picked !== undefined && isMap(picked) ? picked : {};
};

const content = (plan: Plan, place: string): JsonObject => {
  const known = plan.versions.contents[place];
  return known === undefined ? {} : { content: known };
};

/** Where the content of a file that a module of the user's own names is kept. */
export const fileKey = (path: string): string => `file:${path}`;
/** Where the content of such a module is kept. */
export const moduleKey = (path: string): string => `module:${path}`;

/** What the output of a module of the user's own depends on: its code in place of its path, its version, its parameters. */
export const ownIdentity = (
  plan: Plan,
  path: string,
  schema: SchemaNode,
  spec: unknown,
  wrapping: string[] = [],
): JsonObject => {
  const {
    uses: _uses,
    kind: _kind,
    provider: _provider,
    ...own
  } = parameters(schema, spec, {
    unit: false,
    named: (names, name) =>
      names === 'model' ? modelIdentityIn(plan, name, wrapping) : environmentIdentity(plan, name, wrapping),
    file: (file) => plan.versions.contents[fileKey(file)],
  });
  const { content: code } = content(plan, moduleKey(path));
  return { own: code ?? path, version: plan.own?.[path]?.version ?? '1', parameters: own };
};

/** What a model's output depends on: provider, model id or content, sampling parameters; never key, price or limits. */
export const modelIdentity = (plan: Plan, name: string): JsonObject => modelIdentityIn(plan, name, []);

const modelIdentityIn = (plan: Plan, name: string, wrapping: string[]): JsonObject => {
  const model: FullModel | undefined = plan.spec.models[name];
  if (model === undefined) return { missing: name };
  if (wrapping.includes(name)) return { circle: true };
  const schema = below(plan, 'models', name);
  if (isOwn(model)) return ownIdentity(plan, model.provider, schema, model, [...wrapping, name]);
  return withContent(parameters(schema, model), content(plan, `models.${name}`));
};

/** Where the content is known, it stands in place of the path or name that led to it. */
const withContent = (own: JsonObject, known: JsonObject): JsonObject => {
  if (known.content === undefined) return own;
  const { model: _model, script: _script, copy: _copy, ...rest } = own;
  return { ...rest, ...known };
};

/** What an observation depends on besides the actions: the environment's output parameters, driver version, content. */
export const environmentIdentity = (plan: Plan, name: string, wrapping: string[] = []): JsonObject => {
  const environment = plan.spec.environments[name];
  if (environment === undefined) return { missing: name };
  const schema = below(plan, 'environments', name);
  if (isOwn(environment)) return ownIdentity(plan, environment.kind, schema, environment, wrapping);
  const version = plan.versions.environments[environment.kind] ?? '1';
  const own = withContent(parameters(schema, environment), content(plan, `environments.${name}`));
  return { ...own, version };
};

const picking = (plan: Plan, unit: boolean): Picking => ({
  unit,
  named: (names, name) => (names === 'model' ? modelIdentity(plan, name) : environmentIdentity(plan, name)),
  file: () => undefined,
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
  const schema = below(plan, 'stages').items ?? {};
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
export const isScripted = (plan: Plan): boolean => scriptedParts(plan).length > 0;

/** Names of the models and places that follow a script. */
export const scriptedParts = ({ spec, own }: Plan): string[] => {
  const scripted = (tag: string): boolean => tag === 'scripted' || (isOwnPath(tag) && own?.[tag]?.scripted === true);
  return [
    ...Object.entries(spec.models).flatMap(([name, { provider }]) => (scripted(provider) ? [name] : [])),
    ...Object.entries(spec.environments).flatMap(([name, { kind }]) => (scripted(kind) ? [name] : [])),
  ];
};
