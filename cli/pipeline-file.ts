/** Reads a pipeline file, and those that it extends, from disk into a checked spec: the way every command begins. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { defaultHeartbeat } from '../core/heartbeat.ts';
import type { Files } from '../core/spec/extend.ts';
import { type Loaded, loadSpec, modulesOf, type SpecInput } from '../core/spec/load.ts';
import type { ReadModules } from '../core/spec/own/named-modules.ts';
import { docsMissing } from '../environments/environments.ts';
import { priceOf } from '../models/prices.ts';
import type { Json } from '../schemas/common.ts';
import type { Provider } from '../schemas/pipeline/model.ts';
import { program } from './home.ts';

export interface PipelineFileOptions {
  profile?: string | undefined;
  set?: readonly string[] | undefined;
  input?: readonly string[] | undefined;
  environment?: Record<string, string | undefined>;
  /** True when the price table has this model; left out, prices are not checked. */
  knownPrice?: (provider: string, model: string) => boolean;
}

export interface PipelineFile {
  loaded: Loaded;
  /** Absolute folder that the paths in the spec are relative to. */
  folder: string;
  /** Absolute paths of all that was looked at: this file, those that it extends, and those that they name. */
  files: string[];
  /** What came of the modules of the user's own that they name, by path. */
  modules: ReadModules;
}

/** A file that cannot be read throws the system's error (`ENOENT`, `EISDIR` …); all else is in `loaded`. */
export const readPipelineFile = async (file: string, options: PipelineFileOptions = {}): Promise<PipelineFile> => {
  const text = await readFile(file, 'utf8');
  const folder = dirname(resolve(file));
  const { environment = process.env, ...rest } = options;
  const looked = new Set([resolve(file)]);
  const at = (path: string): string => {
    const absolute = resolve(folder, path);
    looked.add(absolute);
    return absolute;
  };
  const input: SpecInput = {
    ...rest,
    text,
    file,
    environment,
    docsMissing,
    files: extendedFiles((path) => looked.add(resolve(path))),
    fileExists: (path) => existsSync(at(path)),
    fileText: (path) => textOf(at(path)),
    heartbeatSeconds: Number(environment.LBI_HEARTBEAT) || defaultHeartbeat,
  };
  const named = modulesOf(input);
  // Most pipelines name none, and what reads them takes its time to load.
  const modules = named.length === 0 ? {} : await (await import('./modules.ts')).readModules(folder, named);
  const loaded = loadSpec({
    ...input,
    modules,
    docsMissing: (spec) => ownDocsMissing(modules, spec) ?? docsMissing(spec),
  });
  return { loaded, folder, files: [...looked], modules };
};

/** Why a place of the user's own brings no documentation. */
const ownDocsMissing = (modules: ReadModules, spec: Json): string | undefined => {
  const kind = typeof spec === 'object' && spec !== null && !Array.isArray(spec) ? spec.kind : undefined;
  const module = typeof kind === 'string' ? modules[kind] : undefined;
  if (module === undefined || 'fault' in module || module.docs === true) return undefined;
  return `${module.name} has no docs: give them in its module`;
};

/** The text of a plain file, never of a device that has no end. */
const textOf = (path: string): string | undefined => {
  try {
    return statSync(path).isFile() ? readFileSync(path, 'utf8') : undefined;
  } catch {
    return undefined;
  }
};

/** Reads what a pipeline extends; `sees` is told of each file, there or not. */
const extendedFiles = (sees: (path: string) => void): Files => ({
  read: (path) => {
    sees(path);
    return textOf(path);
  },
  list: (folder) => {
    try {
      return readdirSync(folder === '' ? '.' : folder);
    } catch {
      return [];
    }
  },
});

/** Whether the table of prices has a model. */
export const hasPrice = (provider: string, model: string): boolean =>
  priceOf(provider as Provider, model) !== undefined;

/** Why a file that was named cannot be read, and what to name instead. */
export const unreadable = (file: string, error: unknown): string => {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT')
    return `${file} cannot be read: there is no such file (${program} init my-agent writes one to start from)`;
  if (code === 'EISDIR') return `${file} cannot be read: it is a folder; name the YAML file in it`;
  return `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`;
};
