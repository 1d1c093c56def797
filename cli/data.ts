/** `lbi export`, `retrieve`, `check`: commands about what a run kept. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { committeeOf } from '../activities/committee.ts';
import { writeRun } from '../activities/export.ts';
import { findStage } from '../activities/plans.ts';
import { indexFolder } from '../activities/retrieve.ts';
import { readRows } from '../activities/rows.ts';
import { LbiError } from '../core/errors.ts';
import { localEmbedder } from '../models/embedder.ts';
import type { DatasetSummary, Progress } from '../schemas/flow.ts';
import type { Plan } from '../schemas/plan.ts';
import { checkDataset, checkRows } from '../store/dataset/check.ts';
import type { Format } from '../store/dataset/write.ts';
import { getJson } from '../store/json.ts';
import { openIndex } from '../store/retrieval.ts';
import type { Store } from '../store/store.ts';
import { openStore } from '../store/stores.ts';
import { cacheFolder, indexesFolder, program, storeUrl } from './home.ts';
import { paint } from './progress.ts';
import { findRun, type RunRecord, runSummary } from './runs.ts';

interface Finished {
  store: Store;
  record: RunRecord;
  plan: Plan;
  progress: Progress;
  dataset: DatasetSummary;
}

/** A run that has its dataset; says what to do when it has none yet. */
async function finishedRun(text: string): Promise<Finished> {
  const store = await openStore(storeUrl());
  const record = await findRun(store, text);
  const progress = await runSummary(store, record.run);
  if (progress?.dataset == null)
    throw new LbiError('spec', `${record.run} has no dataset yet: ${program} attach ${record.run}`);
  return { store, record, progress, dataset: progress.dataset, plan: await getJson<Plan>(store, record.plan) };
}

export async function exportCommand(
  run: string,
  options: { format?: string[]; out?: string; json?: boolean },
): Promise<number> {
  const { store, record, plan, progress, dataset } = await finishedRun(run);
  const formats = (options.format ?? ['openai', 'parquet']).map((name): Format => {
    if (name === 'openai' || name === 'parquet') return name;
    throw new LbiError('spec', `there is no format "${name}"; there are openai and parquet`);
  });
  const folder = resolve(options.out ?? join('.lbi', 'datasets', record.run));
  const input = {
    plan: record.plan,
    run: record.run,
    summary: dataset,
    funnel: progress.funnel,
    usage: progress.usage,
  };
  const { files } = await writeRun({ store }, plan, input, folder, formats);
  if (options.json === true) process.stdout.write(`${JSON.stringify({ folder, files })}\n`);
  else
    for (const { path, rows } of files)
      process.stdout.write(`${join(folder, path)}${rows > 0 ? `  ${rows} examples` : ''}\n`);
  return 0;
}

interface RetrieveOptions {
  k: number;
  by: string;
  json?: boolean;
}

export async function retrieveCommand(run: string, text: string, options: RetrieveOptions): Promise<number> {
  const { record, plan } = await finishedRun(run);
  const stage = findStage(plan, 'index');
  if (stage === undefined)
    throw new LbiError(
      'spec',
      `${record.run} has no index: add { uses: index } to the stages and run it again (nothing is asked anew)`,
    );
  const dense = stage.embedding !== 'none';
  const by = options.by === 'query' && !dense ? 'instruction' : options.by;
  const embedder = dense ? await localEmbedder(join(cacheFolder(), 'minilm')) : undefined;
  const index = await openIndex(indexFolder(indexesFolder(), record.run), embedder);
  const searches = { observation: index.byObservation, instruction: index.byInstruction, query: index.byQuery };
  const search = searches[by as keyof typeof searches];
  if (search === undefined) throw new LbiError('spec', `--by ${by}: expected observation, instruction or query`);
  const hits = await search(text, options.k);
  if (options.json === true) process.stdout.write(`${JSON.stringify(hits)}\n`);
  else
    for (const { score, text: example, id } of hits)
      process.stdout.write(`${paint('bold', `${score.toFixed(3)}  ${id}`)}\n${example}\n\n`);
  if (hits.length === 0) process.stderr.write('nothing found\n');
  return 0;
}

export async function checkCommand(run: string, options: { json?: boolean }): Promise<number> {
  const { store, record, plan, dataset } = await finishedRun(run);
  // Rows of the store are made anew whenever they are read; what was written as the dataset is compared where it lies.
  const written = dataset.folder !== null && existsSync(dataset.folder) ? dataset.folder : undefined;
  const problems =
    written === undefined
      ? await checkRows(store, await readRows(store, plan, dataset.rows), committeeOf(plan))
      : await checkDataset(store, written);
  if (options.json === true) process.stdout.write(`${JSON.stringify({ rows: dataset.kept, problems })}\n`);
  else {
    for (const { where, message } of problems) process.stdout.write(`${where}: ${message}\n`);
    process.stdout.write(
      `${record.run}: ${dataset.kept} examples walked back to their steps and votes, ${problems.length} problems\n`,
    );
  }
  return problems.length === 0 ? 0 : 5;
}
