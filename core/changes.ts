/** Which fields of a plan differ from an earlier one's, stage by stage, in words a person knows from the file. */
import type { Json, JsonObject } from '../schemas/common.ts';
import type { FullStage, StageName } from '../schemas/pipeline/stage.ts';
import type { Plan } from '../schemas/plan.ts';
import { canonical } from './canonical.ts';
import { clip } from './describe.ts';
import { modelIdentity, stageIdentity, stageOf } from './plan.ts';
import { childSchema, isMap, isNote, pipelineSchema, resolveSchema, type SchemaNode } from './spec/schema.ts';

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
  const found = [...leaves(a, b, [])].map(([path, old, now]) =>
    inWords(
      after,
      stage,
      named,
      path,
      old ?? defaultAt(before, stageOf(before, name), path),
      now ?? defaultAt(after, stage, path),
    ),
  );
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
  return valueAt(stage as unknown as Json, path.slice(1));
}

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

function memberChanges(before: Plan, after: Plan): Change[] {
  const membersOf = (plan: Plan): string[] => stageOf(plan, 'filter')?.committee.members ?? [];
  const identityOf = (plan: Plan, name: string): string => canonical(modelIdentity(plan, name));
  const [old, now] = [membersOf(before), membersOf(after)];
  const oldIdentities = new Set(old.map((name) => identityOf(before, name)));
  const identities = new Set(now.map((name) => identityOf(after, name)));
  const gone = old.filter((name) => !identities.has(identityOf(before, name)));
  const come = now.filter((name) => !oldIdentities.has(identityOf(after, name)));
  const both = come.filter((name) => gone.includes(name));
  return [
    ...both.flatMap((name) =>
      [...leaves(modelIdentity(before, name), modelIdentity(after, name), [])].map(([path, from, to]) =>
        namedChange(
          after,
          `models.${name}`,
          path.join('.'),
          from ?? valueAt(before.spec.models[name] as unknown as Json, path),
          to ?? valueAt(after.spec.models[name] as unknown as Json, path),
        ),
      ),
    ),
    ...come
      .filter((name) => !both.includes(name))
      .map((name) => ({ path: 'filter.committee.members', to: name, text: `member ${name} added` })),
    ...gone
      .filter((name) => !both.includes(name))
      .map((name) => ({ path: 'filter.committee.members', from: name, text: `member ${name} left` })),
  ];
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
    if (!isMap(from) || !isMap(to)) return;
    const governing = resolveSchema(schema, to);
    for (const name of new Set([...Object.keys(from), ...Object.keys(to)])) {
      if (isNote(governing, name)) continue;
      visit(childSchema(governing, name) ?? {}, from[name], to[name], path === '' ? name : `${path}.${name}`);
    }
  };
  const { stages: _old, profiles: _oldProfiles, ...from } = before.spec;
  const { stages: _new, profiles: _newProfiles, ...to } = after.spec;
  visit(pipelineSchema, from as Json, to as Json, '');
  const stageSchema = childSchema(pipelineSchema, 'stages')?.items ?? {};
  for (const stage of after.spec.stages) {
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
