/** The order of the stages: each takes what an earlier one gives, and stands there once. */
import { itemsAt, textAt } from '../tree.ts';
import { type Check, report } from './report.ts';

/** What each stage takes and gives, in the order of the method. */
const chain = [
  { uses: 'instruct', takes: 'documents', gives: 'tasks' },
  { uses: 'interact', takes: 'tasks', gives: 'trajectories' },
  { uses: 'construct', takes: 'trajectories', gives: 'examples' },
  { uses: 'filter', takes: 'examples', gives: 'kept examples' },
  { uses: 'index', takes: 'kept examples', gives: 'an index' },
  { uses: 'export', takes: 'kept examples', gives: 'a dataset' },
] as const;

const inOrder = chain
  .map(({ uses }) => uses)
  .join(' → ')
  .replace('index → export', 'index, export');

/** Repeated stages, stages before what they need, and stages whose input nothing makes. */
export const checkStages = (check: Check): void => {
  const stages = itemsAt(check.tree, 'stages').map((stage) => textAt(stage, 'uses'));
  // A stage whose name is misspelt may be the one that is missing.
  const unclear = stages.some((uses) => chain.every((row) => row.uses !== uses));
  const given = new Set<string>(['documents']);
  stages.forEach((uses, index) => {
    const row = chain.find((candidate) => candidate.uses === uses);
    if (row === undefined) return;
    const path = ['stages', index, 'uses'];
    if (stages.indexOf(uses) < index) {
      report(check, path, {
        code: 'stage-order',
        message: `the stage ${uses} stands here a second time`,
        fix: 'each stage is used once: remove this one or join the two',
      });
    } else if (!given.has(row.takes) && !unclear) {
      report(check, path, { code: 'stage-order', ...missingInput(row, stages) });
    }
    given.add(row.gives);
  });
};

const missingInput = (
  row: (typeof chain)[number],
  stages: (string | undefined)[],
): { message: string; expected: string[]; fix: string } => {
  const maker = chain.find((candidate) => candidate.gives === row.takes)?.uses ?? '';
  const later = stages.includes(maker);
  return {
    message: `${row.uses} works on ${row.takes}, and no stage before it makes any${later ? `: ${maker} comes after it` : ''}`,
    expected: [inOrder],
    fix: later ? `move ${maker} above ${row.uses}` : `add "- { uses: ${maker}, … }" above it`,
  };
};
