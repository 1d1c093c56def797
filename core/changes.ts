/** Which fields of a plan differ from an earlier one's, stage by stage, in words a person knows from the file. */
import type { Json, JsonObject } from '../schemas/common.ts';
import type { FullStage, StageName } from '../schemas/pipeline/stage.ts';
import type { Plan } from '../schemas/plan.ts';
import { canonical } from './canonical.ts';
import { criteriaOf, ownPromptName, type Seat, seatsOf } from './committee.ts';
import { clip } from './describe.ts';
import { isOwn } from './own-path.ts';
import { modelIdentity, stageIdentity, stageOf } from './plan.ts';
import { schemaWith } from './spec/own/extend-schema.ts';
import { childSchema, isMap, isNote, resolveSchema, type SchemaNode } from './spec/schema.ts';

/** One field whose value differs; undefined stands for a field that is not there. */
export interface Change {
  /** as in the file, e.g. `environments.web.observation.max_chars` */
  path: string;
  from?: Json | undefined;
  to?: Json | undefined;
  /** the change as one line */
  text: string;
}

const same = (a: Json | undefined, b: Json | undefined): boolean =>
  a === undefined || b === undefined ? a === b : canonical(a) === canonical(b);

const shown = (value: Json | undefined): string =>
  value === undefined ? 'unset' : clip(typeof value === 'string' ? value : JSON.stringify(value), 40);

const change = (path: string, from: Json | undefined, to: Json | undefined): Change => ({
  path,
  from,
  to,
  text: `${path} ${shown(from)} → ${shown(to)}`,
});

/** The fields at which two values part; lists are compared whole. */
function* leaves(
  from: Json | undefined,
  to: Json | undefined,
  path: string[],
): Generator<[string[], Json | undefined, Json | undefined]> {
  if (same(from, to)) return;
  if (!isMap(from) || !isMap(to)) {
    yield [path, from, to];
    return;
  }
  for (const name of new Set([...Object.keys(from), ...Object.keys(to)]))
    yield* leaves(from[name], to[name], [...path, name]);
}

/**
 * What differs in all that the output of a stage depends on besides its inputs. A model or place under another name is no change.
 * Empty when either plan has no such stage.
 */
export function stageChanges(before: Plan, after: Plan, name: StageName): Change[] {
  const from = stageIdentity(before, name);
  const to = stageIdentity(after, name);
  const stage = stageOf(after, name);
  if (!isMap(from) || !isMap(to) || stage === undefined) return [];
  const members = stage.uses === 'filter' ? memberChanges(before, after) : [];
  const [a, b] = [from, to].map((identity) => withoutMembers(identity));
  const named = namesIn(stage);
  const filled = (
    path: string[],
    old: Json | undefined,
    now: Json | undefined,
  ): [Json | undefined, Json | undefined] =>
    old !== undefined && now !== undefined
      ? [old, now]
      : [defaultAt(before, stageOf(before, name), path) ?? old, defaultAt(after, stage, path) ?? now];
  const found = [...leaves(a, b, [])]
    .flatMap(([path, old, now]) => [...leaves(...filled(path, old, now), path)])
    .map(([path, old, now]) => inWords(after, stage, named, path, old, now));
  return [...new Map([...members, ...found].map((each) => [each.text, each])).values()];
}

/** A key at its default is in no identity: the value that it has in the plan. `path` is one of the stage's identity. */
function defaultAt(plan: Plan, stage: FullStage | undefined, path: string[]): Json | undefined {
  if (stage === undefined || path[0] !== 'parameters') return undefined;
  const whole = path.join('.');
  for (const [prefix, name] of Object.entries(namesIn(stage))) {
    if (!whole.startsWith(`${prefix}.`)) continue;
    return valueAt(plan.spec as unknown as Json, [...name.split('.'), ...whole.slice(prefix.length + 1).split('.')]);
  }
  // The identity holds the questions however they are written, and leaves out the paper's.
  if (stage.uses === 'filter' && whole.startsWith('parameters.committee.criteria'))
    return valueAt(questionsOf(stage), path.slice(3));
  return valueAt(stage as unknown as Json, path.slice(1));
}

