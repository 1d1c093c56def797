/** What this machine lacks for a model or a place of a plan: a worker leaves such work to others that can do it. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { modelSpecOf } from '../activities/plans.ts';
import { indexFolder, wantsExamples } from '../activities/retrieve.ts';
import { LbiError } from '../core/errors.ts';
import { modelsNamedBy } from '../core/own.ts';
import { isOwn } from '../core/own-path.ts';
import { stageOf } from '../core/plan.ts';
import { secretName } from '../models/one-call.ts';
import { findWeights } from '../models/weights.ts';
import type { Plan } from '../schemas/plan.ts';
import { cacheFolder, indexesFolder, secretHere } from './home.ts';
import { driverOf, plannedModel, plannedStage } from './modules.ts';
import { folderHash } from './plans.ts';

/** The message of the error that a person can mend, where the work ends in one. */
async function lackOf(work: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof LbiError) return error.message;
    throw error;
  }
}

/** Why the model cannot be asked from this machine, or undefined. Nobody is asked. */
export async function modelLack(plan: Plan, name: string): Promise<string | undefined> {
  return (await ownModelLack(plan, name)) ?? (await stagesLack(plan, name)) ?? knowledgeLack(plan, name);
}

async function ownModelLack(plan: Plan, name: string): Promise<string | undefined> {
  const spec = modelSpecOf(plan, name);
  if (isOwn(spec)) return lackOf(() => plannedModel(plan, spec.provider));
  if (spec.provider === 'local')
    return (await findWeights(spec.model, cacheFolder())) === undefined
      ? `the weights of ${spec.model} are not here`
      : undefined;
  if (spec.provider === 'scripted') {
    const path = resolve(plan.folder, spec.script);
    const bytes = await readFile(path).catch(() => undefined);
    if (bytes === undefined) return `there is no ${path}`;
    const same = createHash('sha256').update(bytes).digest('hex') === plan.versions.contents[`models.${name}`];
    return same ? undefined : `${path} is another file than the one that was planned with`;
  }
  const secret = spec.api_key && secretName(spec.api_key);
  return secret === undefined || secretHere(secret) !== undefined ? undefined : `the secret ${secret} is not set here`;
}

/** Stages of the user's own that ask the model work in its queue. */
async function stagesLack(plan: Plan, name: string): Promise<string | undefined> {
  for (const stage of plan.spec.stages) {
    if (plan.own?.[stage.uses] === undefined || modelsNamedBy(plan, stage)[0] !== name) continue;
    const lack = await lackOf(() => plannedStage(plan, stage.uses));
    if (lack !== undefined) return lack;
  }
  return undefined;
}

/** The agent is shown examples of an index, which lies on the machine that made it. */
function knowledgeLack(plan: Plan, name: string): string | undefined {
  const stage = stageOf(plan, 'interact');
  const knowledge = stage?.model === name ? stage.knowledge : undefined;
  if (knowledge?.index === undefined || !wantsExamples(knowledge)) return undefined;
  const folder = indexFolder(indexesFolder(), knowledge.index);
  return existsSync(folder) ? undefined : `there is no index in ${folder}`;
}

/** Why a session of the place cannot be opened on this machine, or undefined. */
export async function placeLack(plan: Plan, name: string): Promise<string | undefined> {
  const spec = plan.spec.environments[name];
  if (spec === undefined) return undefined;
  return lackOf(async () => {
    const copy = 'copy' in spec ? spec.copy : 'app' in spec ? spec.app?.copy : undefined;
    const planned = plan.versions.contents[`environments.${name}`];
    if (copy !== undefined && planned !== undefined) {
      const here = resolve(plan.folder, copy);
      if ((await folderHash(here)) !== planned)
        throw new LbiError('operator', `${here} holds other files than when the run was planned`);
    }
    const missing = (await (await driverOf(plan, spec)).doctor(spec)).find(({ ok }) => !ok);
    if (missing !== undefined) throw new LbiError('operator', `${missing.what}: ${missing.detail}`);
  });
}
