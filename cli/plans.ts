/** From a pipeline file to the plan that a run carries: prompts read, named files hashed, everything resolved. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { listDocuments } from '../activities/corpus.ts';
import { indexFolder, wantsExamples } from '../activities/retrieve.ts';
import { LbiError } from '../core/errors.ts';
import { filesOfOwn } from '../core/own.ts';
import { isOwn } from '../core/own-path.ts';
import { fileKey, makePlan } from '../core/plan.ts';
import { withDefaults } from '../core/spec/defaults.ts';
import { schemaWith } from '../core/spec/own/extend-schema.ts';
import { renderProblems } from '../core/spec/render.ts';
import { stageVersions } from '../core/versions.ts';
import { openDriver } from '../environments/environments.ts';
import { findWeights, knownWeights } from '../models/weights.ts';
import type { Json, Ref } from '../schemas/common.ts';
import type { OwnModules } from '../schemas/own-module.ts';
import type { FullSpec, PipelineSpec } from '../schemas/pipeline/pipeline.ts';
import type { Plan } from '../schemas/plan.ts';
import { getJson } from '../store/json.ts';
import { openIndex } from '../store/retrieval.ts';
import type { Store } from '../store/store.ts';
import { openStore } from '../store/stores.ts';
import { cacheFolder, indexesFolder, storeUrl } from './home.ts';
import { moduleContents } from './modules.ts';
import { hasPrice, type PipelineFileOptions, readPipelineFile, unreadable } from './pipeline-file.ts';
import { readPrompts } from './prompts.ts';
import { WrongCall } from './wrong-call.ts';

/** The plan of a file; undefined when the file is wrong: every problem has then been printed on stderr. */
export async function planFile(
  file: string,
  options: Pick<PipelineFileOptions, 'profile' | 'set' | 'input'>,
): Promise<Plan | undefined> {
  const { loaded, folder } = await readPipelineFile(file, { ...options, knownPrice: hasPrice }).catch(
    (error: unknown) => {
      throw new WrongCall(unreadable(file, error));
    },
  );
  const color = process.stderr.isTTY === true && process.env.NO_COLOR === undefined;
  const problems = 'problems' in loaded ? loaded.problems : loaded.warnings;
  if (problems.length > 0) process.stderr.write(renderProblems(problems, loaded.sources, { color }));
  if ('problems' in loaded) return undefined;
  const { own } = loaded;
  await passJudge(loaded.spec, own);
  const spec = withDefaults(loaded.spec, own);
  const prompts = await readPrompts(spec, folder);
  const versions = {
    stages: stageVersions,
    environments: await driverVersions(spec),
    contents: { ...(await contentsOf(spec, folder)), ...(await moduleContents(folder, Object.keys(own ?? {}))) },
  };
  const below = relative(process.cwd(), folder);
  const within = below.startsWith('..') || isAbsolute(below) ? {} : { within: below };
  const plan: Plan = { ...makePlan(spec, folder, prompts, versions, own), ...within };
  for (const path of filesOfOwn(plan)) versions.contents[fileKey(path)] = await contentHash(resolve(folder, path));
  return plan;
}

/** Nothing becomes a plan that Ajv does not accept: should the two ever differ, this says so before any work is done. */
async function passJudge({ inputs: _values, ...spec }: PipelineSpec, own: OwnModules | undefined): Promise<void> {
  const { judge } = await import('../core/spec/judge.ts');
  const misfit = judge(schemaWith(own))(spec as unknown as Json);
  if (misfit !== undefined)
    throw new LbiError(
      'fatal',
      `the checks of the pipeline disagree, which is a fault of lbi, not of the file: ${misfit}`,
    );
}

async function driverVersions(spec: FullSpec): Promise<Record<string, string>> {
  const ours = Object.values(spec.environments).flatMap((place) => (isOwn(place) ? [] : [place.kind]));
  const kinds = [...new Set(ours)];
  const drivers = await Promise.all(kinds.map(async (kind) => [kind, (await openDriver(kind)).version] as const));
  return Object.fromEntries(drivers);
}

