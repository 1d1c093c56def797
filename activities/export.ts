/** Writes the dataset of a run: rows, the formats asked for, a card that says how it was made. */
import { join } from 'node:path';
import { canonical } from '../core/canonical.ts';
import { seatsOf } from '../core/committee.ts';
import { modelsNamedBy } from '../core/own.ts';
import { isOwn } from '../core/own-path.ts';
import { stageOf as findStage, modelIdentity, scriptedParts } from '../core/plan.ts';
import type { DatasetFacts, Row } from '../schemas/dataset.ts';
import type { DatasetSummary, ExportInput, Funnel } from '../schemas/flow.ts';
import type { Format } from '../schemas/format.ts';
import type { ActionDefinition } from '../schemas/observation.ts';
import type { AnyStage } from '../schemas/pipeline/stage.ts';
import type { Plan } from '../schemas/plan.ts';
import type { Telling } from '../store/dataset/conversation.ts';
import { writeDataset } from '../store/dataset/write.ts';
import { getJson } from '../store/json.ts';
import { committeeOf } from './committee.ts';
import type { Deps } from './deps.ts';
import { placeOf, stageOf } from './plans.ts';
import { documentsOf } from './read.ts';
import { readRows } from './rows.ts';

export const exportDataset =
  (deps: Deps) =>
  async (input: ExportInput): Promise<Pick<DatasetSummary, 'folder' | 'files'>> => {
    const plan = await deps.plan(input.plan);
    const stage = stageOf(plan, 'export');
    const path = stage.path.replaceAll('${run}', input.run).replaceAll('${pipeline}', plan.spec.name);
    return writeRun(deps, plan, input, join(deps.home, path), stage);
  };

/** Writes what a run kept into a folder; a dataset that is there already is replaced. */
export async function writeRun(
  deps: Pick<Deps, 'store'>,
  plan: Plan,
  input: ExportInput,
  folder: string,
  { formats, ...telling }: Telling & { formats: Format[] },
): Promise<Pick<DatasetSummary, 'folder' | 'files'>> {
  const rows = await readRows(deps.store, plan, input.summary.rows);
  const { files } = await writeDataset(folder, rows, await factsOf(deps, plan, input, rows), formats, telling);
  return { folder, files };
}

async function factsOf(
  deps: Pick<Deps, 'store'>,
  plan: Plan,
  { run, plan: ref, funnel, summary, usage }: ExportInput,
  rows: Row[],
): Promise<DatasetFacts> {
  const { spec } = plan;
  const interact = stageOf(plan, 'interact');
  const stage = findStage(plan, 'export');
  return {
    name: spec.name,
    ...(spec.description === undefined ? {} : { description: spec.description }),
    run,
    pipeline: ref,
    generator: 'learn-by-interact',
    seed: spec.seed,
    environments: Object.entries(spec.environments).map(([name, { kind }]) => ({ name, kind })),
    models: Object.keys(spec.models).map((name) => ({ name, model: modelName(plan, name), uses: usesOf(plan, name) })),
    committee: committeeOf(plan) ?? { members: [], criteria: {}, passes: 'all', accept: 'unanimous' },
    counts: countsOf(funnel, summary),
    sources: await sourcesOf(deps, run),
    usage: Object.fromEntries(Object.entries(usage).filter(([account]) => !account.endsWith('/none'))),
    heldOut: stage?.split ?? 0,
    validation: stage?.validation ?? 0,
    splitBy: stage?.split_by ?? 'document',
    actions: await definitionsOf(deps, rows),
    agent: {
      prompt: plan.prompts.interact ?? '',
      place: placeOf(plan),
      history_chars: interact.history_chars,
      model: modelName(plan, interact.model),
    },
    scripted: scriptedParts(plan),
  };
}

/** What the agents of these rows could do, by the reference that the rows name it with. */
async function definitionsOf(deps: Pick<Deps, 'store'>, rows: Row[]): Promise<DatasetFacts['actions']> {
  const refs = [...new Set(rows.flatMap(({ actions }) => actions ?? []))].sort();
  const found = refs.map(async (ref) => [ref, await getJson<ActionDefinition[]>(deps.store, ref)] as const);
  return Object.fromEntries(await Promise.all(found));
}

/** Provider and model id, or what its identity says where there is no id. */
function modelName(plan: Plan, name: string): string {
  const spec = plan.spec.models[name];
  if (spec === undefined) return name;
  if (isOwn(spec)) return `${plan.own?.[spec.provider]?.name ?? spec.provider} ${canonical(modelIdentity(plan, name))}`;
  return spec.provider === 'scripted' ? canonical(modelIdentity(plan, name)) : `${spec.provider}/${spec.model}`;
}

function usesOf(plan: Plan, name: string): string[] {
  const uses = (stage: AnyStage): boolean =>
    (isOwn(stage) && modelsNamedBy(plan, stage).includes(name)) ||
    ('model' in stage && stage.model === name) ||
    (stage.uses === 'filter' && seatsOf(stage).some(({ model }) => model === name)) ||
    (stage.uses === 'interact' && stage.knowledge?.model?.query_model === name);
  return plan.spec.stages.filter(uses).map((stage) => plan.own?.[stage.uses]?.name ?? stage.uses);
}

const countsOf = (funnel: Funnel, summary: DatasetSummary): DatasetFacts['counts'] => [
  { what: 'documents', count: funnel.documents },
  { what: 'tasks after duplicates', count: funnel.tasks },
  { what: 'trajectories', count: funnel.episodes },
  { what: 'windows', count: funnel.windows },
  { what: 'examples put to the committee', count: funnel.voted },
  { what: 'examples kept', count: summary.kept },
];

/** What the card calls a source: pages of a site by their site, files by the folder above their documentation. */
const groupOf = (source: string): string => {
  if (/^https?:/.test(source)) return /@[0-9a-f]{40}$/.test(source) ? source : new URL(source).origin;
  return source.split('/')[0] === source ? source : source.replace(/\/(docs|editions)\/.*$/, '');
};

async function sourcesOf(deps: Pick<Deps, 'store'>, run: string): Promise<DatasetFacts['sources']> {
  const sources = new Map<string, DatasetFacts['sources'][number]>();
  for await (const { source, license } of documentsOf(deps.store, run)) {
    const name = groupOf(source);
    const known = sources.get(name) ?? { source: name, documents: 0, ...(license === undefined ? {} : { license }) };
    sources.set(name, { ...known, documents: known.documents + 1 });
  }
  return [...sources.values()];
}
