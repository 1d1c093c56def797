/** The plan: everything that a run is decided by, carried through the store so that a run needs nothing but it. */
import type { OwnModules } from './own-module.ts';
import type { FullSpec } from './pipeline/pipeline.ts';
import type { StageName } from './pipeline/stage.ts';

/** Versions and contents of what the pipeline only names. */
export interface Versions {
  /** Version of each stage's algorithm, by name; a stage left out has version "1". */
  stages: Partial<Record<StageName, string>>;
  /** Version of each environment driver, by kind. */
  environments: Record<string, string>;
  /**
   * Content of named files and folders by the place that names them: sha256 of a scripted model's script (`models.writer`),
   * of local weights (`models.actor`), of a copied folder (`environments.box`), of the index (`stages.interact.knowledge`), of a
   * module of the user's own with all that it imports (`module:./my-stage.ts`), of a file that one names (`file:data/words.txt`).
   */
  contents: Record<string, string>;
}

export interface Plan {
  /** Version of this shape. */
  format: 1;
  spec: FullSpec;
  /** Absolute folder of the pipeline file: paths in the spec are relative to it. In no identity. */
  folder: string;
  /** The same from the folder where `lbi` was called, where it lies below that: a worker in another copy finds it there. In no identity. */
  within?: string;
  /** Never stored: the folder as planned, where this machine has it elsewhere. */
  plannedFolder?: string;
  /** Text of every prompt by stage: `instruct`, `interact`, `interact/query`, `construct/new-task`, `filter` … */
  prompts: Record<string, string>;
  versions: Versions;
  /** The modules of the user's own that the spec names; left out where there are none. */
  own?: OwnModules;
}