/** sha256 of scripts and weights: what a name stands for, so that a changed file is another model. */
async function contentsOf(spec: FullSpec, folder: string): Promise<Record<string, string>> {
  const contents: Record<string, string> = {};
  for (const [name, model] of Object.entries(spec.models)) {
    if (model.provider === 'scripted') {
      const bytes = await readFile(resolve(folder, model.script)).catch(() => {
        throw new LbiError('spec', `models.${name}: the script ${resolve(folder, model.script)} cannot be read`);
      });
      contents[`models.${name}`] = createHash('sha256').update(bytes).digest('hex');
    }
    if (model.provider === 'local') {
      const sha256 = knownWeights(model.model)?.sha256 ?? (await findWeights(model.model, cacheFolder()))?.sha256;
      if (sha256 === undefined)
        throw new LbiError(
          'spec',
          `models.${name}: there are no weights "${model.model}" here; known are qwen2.5-coder-1.5b and qwen2.5-coder-0.5b, or give the path of a GGUF file`,
        );
      contents[`models.${name}`] = sha256;
    }
  }
  return { ...contents, ...(await copiesOf(spec, folder)), ...(await knowledgeOf(spec)) };
}

/** What is in the folders that places begin with: an edited file is another place. Those inside a package are named by its version. */
async function copiesOf(spec: FullSpec, folder: string): Promise<Record<string, string>> {
  const copies: Record<string, string> = {};
  for (const [name, place] of Object.entries(spec.environments)) {
    const copy = place.kind === 'shell' ? place.copy : place.kind === 'browser' ? place.app?.copy : undefined;
    if (copy === undefined || copy.includes('${package}')) continue;
    copies[`environments.${name}`] = await folderHash(resolve(folder, copy));
  }
  return copies;
}

/** sha256 over the names and contents of all files of a folder. */
export async function folderHash(folder: string): Promise<string> {
  const hash = createHash('sha256');
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => {
    throw new LbiError('spec', `the folder ${folder} that the pipeline names cannot be read`);
  });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.sort()) {
    const bytes = await readFile(file);
    hash.update(`${relative(folder, file)}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest('hex');
}

/** sha256 of a file or a folder that a module of the user's own is told of. */
async function contentHash(path: string): Promise<string> {
  const bytes = await readFile(path).catch(() => undefined);
  return bytes === undefined ? folderHash(path) : createHash('sha256').update(bytes).digest('hex');
}

/**
 * What the examples are that the agent is shown: an index built anew is other knowledge. (Documents are known once the sources were
 * read: activities/corpus.ts.) Throws a spec error when the index or the run that is named is not there.
 */
async function knowledgeOf(spec: FullSpec): Promise<Record<string, string>> {
  for (const stage of spec.stages) {
    const from = stage.uses === 'interact' ? (stage.knowledge?.documents?.from ?? 'sources') : 'sources';
    if (from !== 'sources') await listDocuments(await openStore(storeUrl()), from);
    if (stage.uses !== 'interact' || stage.knowledge?.index === undefined || !wantsExamples(stage.knowledge)) continue;
    const index = await openIndex(indexFolder(indexesFolder(), stage.knowledge.index));
    const { identity } = index;
    index.close();
    return { 'stages.interact.knowledge': identity };
  }
  return {};
}

/** The plan with the folder of its pipeline as it is here: where it was, or in this copy of what it was planned in. Contents are checked where files are used. */
function located(plan: Plan): Plan {
  if (plan.within === undefined || existsSync(plan.folder)) return plan;
  const here = resolve(plan.within);
  return existsSync(here) ? { ...plan, folder: here, plannedFolder: plan.folder } : plan;
}

/** Plans by ref, each read once. */
export function planReader(store: Store): (ref: Ref) => Promise<Plan> {
  const plans = new Map<Ref, Promise<Plan>>();
  return (ref) => {
    const known = plans.get(ref);
    if (known !== undefined) return known;
    const reading = getJson<Plan>(store, ref).then(located);
    plans.set(ref, reading);
    reading.catch(() => plans.delete(ref));
    return reading;
  };
}
