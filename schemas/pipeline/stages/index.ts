/** The stage `index`. */
import { Type } from '../../type.ts';
import { choice, strict } from '../key.ts';

export const IndexStage = strict(
  {
    uses: Type.Literal('index'),
    embedding: choice('output', 'Dense vectors by the local MiniLM, or none (BM25 only).', ['local', 'none'], {
      default: 'local',
    }),
  },
  { title: 'index: BM25 and dense retrieval over what was kept' },
);
