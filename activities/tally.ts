/** Counts the stored votes under the rule, drops near-duplicates, splits by document: the rows of the dataset. Asks nobody. */
import { describeAction } from '../core/describe.ts';
import { nearDuplicates } from '../core/duplicates.ts';
import { isScripted } from '../core/plan.ts';
import { familyOf, splitOf } from '../core/split.ts';
import { verdict } from '../core/tally.ts';
import { count } from '../core/usage.ts';
import type { Ref } from '../schemas/common.ts';
import type { Row } from '../schemas/dataset.ts';
import type { Episode } from '../schemas/episode.ts';
import type { Example } from '../schemas/example.ts';
import type { DatasetSummary } from '../schemas/flow.ts';
import type { Plan } from '../schemas/plan.ts';
import type { Task } from '../schemas/task.ts';
import type { Vote } from '../schemas/vote.ts';
import { rowOf } from '../store/dataset/row.ts';
import { getJson, putJson, writePage } from '../store/json.ts';
import type { Deps } from './deps.ts';
import { findStage } from './plans.ts';
import { sealedEpisodes } from './record.ts';
import { readWindow } from './windows.ts';

/** An example with its votes and what the rule says of them; a page of these is what `lbi show` lists. */
export interface Judged {
  example: Ref;
  task: string;
  instruction: string;
  style: Example['style'];
  steps: number;
  actions: string[];
  votes: Ref[];
  kept: boolean;
  reason: string;
}

export const judgedPath = (run: string): string => `runs/${run}/judged.json`;

export const tally =
  (deps: Deps) =>
  async (input: { plan: Ref; run: string; pages: number }): Promise<DatasetSummary> => {
    const plan = await deps.plan(input.plan);
    const judged: Judged[] = [];
    for await (const entry of sealedEpisodes(deps, input.run, input.pages)) {
      if (entry.record !== null) judged.push(...(await judgeEpisode(deps, plan, entry.record, entry.id)));
    }
    judged.sort((a, b) => (a.example < b.example ? -1 : a.example > b.example ? 1 : 0));
    dropDuplicates(plan, judged);
    const dropped: Record<string, number> = {};
    for (const { kept, reason } of judged) if (!kept) count(dropped, reason);
    const rows: Row[] = [];
    for (const item of judged) if (item.kept) rows.push(await keptRow(deps, plan, item));
    const refs: Ref[] = [];
    for (const row of rows) refs.push(await putJson(deps.store, row));
    await writePage(deps.store, judgedPath(input.run), judged);
    return {
      rows: await putJson(deps.store, refs),
      kept: rows.length,
      dropped,
      train: rows.filter(({ split }) => split === 'train').length,
      validation: rows.filter(({ split }) => split === 'validation').length,
      test: rows.filter(({ split }) => split === 'test').length,
      index: null,
      folder: null,
      files: [],
    };
  };

async function judgeEpisode(deps: Deps, plan: Plan, record: Ref, taskId: string): Promise<Judged[]> {
  const episode = await getJson<Episode>(deps.store, record);
  const filter = findStage(plan, 'filter');
  return Promise.all(
    episode.candidates.map(async ({ example: ref, votes: refs }): Promise<Judged> => {
      const example = await getJson<Example>(deps.store, ref);
      const votes = await Promise.all(refs.map((vote) => getJson<Vote>(deps.store, vote)));
      const { steps } = await readWindow(deps.store, example.head, example.window);
      const decided =
        filter === undefined
          ? { kept: true, reason: 'no committee' }
          : verdict(votes, filter.committee.accept, filter.committee.members);
      return {
        example: ref,
        task: taskId,
        instruction: example.instruction,
        style: example.style,
        steps: steps.length,
        actions: steps.map(({ action }) => describeAction(action)),
        votes: refs,
        kept: decided.kept,
        reason: decided.kept ? decided.reason : why(votes, decided.reason),
      };
    }),
  );
}

/** A reason that can be counted: who said no to what; the rule's own words when everybody said yes. */
function why(votes: Vote[], otherwise: string): string {
  for (const { member, parsed, criteria } of votes) {
    if (!parsed) return `${member}'s reply could not be read`;
    const no = Object.entries(criteria).find(([, answer]) => !answer.yes);
    if (no !== undefined) return `${member} says no: ${no[0]}`;
  }
  return otherwise.replaceAll(/\d+\.\d+/g, 'x');
}

function dropDuplicates(plan: Plan, judged: Judged[]): void {
  const threshold = findStage(plan, 'filter')?.duplicates ?? 1;
  const items = judged
    .filter(({ kept }) => kept)
    .map(({ example, instruction, actions, steps }) => ({
      id: example,
      text: [instruction, ...actions].join('\n'),
      length: steps,
    }));
  const duplicates = nearDuplicates(items, threshold);
  for (const item of judged) {
    if (!duplicates.has(item.example)) continue;
    item.kept = false;
    item.reason = 'near-duplicate of a kept example';
  }
}

async function keptRow(deps: Deps, plan: Plan, { example: ref, votes }: Judged): Promise<Row> {
  const example = await getJson<Example>(deps.store, ref);
  const task = await getJson<Task>(deps.store, example.task);
  const stage = findStage(plan, 'export');
  const family = familyOf(
    { documentId: task.documentId, task: task.instruction, environment: example.environment },
    stage?.split_by ?? 'document',
  );
  const split = splitOf(family, { test: stage?.split ?? 0, validation: stage?.validation ?? 0 }, plan.spec.seed);
  return rowOf(deps.store, { example: ref, votes, split, scripted: isScripted(plan) });
}
