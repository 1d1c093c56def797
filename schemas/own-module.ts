/** A module of the user's own as the engine knows it: plain data, found when the pipeline is read and kept in the plan. */
import type { JsonObject } from './common.ts';

/** Where such a module lies: `uses: ./my-stage.ts`. Relative to the pipeline file, or absolute. */
export type OwnPath = `./${string}` | `../${string}` | `/${string}`;

/** What a module can be. */
export type OwnSort = 'stage' | 'environment' | 'model';

/** What a stage works on. `kept` are the examples that the committee accepted, `files` an export of one's own. */
export type StageItems = 'documents' | 'tasks' | 'trajectories' | 'examples' | 'kept';
export type StageGives = StageItems | 'files';

export interface OwnModule {
  what: OwnSort;
  /** what accounts, counts and messages call it */
  name: string;
  /** raised by its author when the same parameters give something else */
  version: string;
  /** JSON Schema of the keys that it adds to those which every module of its sort has */
  properties: JsonObject;
  required: string[];
  /** of a stage */
  takes?: StageItems;
  gives?: StageGives;
  /** of an environment: what the place is, in words, unless the pipeline says it */
  about?: string;
  /** of an environment: it brings documentation of its own */
  docs?: boolean;
  /** of a model or an environment: its output is labelled as scripted */
  scripted?: boolean;
  /** of a model: it sees images */
  images?: boolean;
}

/** Modules by path, as the pipeline writes it. */
export type OwnModules = Record<string, OwnModule>;
