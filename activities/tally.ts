/** Counts the stored votes under the rule, drops near-duplicates, splits by document: the rows of the dataset. Asks nobody. */
import { recount } from '../core/recount.ts';
import { splitOf } from '../core/split.ts';
import { count } from '../core/usage.ts';
import type { Ref } from '../schemas/common.ts';
import type { Absence, Episode } from '../schemas/episode.ts';
import type { DatasetSummary, EpisodeEntry } from '../schemas/flow.ts';
import type { Plan } from '../schemas/plan.ts';
import type { Committee } from '../schemas/vote.ts';
import { getJson, putJson } from '../store/json.ts';
import { committeeOf } from './committee.ts';
import type { Deps } from './deps.ts';
import { dropDuplicates } from './drop-duplicates.ts';
import { type Judged, writeJudged } from './judged.ts';
import { findStage } from './plans.ts';
import { sealedEpisodes } from './record.ts';
import type { KeptExample } from './rows.ts';

/** Records that are read at once. */
const together = 32;

/** What counting is done with; a model is not among it. */
type Counting = Pick<Deps, 'store' | 'plan' | 'embedder'>;

export const tally =
  (deps: Counting) =>
  async (input: { plan: Ref; run: string; pages: number }): Promise<DatasetSummary> => {
    const plan = await deps.plan(input.plan);
    const judged = await judgeAll(deps, plan, input);
    judged.sort((a, b) => (a.example < b.example ? -1 : a.example > b.example ? 1 : 0));
    await dropDuplicates(deps, plan, judged);
    const dropped: Record<string, number> = {};
    for (const { kept, reason } of judged) if (!kept) count(dropped, reason);
    const rows = keptRows(plan, judged);
    await writeJudged(deps.store, input.run, judged);
    const absent: Record<string, number> = {};
    for (const item of judged) for (const one of item.absent ?? []) count(absent, inWords(one));
    const unexpected = unexpectedOf(plan, rows.length, judged.length);
    return {
      rows: await putJson(deps.store, rows),
      kept: rows.length,
      dropped,
      train: rows.filter(({ split }) => split === 'train').length,
      test: rows.filter(({ split }) => split === 'test').length,
      ...(Object.keys(absent).length > 0 ? { absent } : {}),
      ...(unexpected.length > 0 ? { unexpected } : {}),
      index: null,
      folder: null,
      files: [],
    };
  };

async function judgeAll(deps: Counting, plan: Plan, { run, pages }: { run: string; pages: number }): Promise<Judged[]> {
  const committee = committeeOf(plan);
  const judged: Judged[] = [];
  let batch: EpisodeEntry[] = [];
  const flush = async (): Promise<void> => {
    const records = await Promise.all(
      batch.map(async ({ id, record }) => ({ id, record: await getJson<Episode>(deps.store, record ?? '') })),
    );
    for (const { id, record } of records) judged.push(...judgeEpisode(committee, record, id));
    batch = [];
  };
  for await (const entry of sealedEpisodes(deps, run, pages)) {
    if (entry.record !== null) batch.push(entry);
    if (batch.length >= together) await flush();
  }
  await flush();
  return judged;
}

const judgeEpisode = (committee: Committee | undefined, { candidates, family }: Episode, task: string): Judged[] =>
  candidates.map((candidate) => {
    const { example, absent, digest } = candidate;
    const { instruction, style, actions } = digest;
    const counted =
      committee === undefined ? { kept: true, reason: 'no committee', votes: [] } : recount(candidate, committee);
    return {
      example,
      task,
      family,
      instruction,
      style,
      actions,
      ...(absent === undefined ? {} : { absent }),
      ...counted,
    };
  });

/** The split goes by family, so that nothing of a page is on both sides. */
function keptRows(plan: Plan, judged: Judged[]): KeptExample[] {
  const share = findStage(plan, 'export')?.split ?? 0;
  return judged
    .filter(({ kept }) => kept)
    .map(({ example, family, votes }) => ({
      example,
      votes: votes.map(({ vote }) => vote),
      split: splitOf(family, share, plan.spec.seed),
    }));
}

const inWords = ({ member, why }: Absence): string =>
  why === 'failed' ? `${member} failed to answer` : `${member} was not asked: the verdict stood`;

/** What `expect:` of the filter does not find as it should be. */
function unexpectedOf(plan: Plan, kept: number, judged: number): string[] {
  const [low, high] = findStage(plan, 'filter')?.expect?.keep_rate ?? [];
  if (low === undefined || high === undefined) return [];
  const band = `expected ${low} to ${high} (expect.keep_rate)`;
  if (judged === 0) return low > 0 ? [`no example was judged, so none was kept; ${band}`] : [];
  const rate = kept / judged;
  if (rate >= low && rate <= high) return [];
  return [`${kept} of ${judged} judged examples were kept, a share of ${rate.toFixed(2)}; ${band}`];
}
