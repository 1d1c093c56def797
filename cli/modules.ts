/** Modules of the user's own: hashed with all that they import, imported once, and described as plain data for the schema. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Deps } from '../activities/deps.ts';
import type { StageRunner } from '../activities/own-stage.ts';
import { LbiError } from '../core/errors.ts';
import { ownMark } from '../core/own-mistake.ts';
import { isOwn } from '../core/own-path.ts';
import { moduleKey } from '../core/plan.ts';
import { checkModule } from '../core/spec/own/check-module.ts';
import type { ModuleFault, ReadModules } from '../core/spec/own/named-modules.ts';
import type { EnvironmentDriver } from '../environments/environment.ts';
import { openDriver } from '../environments/environments.ts';
import { defineEnvironment, type OwnEnvironment } from '../environments/own.ts';
import { resetting } from '../environments/reset-shared.ts';
import { defineModel, type OwnModel } from '../models/own.ts';
import type { OwnModule } from '../schemas/own-module.ts';
import type { FullEnvironment } from '../schemas/pipeline/environment.ts';
import type { Plan } from '../schemas/plan.ts';
import { notHere, program } from './home.ts';
import { codeHash, findModule } from './modules/code.ts';
import { describeModule } from './modules/describe.ts';
import { Faulty, importFault } from './modules/faults.ts';
import { hookImports } from './modules/hooks.ts';
import { stageThread } from './modules/stage-thread.ts';

interface Loaded {
  module: OwnModule;
  exported: unknown;
  /** of its code, with all that it imports by a relative path */
  sha256: string;
}

/** Marked with its version, so that an edited module is another one and is told in stacks. */
const addressOf = (file: string, sha256: string): string =>
  `${pathToFileURL(file).href}${ownMark}${sha256.slice(0, 16)}`;

/** Seconds that a module may take to load. */
const loadSeconds = 20;

const loading = new Map<string, Promise<Loaded>>();

/** The module at a path as it is now. Throws `Faulty` with what a person has to mend. */
export async function loadModule(folder: string, path: string): Promise<Loaded> {
  const file = await findModule(folder, path);
  return loadOnce(file, path, await codeHash(file));
}

function loadOnce(file: string, path: string, sha256: string): Promise<Loaded> {
  const key = `${file}\0${path}\0${sha256}`;
  const known = loading.get(key);
  if (known !== undefined) return known;
  const started = load(file, path, sha256);
  loading.set(key, started);
  started.catch(() => loading.delete(key));
  return started;
}

async function load(file: string, path: string, sha256: string): Promise<Loaded> {
  hookImports();
  const address = addressOf(file, sha256);
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Faulty({ message: `${path} does not finish loading within ${loadSeconds} s` })),
    loadSeconds * 1000,
  );
  try {
    const namespace = (await Promise.race([import(address), late.promise])) as Record<string, unknown>;
    const module = describeModule(path, namespace);
    const fault = checkModule(path, module);
    if (fault !== undefined) throw new Faulty(fault);
    return { module, exported: namespace.default, sha256 };
  } catch (error) {
    if (error instanceof Faulty) throw error;
    throw new Faulty(await importFault(file, path, error));
  } finally {
    clearTimeout(timer);
  }
}

/** What came of each path: the module's description, or what is wrong with it. */
export async function readModules(folder: string, paths: string[]): Promise<ReadModules> {
  const read = await Promise.all(
    paths.map(async (path): Promise<[string, OwnModule | { fault: ModuleFault }]> => {
      try {
        return [path, (await loadModule(folder, path)).module];
      } catch (error) {
        if (error instanceof Faulty) return [path, { fault: error.fault }];
        throw error;
      }
    }),
  );
  return Object.fromEntries(read);
}

/** sha256 of each module's code, under the keys that a plan keeps them by. */
export async function moduleContents(folder: string, paths: string[]): Promise<Record<string, string>> {
  const contents: Record<string, string> = {};
  for (const path of paths) contents[moduleKey(path)] = (await loadModule(folder, path)).sha256;
  return contents;
}

/**
 * The module that a run was planned with. One that this process has loaded is kept, whatever happened to the file since; else the
 * file must be the same: throws `operator` when it is not, or is not on this machine.
 */
async function plannedModule<T>(plan: Plan, path: string, kept: Kept<T>): Promise<T> {
  const planned = plan.versions.contents[moduleKey(path)] ?? '';
  const file = resolve(plan.folder, path);
  const known = kept.find(file, planned);
  if (known !== undefined) return known;
  try {
    const now = await codeHash(await findModule(plan.folder, path));
    if (now !== planned)
      throw new LbiError(
        'operator',
        `the module ${path} is no longer the one that this run was planned with: put it back as it was (${join(plan.folder, path)}, or what it imports), then ${program} resume RUN; or ${program} cancel RUN and run the pipeline again`,
      );
    return await kept.make(file, planned);
  } catch (error) {
    if (!(error instanceof Faulty)) throw error;
    throw new LbiError('operator', `${error.fault.message}; then ${program} resume RUN`, { cause: error });
  }
}

interface Kept<T> {
  find(file: string, sha256: string): Promise<T> | T | undefined;
  make(file: string, sha256: string): Promise<T> | T;
}

const imported = (path: string): Kept<unknown> => ({
  find: (file, sha256) => loading.get(`${file}\0${path}\0${sha256}`)?.then(({ exported }) => exported),
  make: async (file, sha256) => (await loadOnce(file, path, sha256)).exported,
});

/** By the name that the plan calls it, for messages. */
const named = (plan: Plan, path: string): string => `${plan.own?.[path]?.name ?? ''} (${path})`;

async function plannedEnvironment(plan: Plan, path: string): Promise<OwnEnvironment> {
  const { definition } = (await plannedModule(plan, path, imported(path))) as OwnEnvironment;
  return defineEnvironment({ ...definition, name: named(plan, path) });
}

/** The driver of any environment of a plan. Opened, it says which folder of the pipeline is not on this machine. */
export const driverOf: Deps['driver'] = async (plan, environment) => {
  const driver = await plainDriver(plan, environment);
  return {
    ...driver,
    open: async (spec, context) => {
      const copy = 'copy' in spec ? spec.copy : 'app' in spec ? spec.app?.copy : undefined;
      if (copy !== undefined && !copy.includes('${') && !existsSync(resolve(plan.folder, copy)))
        throw new LbiError('operator', notHere('the folder that the place begins with', resolve(plan.folder, copy)));
      return driver.open(spec, context);
    },
  };
};

const plainDriver: Deps['driver'] = async (plan, environment) =>
  resetting(
    (isOwn(environment)
      ? await plannedEnvironment(plan, environment.kind)
      : await openDriver(environment.kind)) as EnvironmentDriver<FullEnvironment>,
  );

export async function plannedModel(plan: Plan, path: string): Promise<OwnModel> {
  const { definition } = (await plannedModule(plan, path, imported(path))) as OwnModel;
  return defineModel({ ...definition, name: named(plan, path) });
}

/** Stages work in threads, one for each version of a module; one that ended is begun anew by the next call. */
const threads = new Map<string, StageRunner>();

export const plannedStage = (plan: Plan, path: string): Promise<StageRunner> =>
  plannedModule<StageRunner>(plan, path, {
    find: (file, sha256) => threads.get(`${file}\0${sha256}`),
    make: (file, sha256) => {
      const key = `${file}\0${sha256}`;
      const thread = stageThread(addressOf(file, sha256), () => threads.delete(key));
      threads.set(key, thread);
      return thread;
    },
  });
