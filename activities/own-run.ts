/** One call of a stage of the user's own: what it is handed, how long it may take, and what it did with it. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import pLimit from 'p-limit';
import { LbiError } from '../core/errors.ts';
import { modelsNamedBy, type PlannedStage } from '../core/own.ts';
import { bounded } from '../core/own-mistake.ts';
import { charge } from '../core/usage.ts';
import type { Ref, Usage } from '../schemas/common.ts';
import type { Row } from '../schemas/dataset.ts';
import type { DatasetSummary } from '../schemas/flow.ts';
import type { StageItems } from '../schemas/own-module.ts';
import type { Plan } from '../schemas/plan.ts';
import { getJson } from '../store/json.ts';
import { replaceFolder } from '../store/replace-folder.ts';
import { ask } from './ask.ts';
import type { Deps } from './deps.ts';
import type { FilesContext, StageContext, StageDefinition, StageModel, StageQuestion } from './own-stage.ts';
import { samplingOf } from './plans.ts';

type Context = StageContext<Record<never, never>>;

export interface Run {
  /** what messages call it: `the stage my-stage` */
  name: string;
  definition: StageDefinition;
  seconds: number;
  signal: AbortSignal;
  seed: number;
  usage: Record<string, Usage>;
  chargeTo: typeof charge;
  get(ref: Ref): Promise<Row>;
  /** the context of a call; `dropped` says of each item why it was left out */
  context(signal: AbortSignal, dropped: Map<object, string>): Context;
  /** an error of a model that the stage must not keep to itself: a refused key, a limit */
  trouble: LbiError | undefined;
  short: string;
}

export async function contextFor(deps: Deps, plan: Plan, planned: PlannedStage): Promise<Run> {
  const { stage, module } = planned;
  const definition = await deps.stage(plan, stage.uses);
  const signal = AbortSignal.any([deps.cancelled(), deps.signal]);
  const run: Run = {
    name: `the stage ${module.name} (${stage.uses})`,
    short: module.name,
    definition,
    seconds: stage.timeout,
    signal,
    seed: plan.spec.seed,
    usage: {},
    chargeTo: charge,
    get: (ref) => getJson<Row>(deps.store, ref),
    trouble: undefined,
    context: (both, dropped) => ({
      parameters: structuredClone(stage) as unknown as Context['parameters'],
      model: modelsOf(deps, plan, planned, run),
      drop: (item, reason) => {
        dropped.set(item, String(reason));
        return false;
      },
      put: (content) => deps.store.put(typeof content === 'string' ? Buffer.from(content) : content),
      get: (ref) => deps.store.get(ref),
      log: (line) => void process.stderr.write(`${new Date().toISOString()} ${module.name}: ${line}\n`),
      signal: both,
      seed: run.seed,
    }),
  };
  return run;
}

/** Models as the stage asks them: replies are kept, calls are counted, and one call goes on at a time, as the queue's limits want it. */
function modelsOf(deps: Deps, plan: Plan, { stage, module }: PlannedStage, run: Run): Context['model'] {
  const allowed = modelsNamedBy(plan, stage);
  const oneByOne = pLimit(1);
  const complete = async (name: string, question: StageQuestion) => {
    const { user, ...rest } = question;
    const messages = [{ role: 'user' as const, content: [{ type: 'text' as const, text: user ?? '' }] }];
    const request = { role: module.name, system: '', messages, ...samplingOf(plan, name), ...rest };
    try {
      const { reply, usage } = await ask(deps, plan, name, request, null);
      charge(run.usage, `${module.name}/${name}`, usage);
      return reply;
    } catch (error) {
      if (error instanceof LbiError) run.trouble ??= error;
      throw error;
    }
  };
  return (name): StageModel => {
    if (!allowed.includes(name))
      throw new LbiError(
        'spec',
        `${run.name} asks the model "${name}", but no key of its schema names it: add model: text('output', '…', { names: 'model' })`,
      );
    return { complete: (question) => oneByOne(() => complete(name, question)) };
  };
}

const alarm = (seconds: number, ring: () => void): (() => void) => {
  const timer = setTimeout(ring, seconds * 1000);
  return () => clearTimeout(timer);
};

/** Lets the stage work on the items; counts what it left out, by the reason it gave or else its name. */
export async function runStage(
  run: Run,
  items: object[],
  takes: StageItems,
): Promise<{ returned: unknown[]; dropped: Record<string, number> }> {
  const reasons = new Map<object, string>();
  const work = run.definition.run as (items: object[], context: Context) => unknown;
  const { name, seconds, signal } = run;
  const returned = await bounded(
    { name, what: `a batch of ${items.length} ${takes}`, seconds, alarm, signal },
    (both) => work(items, run.context(both, reasons)),
  ).catch((error: unknown) => {
    throw run.trouble ?? error;
  });
  if (run.trouble !== undefined) throw run.trouble;
  if (!Array.isArray(returned))
    throw new LbiError('module', `${name} gave ${typeof returned}, and a list of ${takes} was expected`);
  const back = new Set<unknown>(returned);
  const dropped: Record<string, number> = {};
  const left = Math.max(0, items.length - returned.length);
  const said = items.flatMap((item) => (back.has(item) ? [] : (reasons.get(item) ?? []))).slice(0, left);
  for (const reason of [...said, ...Array<string>(left - said.length).fill('')]) {
    const key = reason === '' ? run.short : `${run.short}: ${reason.slice(0, 80)}`;
    dropped[key] = (dropped[key] ?? 0) + 1;
  }
  return { returned, dropped };
}

const marker = 'checksums.txt';

/** Lets the stage fill a folder, which is put in its place when it has ended. */
export async function writeFiles(
  run: Run,
  folder: string,
  refs: Ref[],
  names: { run: string; pipeline: string },
): Promise<DatasetSummary['files']> {
  const rows = async function* (): AsyncGenerator<Row> {
    for (const ref of refs) yield await run.get(ref);
  };
  const work = run.definition.run as (
    rows: AsyncIterable<Row>,
    context: FilesContext<Record<never, never>>,
  ) => Promise<void> | void;
  return replaceFolder(folder, marker, async (into) => {
    const { name, seconds, signal } = run;
    await mkdir(into, { recursive: true });
    await bounded({ name, what: `writing ${refs.length} examples`, seconds, alarm, signal }, (both) =>
      work(rows(), { ...run.context(both, new Map()), folder: into, ...names }),
    ).catch((error: unknown) => {
      throw run.trouble ?? error;
    });
    const written = await listed(into);
    const lines = written.map(({ path, sha256 }) => `${sha256}  ${path}\n`).join('');
    await writeFile(join(into, marker), lines);
    return written;
  });
}

async function listed(folder: string): Promise<DatasetSummary['files']> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(
    paths
      .toSorted()
      .map(async (path) => ({ path: relative(folder, path).split(sep).join('/'), sha256: await hash(path), rows: 0 })),
  );
}

async function hash(path: string): Promise<string> {
  const sum = createHash('sha256');
  for await (const chunk of createReadStream(path)) sum.update(chunk as Uint8Array);
  return sum.digest('hex');
}
