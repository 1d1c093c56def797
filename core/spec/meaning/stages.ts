/** The order of the stages: each takes what an earlier one gives; ours stand there once, the user's own as often as wanted. */
import type { OwnModule, StageItems } from '../../../schemas/own-module.ts';
import { at, entriesAt, itemsAt, type Tree, textAt } from '../tree.ts';
import { type Check, report } from './report.ts';

/** What each stage takes and gives, in the order of the method. Without a filter every example is kept. */
const chain = [
  { uses: 'instruct', takes: 'documents', gives: 'tasks' },
  { uses: 'interact', takes: 'tasks', gives: 'trajectories' },
  { uses: 'construct', takes: 'trajectories', gives: 'examples' },
  { uses: 'filter', takes: 'examples', gives: 'kept examples' },
  { uses: 'index', takes: 'examples', gives: 'an index' },
  { uses: 'export', takes: 'examples', gives: 'a dataset' },
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
  // A stage whose name is misspelt may be the one that is missing.
  const unclear = stages.some(
    (uses) => chain.every((row) => row.uses !== uses) && (uses === undefined || check.own[uses] === undefined),
  );
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
    } else if (!given.has(row.takes) && !unclear) {
      report(check, path, { code: 'stage-order', ...missingInput(row, stages) });
    } else if ((uses === 'index' || uses === 'export') && stages.indexOf('filter') > index) {
      report(check, path, {
        code: 'stage-order',
        message: `${uses} works on what the filter keeps, and the filter comes after it`,
        expected: [inOrder],
        fix: `move filter above ${uses}`,
      });
    } else if (passes && taker !== undefined) {
      report(check, path, {
        code: 'stage-order',
        message: `${row.uses} works on ${row.takes}, and ${taker} before it has taken them already`,
        fix: `move it above ${taker}`,
      });
    }
    given.add(row.gives);
    // Without a filter every example is kept.
    if (uses === 'construct' && !stages.includes('filter')) given.add('kept examples');
    const taken = uses === 'index' || uses === 'export' ? 'kept examples' : row.takes;
    if (!passes && !used.has(taken)) used.set(taken, row.uses);
  });
  checkJudged(check, stages);
  itemsAt(check.tree, 'stages').forEach((stage, index) => {
    if (textAt(stage, 'uses') === 'construct') checkWriter(check, stage, index);
    if (textAt(stage, 'uses') === 'export') checkSplit(check, stage, index);
  });
};

/** A forgotten committee is worth a word; a baseline may mean it. */
const checkJudged = (check: Check, stages: (string | undefined)[]): void => {
  const first = stages.findIndex((uses) => uses === 'index' || uses === 'export');
  if (first < 0 || stages.includes('filter') || !stages.includes('construct')) return;
  report(check, ['stages', first, 'uses'], {
    code: 'stage-order',
    severity: 'warning',
    message: 'no stage filter comes before: every example is kept, whether it is right or not',
  });
};

const checkSplit = (check: Check, stage: Tree, index: number): void => {
  if (textAt(stage, 'split_by') !== 'environment' || entriesAt(check.tree, 'environments').length > 1) return;
  const words = {
    code: 'stage-order',
    severity: 'warning',
    message: 'with one environment, a split by environment puts every example of the run on one side',
  } as const;
  report(check, ['stages', index, 'split_by'], words, 'key');
};

/** Only the tasks as they were posed need nobody to write them. */
const checkWriter = (check: Check, stage: Tree, index: number): void => {
  const styles = itemsAt(stage, 'styles').map((style) => textAt(style));
  if (at(stage, 'model') !== undefined || (styles.length > 0 && styles.every((style) => style === 'original'))) return;
  const names = entriesAt(check.tree, 'models').map(([name]) => name);
  report(
    check,
    ['stages', index],
    {
      code: 'missing-key',
      message: 'construct needs the key model unless styles is [original]',
      expected: names.map((name) => `model: ${name}`),
      fix: 'name the model that writes the instructions',
    },
    'key',
  );
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
