/**
 * Versions of what is in no file of the user: raised on purpose when a stage comes to give other results for the same pipeline,
 * never by a release as such. test/core/golden holds the identities that follow from them.
 */
import type { StageName } from '../schemas/pipeline/stage.ts';

/** Version of each stage's algorithm, its prompts' variables and its defaults included. */
export const stageVersions: Record<StageName, string> = {
  instruct: '1',
  interact: '1',
  construct: '1',
  filter: '1',
  index: '1',
  export: '1',
};

/** Version of how a question to a model is written down and read back: part of the key of every stored reply. */
export const questionVersion = 1;
