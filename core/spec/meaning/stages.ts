/** The order of the stages: each takes what an earlier one gives; ours stand there once, the user's own as often as wanted. */
import type { OwnModule, StageItems } from '../../../schemas/own-module.ts';
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

type Row = { uses: string; takes: string; gives: string };

const inOrder = chain
  .map(({ uses }) => uses)
  .join(' → ')
  .replace('index → export', 'index, export');

const words = (items: StageItems | 'files' | undefined): string =>
  items === 'kept' ? 'kept examples' : (items ?? 'nothing');

const ownRow = (path: string, { takes, gives }: OwnModule): Row => ({
  uses: path,
  takes: words(takes),
  gives: words(gives),
});

/** Repeated stages, stages before what they need, stages whose input nothing makes, and own stages that come too late. */
export const checkStages = (check: Check): void => {
  const stages = itemsAt(check.tree, 'stages').map((stage) => textAt(stage, 'uses'));
  const given = new Set<string>(['documents']);
  /** what was worked on already → by whom */
  const used = new Map<string, string>();
  stages.forEach((uses, index) => {
    const module = uses === undefined ? undefined : check.own[uses];
    const ours = chain.find((candidate) => candidate.uses === uses);
    const row: Row | undefined = module === undefined || uses === undefined ? ours : ownRow(uses, module);
    if (row === undefined) return;
    const path = ['stages', index, 'uses'];
    const passes = row.takes === row.gives;
    const taker = used.get(row.takes);
    if (ours !== undefined && stages.indexOf(uses) < index) {
      report(check, path, {
        code: 'stage-order',
        message: `the stage ${uses} stands here a second time`,
        fix: 'each stage is used once: remove this one or join the two',
      });
    } else if (!given.has(row.takes)) {
      report(check, path, { code: 'stage-order', ...missingInput(row, stages) });
    } else if (passes && taker !== undefined) {
      report(check, path, {
        code: 'stage-order',
        message: `${row.uses} works on ${row.takes}, and ${taker} before it has taken them already`,
        fix: `move it above ${taker}`,
      });
    }
    given.add(row.gives);
    if (!passes && !used.has(row.takes)) used.set(row.takes, row.uses);
  });
};

const missingInput = (
  row: Row,
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
