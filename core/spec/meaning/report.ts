/** What the checks of meaning are given, and how they report. */
import type { Json } from '../../../schemas/common.ts';
import type { OwnModules } from '../../../schemas/own-module.ts';
import { type Problem, problemAt, type Words } from '../problem.ts';
import type { SchemaNode } from '../schema.ts';
import { at, keyPlace, type Path, showPath, type Tree } from '../tree.ts';

/** What only the caller can know; each may be left out, and what depends on it is then not checked. */
export interface Knowing {
  /** True when the price table has this model. */
  knownPrice?: (provider: string, model: string) => boolean;
  /** True when a file or folder named in the pipeline exists, relative to the pipeline's folder. */
  fileExists?: (path: string) => boolean;
  /** The text of a file named in the pipeline; undefined where it cannot be read. */
  fileText?: (path: string) => string | undefined;
  /** Why an environment, as written, brings no documentation of its own; undefined when it does. */
  docsMissing?: (environment: Json) => string | undefined;
  /** Seconds without a sign of life after which a worker counts as lost. */
  heartbeatSeconds?: number;
}

export interface Check {
  tree: Tree;
  /** the schema with the file's own modules */
  schema: SchemaNode;
  /** the file's own modules by path */
  own: OwnModules;
  knowing: Knowing;
  problems: Problem[];
}

/** Adds a problem at the value of a path, or at its key with `at: 'key'`. */
export const report = (check: Check, path: Path, words: Words, where: 'key' | 'value' = 'value'): void => {
  const node = at(check.tree, ...path);
  const place =
    where === 'key' || node === undefined || node.kind !== 'scalar' ? keyPlace(check.tree, path) : node.place;
  check.problems.push(problemAt(place, { path: showPath(check.tree, path), ...words }));
};
