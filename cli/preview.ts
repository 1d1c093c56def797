/** `lbi preview`: one document through every stage, shown as it happens; no server, no worker, and nothing kept unless asked. */
import type { Plan } from '../schemas/plan.ts';
import { putJson } from '../store/json.ts';
import { overlayStore } from '../store/overlay.ts';
import type { Store } from '../store/store.ts';
import { openStore } from '../store/stores.ts';
import { alone } from './alone.ts';
import { entryOf, pickDocument } from './documents.ts';
import { program, storeUrl } from './home.ts';
import { askPerson } from './plan/consent.ts';
import { planFile } from './plans.ts';
import { askingFirst, type Bill, costsMoney, Declined } from './preview/calls.ts';
import { boundedFlow, chooseTask, judge, type Preview, walk } from './preview/episode.ts';
import { type Event, eventLines } from './preview/events.ts';
import { WrongCall } from './wrong-call.ts';

export interface PreviewOptions {
  document?: string;
  task?: string;
  steps?: number;
  windows?: number;
  profile?: string;
  set?: string[];
  keep?: boolean;
  yes?: boolean;
  json?: boolean;
}

/** Exit codes: 0 shown, 1 a model or the place failed, 3 wrong pipeline, 4 stopped or not agreed to pay, 6 something is missing. */
export async function previewCommand(file: string, options: PreviewOptions): Promise<number> {
  const plan = await planFile(file, options);
  if (plan === undefined) return 3;
  const stop = new AbortController();
  const stopped = (): void => {
    if (stop.signal.aborted) process.exit(130);
    process.stderr.write('\nstopping; once more ends at once\n');
    stop.abort();
  };
  process.on('SIGINT', stopped);
  process.on('SIGTERM', stopped);
  const store = await storeFor(options);
  const { deps, close } = await alone(store, stop.signal);
  const tell = (event: Event): void => {
    const text = options.json === true ? JSON.stringify(event) : eventLines(event).join('\n');
    process.stdout.write(`${text}\n`);
  };
  const bill: Bill = { usage: {}, stored: 0 };
  const started = Date.now();
  const preview: Preview = {
    deps: askingFirst(deps, (model) => agreed(plan, model, options)),
    plan,
    ref: await putJson(store, plan),
    ...{ signal: stop.signal, tell, bill, steps: options.steps ?? 8, windows: options.windows ?? 3 },
  };
  try {
    await show(preview, options);
    tell({ type: 'done', ...bill, seconds: (Date.now() - started) / 1000, kept: options.keep === true });
    if (options.json !== true) process.stderr.write(next(file, options));
    return 0;
  } catch (error) {
    if (!(error instanceof Declined) && !stop.signal.aborted) throw error;
    process.stderr.write(stop.signal.aborted ? 'stopped\n' : 'nothing was asked\n');
    return 4;
  } finally {
    await close();
    process.off('SIGINT', stopped);
    process.off('SIGTERM', stopped);
  }
}

/** Replies that are in the store are used either way; without `--keep` nothing is added to it. */
const storeFor = async ({ keep }: PreviewOptions): Promise<Store> =>
  keep === true ? openStore(storeUrl()) : overlayStore(await openStore(storeUrl(), { readOnly: true }));

async function show(preview: Preview, options: PreviewOptions): Promise<void> {
  const { deps, plan, tell } = preview;
  const { document, number } = await pickDocument(deps, plan, options.document ?? '1');
  const { id, title, text } = document;
  tell({ type: 'document', number, id, title, characters: text.length });
  const flow = await boundedFlow(preview);
  const task = await chooseTask(preview, flow, await entryOf(deps.store, document), options.task);
  const walked = await walk(preview, flow, task);
  if (flow.construct === null) return;
  await judge(preview, flow, task, walked);
}

/** Asked once, before the first call that costs money. */
async function agreed(plan: Plan, model: string, options: PreviewOptions): Promise<boolean> {
  if (options.yes === true) return true;
  const paid = Object.keys(plan.spec.models).filter((name) => costsMoney(plan, name));
  const what = `This asks ${paid.join(', ')}, which cost${paid.length === 1 ? 's' : ''} money`;
  if (process.stdin.isTTY !== true || process.stderr.isTTY !== true || options.json === true)
    throw new WrongCall(`${what}: add --yes to go on (asked first: ${model})`);
  const steps = options.steps ?? 8;
  const bound = `at most ${steps + 1} decisions and ${options.windows ?? 3} windows`;
  return /^\s*y(?:es)?\s*$/i.test(await askPerson(`${what}: ${bound}, usually a few cents. Go on? [y/N] `));
}

const next = (file: string, { document, keep }: PreviewOptions): string => {
  const other = /^\d+$/.test(document ?? '1') ? Number(document ?? '1') + 1 : 1;
  return `\nanother  ${program} preview ${file} --document ${other}${keep === true ? ' --keep' : ''}\nthe run  ${program} run ${file}\n`;
};
