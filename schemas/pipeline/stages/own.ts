/** A stage of the user's own. What further keys it has, its module says. */
import type { Full } from '../key.ts';
import { number, strict, text, whole } from '../key.ts';
import { ownPath } from '../own.ts';

export const OwnStage = strict(
  {
    uses: ownPath('A stage', './my-stage.ts'),
    batch: whole('output', 'Most documents, examples or kept examples that it is given at once.', {
      unit: 'items',
      min: 1,
      max: 1000,
      optional: true,
      example: 20,
    }),
    timeout: number('nothing', 'Time that it may take for what it is given at once.', {
      unit: 'seconds',
      above: 0,
      max: 86_400,
      default: 300,
      example: 60,
    }),
    path: text('nothing', 'Folder that a stage which writes files fills; ${run} and ${pipeline} are filled in.', {
      optional: true,
      example: 'out/${run}',
    }),
  },
  { title: 'A stage of your own' },
);
export type FullOwnStage = Full<typeof OwnStage>;