const questionsOf = (stage: FullStage<'filter'>): Json =>
  Object.fromEntries(Object.entries(criteriaOf(stage)).map(([name, { ask }]) => [name, ask]));

const valueAt = (value: Json | undefined, path: string[]): Json | undefined =>
  path.reduce<Json | undefined>((at, step) => (isMap(at) ? at[step] : undefined), value);

/** The members of a committee are compared one by one. */
const withoutMembers = (identity: JsonObject): JsonObject => {
  const { parameters } = identity;
  if (!isMap(parameters) || !isMap(parameters.committee)) return identity;
  const { members: _members, ...committee } = parameters.committee;
  return { ...identity, parameters: { ...parameters, committee } };
};

/** Where an identity holds what a name stands for: the name as the file has it. */
const namesIn = (stage: FullStage): Record<string, string> => ({
  ...('model' in stage ? { 'parameters.model': `models.${stage.model}` } : {}),
  ...('environment' in stage ? { 'parameters.environment': `environments.${stage.environment}` } : {}),
  ...(stage.uses === 'interact' && stage.knowledge?.model !== undefined
    ? { 'parameters.knowledge.model.query_model': `models.${stage.knowledge.model.query_model}` }
    : {}),
});

function inWords(
  plan: Plan,
  stage: FullStage,
  named: Record<string, string>,
  path: string[],
  from: Json | undefined,
  to: Json | undefined,
): Change {
  const whole = path.join('.');
  if (whole === 'seed') return change('seed', from, to);
  if (whole === 'version')
    return { ...change(stage.uses, from, to), text: `${stage.uses} works otherwise than before` };
  if (whole === 'content') return { ...change(stage.uses, from, to), text: 'the index of knowledge was made anew' };
  if (path[0] === 'prompts') return promptChange(path.slice(1).join('.'), from, to);
  for (const [prefix, name] of Object.entries(named)) {
    if (whole !== prefix && !whole.startsWith(`${prefix}.`)) continue;
    return namedChange(plan, name, whole.slice(prefix.length + 1), from, to);
  }
  return change([stage.uses, ...path.slice(1)].join('.'), from, to);
}

/** A field of a model or place. */
function namedChange(plan: Plan, name: string, field: string, from: Json | undefined, to: Json | undefined): Change {
  const path = field === '' ? name : `${name}.${field}`;
  const place = plan.spec.environments[name.replace('environments.', '')];
  if (field === 'version') {
    const kind = place?.kind ?? 'unknown';
    return { ...change(path, from, to), text: `driver ${kind} ${shown(from)} → ${shown(to)}` };
  }
  if (field === 'content') return { ...change(path, from, to), text: `the files behind ${name} changed` };
  if (field.startsWith('files.')) return { ...change(path, from, to), text: `${path} changed` };
  return change(path, from, to);
}

function promptChange(name: string, from: Json | undefined, to: Json | undefined): Change {
  const [old, now] = [from, to].map((text) => (typeof text === 'string' ? text.split('\n') : []));
  const lines = changedLines(old ?? [], now ?? []);
  return {
    path: `prompts.${name}`,
    text: `prompt of ${name} changed (${lines} ${lines === 1 ? 'line' : 'lines'})`,
  };
}

/** Lines that are not on both sides, the larger side's count. */
function changedLines(from: string[], to: string[]): number {
  const left = new Map<string, number>();
  for (const line of from) left.set(line, (left.get(line) ?? 0) + 1);
  let added = 0;
  for (const line of to) {
    const count = left.get(line) ?? 0;
    if (count === 0) added += 1;
    else left.set(line, count - 1);
  }
  const removed = [...left.values()].reduce((all, count) => all + count, 0);
  return Math.max(added, removed, 1);
}

/** What a member's votes depend on: its model, and the prompt that it alone is asked with. */
function memberIdentity(plan: Plan, { name, model, prompt }: Seat): JsonObject {
  return {
    ...modelIdentity(plan, model),
    ...(prompt === undefined ? {} : { prompt: plan.prompts[ownPromptName(name)] ?? '' }),
  };
}

