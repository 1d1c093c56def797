/** What the filter asks of trajectories and of the run: nothing that can never be, and no score where nobody gives one. */
import { childSchema, pipelineSchema, resolveSchema } from '../schema.ts';
import { at, itemsAt, numberAt, type Path, textAt, toJson } from '../tree.ts';
import { type Check, report } from './report.ts';

/** Checks the keys of each filter stage besides its committee. */
export const checkFilters = (check: Check): void => {
  const stages = itemsAt(check.tree, 'stages');
  const stageOf = (uses: string) => stages.find((stage) => textAt(stage, 'uses') === uses);
  stages.forEach((stage, index) => {
    if (textAt(stage, 'uses') !== 'filter') return;
    const path: Path = ['stages', index];
    checkSteps(check, path, numberAt(stageOf('construct'), 'max_window_steps') ?? usualLongest);
    checkScore(check, path, textAt(stageOf('interact'), 'environment'));
    checkExpected(check, [...path, 'expect', 'keep_rate']);
  });
};

const construct = resolveSchema(childSchema(pipelineSchema, 'stages')?.items ?? {}, { uses: 'construct' });
const usualLongest = Number(childSchema(construct, 'max_window_steps')?.default);

const checkSteps = (check: Check, path: Path, longest: number): void => {
  const [min, max] = ['min', 'max'].map((name) => numberAt(check.tree, ...path, 'steps', name));
  if (min === undefined) return;
  if (max !== undefined && min > max) {
    report(check, [...path, 'steps', 'min'], {
      code: 'filter',
      message: `windows of ${min} actions or more and of ${max} or fewer: there are none`,
      fix: 'min must not be above max',
    });
  } else if (min > longest) {
    report(check, [...path, 'steps', 'min'], {
      code: 'filter',
      message: `no window has ${min} actions: construct cuts none longer than ${longest} (max_window_steps)`,
    });
  }
};

const checkScore = (check: Check, path: Path, environment: string | undefined): void => {
  if (at(check.tree, ...path, 'min_score') === undefined || environment === undefined) return;
  const place = at(check.tree, 'environments', environment);
  if (place === undefined || at(place, 'verify') !== undefined) return;
  report(
    check,
    [...path, 'min_score'],
    {
      code: 'filter',
      message: `min_score asks for a score, and the environment "${environment}" has no verify: to give one`,
      fix: `add verify: to environments.${environment}, or leave min_score out`,
    },
    'key',
  );
};

const checkExpected = (check: Check, path: Path): void => {
  const node = at(check.tree, ...path);
  if (node?.kind !== 'list') return;
  const band = toJson(node);
  const [low, high, ...more] = Array.isArray(band) ? band : [];
  if (typeof low !== 'number' || typeof high !== 'number') return;
  if (more.length === 0 && low <= high) return;
  report(
    check,
    path,
    {
      code: 'filter',
      message: 'expect.keep_rate is the lowest and the highest share, two numbers in this order',
      fix: 'e.g. keep_rate: [0.2, 0.7]',
    },
    'key',
  );
};
