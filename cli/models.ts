/** Models as workers hold them: opened once per spec, with secrets and weights found on this machine. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { modelSpecOf } from '../activities/plans.ts';
import { canonical } from '../core/canonical.ts';
import { ModelError } from '../core/errors.ts';
import { modelsNamedBy } from '../core/own.ts';
import { isOwn } from '../core/own-path.ts';
import { modelIdentity } from '../core/plan.ts';
import { localEmbedder } from '../models/embedder.ts';
import type { ModelFacts } from '../models/facts.ts';
import type { Embedder, Model, ModelContext } from '../models/model.ts';
import { openModel } from '../models/models.ts';
import type { OwnModelContext } from '../models/own.ts';
import { findWeights } from '../models/weights.ts';
import type { FullOwnModel } from '../schemas/pipeline/model.ts';
import type { Plan } from '../schemas/plan.ts';
import { hashOf } from '../store/json.ts';
import { cacheFolder, environmentFile, notHere, program } from './home.ts';
import { plannedModel } from './modules.ts';

/** Reads a secret at the moment it is needed: the environment first, then `.env` beside `.lbi`, so that a fixed key is noticed. */
function secret(name: string): string {
  const value = process.env[name] ?? environmentFile()[name];
  if (value !== undefined && value !== '') return value;
  throw new ModelError(
    'operator',
    `the secret ${name} is not set: put ${name}=… into the file .env here (it is read at once), then ${program} resume RUN`,
  );
}

async function weights(name: string): Promise<string> {
  const found = await findWeights(name, cacheFolder());
  if (found !== undefined) return found.path;
  throw new ModelError(
    'operator',
    `the weights of "${name}" are not on this machine: ${program} doctor --fix brings the known ones`,
  );
}

const contextOf = (plan: Plan): ModelContext => ({ secret, weights, file: (path) => resolve(plan.folder, path) });

type Open = (plan: Plan, name: string, within: string[]) => Promise<Model>;

/** Throws `spec` when a script has changed since the plan was made: its replies would be kept as those of the old one. */
async function openPlanned(plan: Plan, name: string, within: string[], open: Open): Promise<Model> {
  const spec = modelSpecOf(plan, name);
  if (isOwn(spec)) return openOwn(plan, name, spec, within, open);
  if (spec.provider === 'scripted' && !existsSync(resolve(plan.folder, spec.script)))
    throw new ModelError('operator', notHere(`the script of models.${name}`, resolve(plan.folder, spec.script)));
  const model = await openModel(spec, contextOf(plan));
  const planned = plan.versions.contents[`models.${name}`];
  if (spec.provider !== 'scripted' || planned === undefined || model.identity === `scripted:${planned}`) return model;
  throw new ModelError(
    'spec',
    `models.${name}: the script ${spec.script} is no longer the one that this run was planned with: run the pipeline again`,
  );
}

/** What is known of a model of the user's own without opening it. */
export const ownModelFacts = (plan: Plan, name: string): ModelFacts => {
  const module = plan.own?.[plan.spec.models[name]?.provider ?? ''];
  return {
    identity: `own:${hashOf(modelIdentity(plan, name))}`,
    scripted: module?.scripted === true,
    images: module?.images === true,
  };
};

/** A model of the user's own. It may ask other models of the pipeline, those that its schema names. */
async function openOwn(plan: Plan, name: string, spec: FullOwnModel, within: string[], open: Open): Promise<Model> {
  const own = await plannedModel(plan, spec.provider);
  const named = modelsNamedBy(plan, spec);
  const chain = [...within, name];
  const context: OwnModelContext = {
    ...contextOf(plan),
    // A reference to a secret as the pipeline writes it is as good as its name.
    secret: (text) => secret(/^\$\{secret:(.*)\}$/.exec(text)?.[1] ?? text),
    model: async (other) => {
      if (!named.includes(other))
        throw new ModelError(
          'spec',
          `models.${name} asks the model "${other}", but no key of its schema names it: text('output', '…', { names: 'model' })`,
        );
      if (chain.includes(other))
        throw new ModelError('spec', `models.${name} wraps itself: ${[...chain, other].join(' → ')}`);
      return open(plan, other, chain);
    },
  };
  return own.open(spec, context, ownModelFacts(plan, name).identity);
}

/** A model that is opened anew after its key was refused: the person may have put another one in place. */
const forgotten = (model: Model, forget: () => void): Model => ({
  ...model,
  complete: async (request, options) => {
    try {
      return await model.complete(request, options);
    } catch (error) {
      if (error instanceof ModelError && error.kind === 'operator') forget();
      throw error;
    }
  },
});

export function modelOpener(): { open(plan: Plan, name: string): Promise<Model>; close(): Promise<void> } {
  const models = new Map<string, Promise<Model>>();
  const open = (plan: Plan, name: string, within: string[] = []): Promise<Model> => {
    const spec = modelSpecOf(plan, name);
    const { limits: _limits, ...rest } = spec;
    const content = isOwn(spec) ? modelIdentity(plan, name) : (plan.versions.contents[`models.${name}`] ?? null);
    const key = canonical([rest, content, spec.provider === 'scripted' || isOwn(spec) ? plan.folder : null]);
    const known = models.get(key);
    if (known !== undefined) return known;
    const forget = (): void => void models.delete(key);
    const opening = openPlanned(plan, name, within, open).then((model) =>
      'api_key' in spec ? forgotten(model, forget) : model,
    );
    models.set(key, opening);
    // A model that could not be opened is tried again by the next call: the person may have mended it.
    opening.catch(forget);
    return opening;
  };
  const close = async (): Promise<void> => {
    await Promise.allSettled([...models.values()].map(async (model) => (await model).close()));
  };
  return { open, close };
}

export function embedderOnce(): { open(): Promise<Embedder>; close(): Promise<void> } {
  let opening: Promise<Embedder> | undefined;
  const open = (): Promise<Embedder> => {
    if (opening !== undefined) return opening;
    const started = localEmbedder(join(cacheFolder(), 'minilm'));
    opening = started;
    started.catch(() => {
      opening = undefined;
    });
    return started;
  };
  const close = async (): Promise<void> => {
    await (await opening?.catch(() => undefined))?.close();
  };
  return { open, close };
}
