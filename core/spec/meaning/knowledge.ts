/** Knowledge: it retrieves something, and names the index that examples come from. */
import { at, itemsAt, type Tree } from '../tree.ts';
import { type Check, report } from './report.ts';

const fromExamples = ['instruction', 'observation', 'model'];

/** Checks `knowledge` of the interact stage. */
export const checkKnowledge = (check: Check): void => {
  itemsAt(check.tree, 'stages').forEach((stage, index) => {
    const knowledge = at(stage, 'knowledge');
    if (knowledge?.kind === 'map') checkOne(check, knowledge, ['stages', index, 'knowledge']);
  });
};

const checkOne = (check: Check, knowledge: Tree, path: (string | number)[]): void => {
  const examples = fromExamples.filter((name) => at(knowledge, name) !== undefined);
  const index = at(knowledge, 'index');
  if (examples.length === 0 && at(knowledge, 'documents') === undefined) {
    report(
      check,
      path,
      {
        code: 'missing-key',
        message: 'knowledge retrieves nothing: it names neither examples nor documents',
        expected: [
          'instruction: { k: 5 }',
          'observation: { k: 5 }',
          'model: { k: 5, query_model: … }',
          'documents: { k: 10 }',
        ],
      },
      'key',
    );
  } else if (examples.length > 0 && index === undefined) {
    report(
      check,
      path,
      {
        code: 'missing-key',
        message: `knowledge looks examples up (${examples.join(', ')}), but names no index`,
        fix: 'add index: with the run that made one (its stage index), or with the folder of an index',
      },
      'key',
    );
  } else if (examples.length === 0 && index !== undefined) {
    const message = 'this index is not used: only documents are retrieved';
    report(check, [...path, 'index'], { code: 'unused', severity: 'warning', message }, 'key');
  }
};
