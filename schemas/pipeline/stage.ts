/** `stages:` of the pipeline file, one variant per stage, in the order of the method. */
import type { Static } from 'typebox';
import type { OwnPath } from '../own-module.ts';
import { type Full, openVariants } from './key.ts';
import { ConstructStage } from './stages/construct.ts';
import { ExportStage } from './stages/export.ts';
import { FilterStage } from './stages/filter.ts';
import { IndexStage } from './stages/index.ts';
import { InstructStage } from './stages/instruct.ts';
import { InteractStage } from './stages/interact.ts';
import { type FullOwnStage, OwnStage } from './stages/own.ts';

export const StageSpec = openVariants(
  'uses',
  [InstructStage, InteractStage, ConstructStage, FilterStage, IndexStage, ExportStage],
  OwnStage,
);
export type StageSpec = Static<typeof StageSpec>;
export type StageName = Exclude<StageSpec['uses'], OwnPath>;
/** A stage with its defaults filled in, by name. */
export type FullStage<N extends StageName = StageName> = Extract<Full<typeof StageSpec>, { uses: N }>;
/** Any stage of a pipeline, those of the user's own among them. */
export type AnyStage = FullStage | FullOwnStage;
