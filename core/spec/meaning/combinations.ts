/** Values that are right alone and cannot work together. */
import { entriesAt, itemsAt, numberAt, type Path, type Tree, textAt } from '../tree.ts';
import { type Check, report } from './report.ts';

/** Checks models, sandboxes and stages for numbers that defeat each other. */
export const checkCombinations = (check: Check): void => {
  for (const [name, { value }] of entriesAt(check.tree, 'models')) checkModel(check, ['models', name], value);
  itemsAt(check.tree, 'stages').forEach((stage, index) => {
    const path = ['stages', index];
    const uses = textAt(stage, 'uses');
    if (uses === 'instruct') checkInstruct(check, path, stage);
    if (uses === 'interact') checkInteract(check, path, stage);
    if (uses === 'filter' && numberAt(stage, 'duplicates') === 0) {
      warn(
        check,
        [...path, 'duplicates'],
        'every two examples overlap more than 0: one alone would be kept',
        'leave it out, or write 0.85',
      );
    }
  });
};

const checkModel = (check: Check, path: Path, model: Tree): void => {
  const [context, reply] = [numberAt(model, 'context'), numberAt(model, 'max_tokens')];
  if (context !== undefined && reply !== undefined && reply >= context) {
    report(check, [...path, 'max_tokens'], {
      code: 'combination',
      message: `a reply of ${reply} tokens leaves no room for the prompt in a context of ${context}`,
      fix: `max_tokens: ${Math.max(16, Math.floor(context / 8))}, or a larger context`,
    });
  }
  const [delay, timeout] = [numberAt(model, 'delay'), numberAt(model, 'timeout') ?? 300];
  if (delay !== undefined && delay >= timeout) {
    report(check, [...path, 'delay'], {
      code: 'combination',
      message: `each reply takes ${delay} s and may take ${timeout} s: no call could ever end well`,
      fix: `a delay below ${timeout}, or a longer timeout`,
    });
  }
};

const checkInstruct = (check: Check, path: Path, stage: Tree): void => {
  const [limit, each] = [numberAt(stage, 'limit'), numberAt(stage, 'per_document') ?? 3];
  if (limit !== undefined && limit < each) {
    warn(
      check,
      [...path, 'limit'],
      `${each} tasks are asked of the first document and ${limit} kept: the others are paid for and dropped`,
      `per_document: ${limit}, or a higher limit`,
    );
  }
  if (numberAt(stage, 'duplicates') === 0) {
    warn(
      check,
      [...path, 'duplicates'],
      'every two tasks overlap more than 0: one task alone would be tried',
      'leave it out, or write 0.8',
    );
  }
};

const checkInteract = (check: Check, path: Path, stage: Tree): void => {
  const [least, most] = [numberAt(stage, 'min_steps'), numberAt(stage, 'max_steps') ?? 20];
  if (least !== undefined && least >= most) {
    report(check, [...path, 'min_steps'], {
      code: 'combination',
      message: `the agent may finish after ${least} actions and is stopped after ${most}: no episode could ever be finished`,
      fix: `min_steps: ${Math.max(0, most - 1)} or less, or more max_steps`,
    });
  }
  const shown = ['observation', 'model'].map((by) => numberAt(stage, 'knowledge', by, 'k'));
  if (shown.some((k) => k === 0) && shown.every((k) => k === undefined || k === 0)) {
    warn(
      check,
      [...path, 'knowledge'],
      'knowledge retrieves no example: every k is 0',
      'k: 5, or leave knowledge out',
      'key',
    );
  }
};

const warn = (check: Check, path: Path, message: string, fix: string, where: 'key' | 'value' = 'value'): void =>
  report(check, path, { code: 'combination', severity: 'warning', message, fix }, where);
