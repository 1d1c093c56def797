/** One call of a stage of the user's own: what it is handed, what it may ask for meanwhile, and what it did with it. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import pLimit from 'p-limit';
import { LbiError } from '../core/errors.ts';
import { modelsNamedBy, type PlannedStage } from '../core/own.ts';
import { charge } from '../core/usage.ts';
import type { JsonObject, Usage } from '../schemas/common.ts';
import type { DatasetSummary } from '../schemas/flow.ts';
import type { StageItems } from '../schemas/own-module.ts';
import type { Plan } from '../schemas/plan.ts';
import { replaceFolder } from '../store/replace-folder.ts';
import { ask } from './ask.ts';
import type { Deps } from './deps.ts';
import type { StageCall, StageHost, StageOutcome, StageQuestion } from './own-stage.ts';
import { samplingOf } from './plans.ts';
import { type KeptExample, rowsOf } from './rows.ts';

export interface Run {
  /** what messages call it: `the stage forbidden-words (./forbidden-words.ts)` */
  name: string;
  /** what counts call it */
  short: string;
  seed: number;
  usage: Record<string, Usage>;
  /** Lets the stage work; `rows` are what a stage that writes files reads. */
  work(call: Pick<StageCall, 'what' | 'items' | 'files'>, rows?: KeptExample[]): Promise<StageOutcome>;
}

export async function runOf(deps: Deps, plan: Plan, planned: PlannedStage): Promise<Run> {
  const { stage, module } = planned;
  const runner = await deps.stage(plan, stage.uses);
  const models = modelsNamedBy(plan, stage);
  const run: Run = {
    name: `the stage ${module.name} (${stage.uses})`,
    short: module.name,
    seed: plan.spec.seed,
    usage: {},
    work: async (given, rows = []) => {
      const trouble: LbiError[] = [];
      const call: StageCall = {
        ...given,
        name: run.name,
        seconds: stage.timeout,
        signal: AbortSignal.any([deps.cancelled(), deps.signal]),
        parameters: stage as unknown as JsonObject,
        models,
        seed: run.seed,
      };
      const outcome = await runner.run(call, hostOf(deps, plan, run, rows, trouble)).catch((error: unknown) => {
        throw trouble[0] ?? error;
      });
      // A refused key or a limit is the engine's to answer, whatever the stage made of it.
      if (trouble[0] !== undefined) throw trouble[0];
      return outcome;
    },
  };
  return run;
}

/** Replies are kept, calls are counted, and one call goes on at a time, as the limits of the model's queue want it. */
function hostOf(deps: Deps, plan: Plan, run: Run, rows: KeptExample[], trouble: LbiError[]): StageHost {
  const oneByOne = pLimit(1);
  const asked = new Set<string>();
  const complete = async (name: string, question: StageQuestion) => {
    const { user, ...rest } = question;
    const messages = [{ role: 'user' as const, content: [{ type: 'text' as const, text: user ?? '' }] }];
    const request = { role: run.short, system: '', messages, ...samplingOf(plan, name), ...rest };
    try {
      const account = `${run.short}/${name}`;
      const { reply, usage, key } = await ask(deps, plan, name, request, null, { account, once: true });
      // A question that the stage puts twice is paid for once.
      if (!asked.has(key)) charge(run.usage, account, usage);
      asked.add(key);
      return reply;
    } catch (error) {
      if (error instanceof LbiError) trouble.push(error);
      throw error;
    }
  };
  return {
    complete: (name, question) => oneByOne(() => complete(name, question)),
    put: (content) => deps.store.put(typeof content === 'string' ? Buffer.from(content) : content),
    get: (ref) => deps.store.get(ref),
    log: (line) => void process.stderr.write(`${new Date().toISOString()} ${run.short}: ${line}\n`),
    row: async (index) => {
      const [row] = await rowsOf(deps.store, plan, rows.slice(index, index + 1));
      return row;
    },
  };
}

/** Lets the stage work on the items; counts what it left out, by the reason it gave or else its name. */
export async function runStage(
  run: Run,
  items: object[],
  takes: StageItems,
): Promise<{ returned: unknown[]; dropped: Record<string, number> }> {
  const { returned, reasons } = await run.work({ items, what: `a batch of ${items.length} ${takes}` });
  const left = Math.max(0, items.length - returned.length);
  const said = reasons.slice(0, left).map((reason) => `${run.short}: ${reason.slice(0, 80)}`);
  const dropped: Record<string, number> = {};
  for (const reason of [...said, ...Array<string>(left - said.length).fill(run.short)])
    dropped[reason] = (dropped[reason] ?? 0) + 1;
  return { returned, dropped };
}

const marker = 'checksums.txt';

/** Lets the stage fill a folder, which is put in its place when it has ended. */
export async function writeFiles(
  run: Run,
  folder: string,
  kept: KeptExample[],
  names: { run: string; pipeline: string },
): Promise<DatasetSummary['files']> {
  return replaceFolder(folder, marker, async (into) => {
    await run.work({ items: [], what: `writing ${kept.length} examples`, files: { folder: into, ...names } }, kept);
    const written = await listed(into);
    await writeFile(join(into, marker), written.map(({ path, sha256 }) => `${sha256}  ${path}\n`).join(''));
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
