/** Why a stage has work to do: which fields of the file, which documents, which stage before it. */
import { placeOf } from '../../activities/plans.ts';
import { type Change, type DocumentChanges, stageChanges } from '../../core/changes.ts';
import type { StageName } from '../../schemas/pipeline/stage.ts';
import type { Plan } from '../../schemas/plan.ts';

/** An earlier run to compare with. */
export interface Against {
  run: string;
  createdAt: string;
  plan: Plan;
}

export interface Reasons {
  lines: string[];
  changes: Change[];
}

const names = (ids: string[], what: string): string[] => {
  if (ids.length === 0) return [];
  if (ids.length <= 2) return ids.map((id) => `${id} ${what}`);
  return [`${ids.length} documents ${what}`];
};

export const documentLines = ({ added, removed, changed }: DocumentChanges): string[] => [
  ...(added.length === 1 ? [`${added[0]} added`] : added.length > 1 ? [`${added.length} documents added`] : []),
  ...names(changed, 'changed'),
  ...names(removed, 'removed'),
];

/**
 * @param input the stage before this one whose output is new, if any
 * @param documents what became of the documents; only the first stage reads them
 */
export function reasonsFor(
  stage: StageName,
  plan: Plan,
  against: Against | undefined,
  { input, documents }: { input: StageName | undefined; documents: DocumentChanges | undefined },
): Reasons {
  if (against === undefined) return { lines: ['no earlier run of this pipeline'], changes: [] };
  const changes = stageChanges(against.plan, plan, stage);
  const lines = changes.map(({ text }) => text);
  if (stage === 'instruct') {
    if (documents !== undefined) lines.push(...documentLines(documents));
    if (placeOf(against.plan) !== placeOf(plan)) lines.push('what is said of the place changed');
  }
  if (input !== undefined) lines.push(`input changed (${input})`);
  return { lines, changes };
}
