/** Models as workers hold them: opened once per spec, with secrets and weights found on this machine. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { modelSpecOf } from '../activities/plans.ts';
import { canonical } from '../core/canonical.ts';
import { ModelError } from '../core/errors.ts';
import { modelsNamedBy } from '../core/own.ts';
import { isOwn } from '../core/own-path.ts';
import { modelIdentity } from '../core/plan.ts';
import { type Circuit, openCircuit } from '../models/circuit.ts';
import { localEmbedder } from '../models/embedder.ts';
import type { ModelFacts } from '../models/facts.ts';
import type { Allowance, Embedder, Model, ModelContext } from '../models/model.ts';
import { openModel } from '../models/models.ts';
import type { OwnModelContext } from '../models/own.ts';
import { findWeights } from '../models/weights.ts';
import type { FullOwnModel } from '../schemas/pipeline/model.ts';
import type { Plan } from '../schemas/plan.ts';
import { hashOf } from '../store/json.ts';
import { cacheFolder, notHere, program, secretsHere } from './home.ts';
import { plannedModel } from './modules.ts';
import { modelQueue } from './queues.ts';

/** Hashes of values that a provider refused. */
const refused = new Set<string>();
const refusedAs = (name: string, value: string): string => hashOf([name, value]);

const untried = (name: string): string | undefined =>
  secretsHere(name).find((value) => !refused.has(refusedAs(name, value)));

/**
 * Reads a secret at the moment it is needed, so that a mended key is noticed. A value that was refused steps back behind the other:
 * the environment is that of whoever started the worker, and may be older than the file.
 */
function secret(name: string): string {
  const fresh = untried(name);
  if (fresh !== undefined) return fresh;
  const values = secretsHere(name);
  // All were refused: they are tried again in their order, for one of them may have been mended where it came from.
  for (const value of values) refused.delete(refusedAs(name, value));
  const [first] = values;
  if (first !== undefined) return first;
  throw new ModelError(
    'operator',
    `the secret ${name} is not set: put ${name}=… into the file .env here (it is read at once; what a shell exports reaches the worker only after ${program} down, ${program} up), then ${program} resume RUN`,
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

/** Told what a provider says of its limits, by the model of the plan that it answers for. */
export type Heard = (plan: Plan, name: string, allowance: Allowance) => void;

/** A model of a plan, within which others it is asked for, and who hears of the secrets that it reads and of its provider's limits. */
interface Wanted {
  plan: Plan;
  name: string;
  within: string[];
  read: Map<string, string>;
  heard?: Heard | undefined;
}

const contextOf = ({ plan, name, read, heard }: Wanted): ModelContext => ({
  secret: (secretName) => {
    const value = secret(secretName);
    read.set(secretName, value);
    return value;
  },
  weights,
  file: (path) => resolve(plan.folder, path),
  ...(heard === undefined ? {} : { allowed: (allowance) => heard(plan, name, allowance) }),
});

type Open = (plan: Plan, name: string, within: string[]) => Promise<Model>;

/** Throws `spec` when a script has changed since the plan was made: its replies would be kept as those of the old one. */
async function openPlanned(wanted: Wanted, open: Open): Promise<Model> {
  const { plan, name } = wanted;
  const spec = modelSpecOf(plan, name);
  if (isOwn(spec)) return openOwn(wanted, spec, open);
  if (spec.provider === 'scripted' && !existsSync(resolve(plan.folder, spec.script)))
    throw new ModelError('operator', notHere(`the script of models.${name}`, resolve(plan.folder, spec.script)));
  const model = await openModel(spec, contextOf(wanted));
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
async function openOwn(wanted: Wanted, spec: FullOwnModel, open: Open): Promise<Model> {
  const { plan, name, within } = wanted;
  const own = await plannedModel(plan, spec.provider);
  const named = modelsNamedBy(plan, spec);
  const chain = [...within, name];
  const common = contextOf({ ...wanted, heard: undefined });
  const context: OwnModelContext = {
    ...common,
    // A reference to a secret as the pipeline writes it is as good as its name.
    secret: (text) => common.secret(/^\$\{secret:(.*)\}$/.exec(text)?.[1] ?? text),
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

interface Guard {
  circuit: Circuit;
  /** the secrets that it was opened with, by name */
  secrets: Map<string, string>;
  /** opens it with the secrets of now */
  reopen(): Promise<Model>;
}

/**
 * A model behind its circuit. After a failure that a person mends it is opened anew, by the next call, or at once where there is another
 * value of its key.
 */
const guarded = (model: Model, { circuit, secrets, reopen }: Guard, forget: () => void): Model => ({
  ...model,
  complete: async (request, options) => {
    try {
      return await circuit.through(() => model.complete(request, options), options);
    } catch (error) {
      if (!(error instanceof ModelError) || error.kind !== 'operator') throw error;
      for (const [name, value] of secrets) refused.add(refusedAs(name, value));
      forget();
      if (![...secrets.keys()].some((name) => untried(name) !== undefined)) throw error;
      return (await reopen()).complete(request, options);
    }
  },
});

export function modelOpener(heard?: Heard): { open(plan: Plan, name: string): Promise<Model>; close(): Promise<void> } {
  const models = new Map<string, Promise<Model>>();
  const circuits = new Map<string, Circuit>();
  /** One for each queue and value of its key: another value begins with a closed one. */
  const circuitOf = (plan: Plan, name: string, secrets: Map<string, string>): Circuit => {
    const key = hashOf([modelQueue(plan, name), [...secrets]]);
    const circuit = circuits.get(key) ?? openCircuit();
    circuits.set(key, circuit);
    return circuit;
  };
  const open = (plan: Plan, name: string, within: string[] = []): Promise<Model> => {
    const spec = modelSpecOf(plan, name);
    const { limits: _limits, ...rest } = spec;
    const content = isOwn(spec) ? modelIdentity(plan, name) : (plan.versions.contents[`models.${name}`] ?? null);
    const key = canonical([rest, content, spec.provider === 'scripted' || isOwn(spec) ? plan.folder : null]);
    const known = models.get(key);
    if (known !== undefined) return known;
    const read = new Map<string, string>();
    let opening: Promise<Model> | undefined;
    const forget = (): void => {
      if (models.get(key) === opening) models.delete(key);
    };
    opening = openPlanned({ plan, name, within, read, heard }, open).then((model) =>
      spec.provider === 'local' || spec.provider === 'scripted'
        ? model
        : guarded(
            model,
            { circuit: circuitOf(plan, name, read), secrets: read, reopen: () => open(plan, name, within) },
            forget,
          ),
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