function memberChanges(before: Plan, after: Plan): Change[] {
  const seatsIn = (plan: Plan): Seat[] => {
    const stage = stageOf(plan, 'filter');
    return stage === undefined ? [] : seatsOf(stage);
  };
  const identityOf = (plan: Plan, seat: Seat): string => canonical(memberIdentity(plan, seat));
  const [old, now] = [seatsIn(before), seatsIn(after)];
  const oldIdentities = new Set(old.map((seat) => identityOf(before, seat)));
  const identities = new Set(now.map((seat) => identityOf(after, seat)));
  const gone = old.filter((seat) => !identities.has(identityOf(before, seat)));
  const come = now.filter((seat) => !oldIdentities.has(identityOf(after, seat)));
  const path = 'filter.committee.members';
  return [
    ...come.flatMap((seat): Change[] => {
      const earlier = gone.find(({ name }) => name === seat.name);
      if (earlier === undefined) return [{ path, to: seat.name, text: `member ${seat.name} added` }];
      return sameMember(before, after, earlier, seat);
    }),
    ...gone
      .filter(({ name }) => come.every((seat) => seat.name !== name))
      .map(({ name }) => ({ path, from: name, text: `member ${name} left` })),
  ];
}

/** What became of a member that kept its name. */
function sameMember(before: Plan, after: Plan, old: Seat, now: Seat): Change[] {
  const modelAt = (plan: Plan, seat: Seat, path: string[]): Json | undefined =>
    valueAt(plan.spec.models[seat.model] as unknown as Json, path);
  return [...leaves(memberIdentity(before, old), memberIdentity(after, now), [])].map(([path, from, to]) =>
    path[0] === 'prompt'
      ? promptChange(ownPromptName(now.name), from, to)
      : namedChange(
          after,
          `models.${now.model}`,
          path.join('.'),
          from ?? modelAt(before, old, path),
          to ?? modelAt(after, now, path),
        ),
  );
}

/** Fields that differ and change the output of nothing: costs, limits, labels, and rules over what is stored. */
export function sideChanges(before: Plan, after: Plan): Change[] {
  const found: Change[] = [];
  const visit = (schema: SchemaNode, from: Json | undefined, to: Json | undefined, path: string): void => {
    if (same(from, to)) return;
    const effect = schema['x-effect'] ?? 'output';
    if (effect !== 'output') {
      for (const [steps, old, now] of leaves(from, to, [path])) found.push(change(steps.join('.'), old, now));
      return;
    }
    const governing = to === undefined ? schema : resolveSchema(schema, to);
    if (Array.isArray(from) && Array.isArray(to) && from.length === to.length) {
      for (const [at, item] of to.entries()) visit(governing.items ?? {}, from[at], item, `${path}.${at}`);
      return;
    }
    if (!isMap(from) || !isMap(to)) return;
    for (const name of new Set([...Object.keys(from), ...Object.keys(to)])) {
      if (isNote(governing, name)) continue;
      visit(childSchema(governing, name) ?? {}, from[name], to[name], path === '' ? name : `${path}.${name}`);
    }
  };
  const { stages: _old, ...from } = before.spec;
  const { stages: _new, ...to } = after.spec;
  const schema = schemaWith(after.own);
  visit(schema, from as Json, to as Json, '');
  const stageSchema = childSchema(schema, 'stages')?.items ?? {};
  for (const stage of after.spec.stages) {
    if (isOwn(stage)) continue;
    const old = stageOf(before, stage.uses);
    if (old !== undefined) visit(stageSchema, old as unknown as Json, stage as unknown as Json, stage.uses);
  }
  return found;
}

/** Documents of two runs: which came, went, or hold another text under the same name. */
export interface DocumentChanges {
  added: string[];
  removed: string[];
  changed: string[];
}

export function documentChanges(
  before: { id: string; ref: string }[],
  after: { id: string; ref: string }[],
): DocumentChanges {
  const old = new Map(before.map(({ id, ref }) => [id, ref]));
  const now = new Map(after.map(({ id, ref }) => [id, ref]));
  return {
    added: [...now.keys()].filter((id) => !old.has(id)),
    removed: [...old.keys()].filter((id) => !now.has(id)),
    changed: [...now].filter(([id, ref]) => old.has(id) && old.get(id) !== ref).map(([id]) => id),
  };
}
