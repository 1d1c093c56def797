/** The thread of a stage of the user's own: imports the module once and lets it work, call by call. */
import { parentPort, workerData } from 'node:worker_threads';
import type { OwnStage, StageContext, StageDefinition, StageHost, StageOutcome } from '../../activities/own-stage.ts';
import { LbiError } from '../../core/errors.ts';
import { ownMistake } from '../../core/own-mistake.ts';
import type { Row } from '../../schemas/dataset.ts';
import { hookImports } from './hooks.ts';
import type { FromThread, HostQuestion, ToThread } from './stage-thread.ts';

const { address } = workerData as { address: string };
const say = (message: FromThread): void => parentPort?.postMessage(message);

hookImports();
const importing = (import(address) as Promise<{ default: OwnStage }>).then((module) => module.default.definition);
// Whoever calls is told of what went wrong.
void importing.then(
  () => say({ type: 'ready' }),
  () => say({ type: 'ready' }),
);

interface Going {
  stop: AbortController;
  questions: Map<number, PromiseWithResolvers<unknown>>;
}

const going = new Map<number, Going>();
let questions = 0;

/** The host of a call, on the other side. */
function hostOf(id: number, { questions: open }: Going): StageHost {
  const ask = (said: HostQuestion): Promise<unknown> => {
    const question = questions++;
    const waiting = Promise.withResolvers<unknown>();
    open.set(question, waiting);
    say({ type: 'ask', id, question, ...said });
    return waiting.promise;
  };
  return {
    complete: (...given) => ask({ name: 'complete', given }) as ReturnType<StageHost['complete']>,
    put: (...given) => ask({ name: 'put', given }) as ReturnType<StageHost['put']>,
    get: (...given) => ask({ name: 'get', given }) as ReturnType<StageHost['get']>,
    row: (...given) => ask({ name: 'row', given }) as ReturnType<StageHost['row']>,
    log: (line) => void ask({ name: 'log', given: [String(line)] }),
  };
}

async function* rowsOf(host: StageHost): AsyncGenerator<Row> {
  for (let index = 0; ; index += 1) {
    const row = await host.row(index);
    if (row === undefined) return;
    yield row;
  }
}

type Call = Extract<ToThread, { type: 'run' }>['call'];

function contextOf(call: Call, host: StageHost, reasons: Map<object, string>, signal: AbortSignal) {
  const context: StageContext<Record<never, never>> = {
    parameters: call.parameters as StageContext<Record<never, never>>['parameters'],
    model: (name) => {
      if (call.models.includes(name)) return { complete: (question) => host.complete(name, question) };
      throw new LbiError(
        'spec',
        `${call.name} asks the model "${name}", but no key of its schema names it: add model: text('output', '…', { names: 'model', example: 'writer' })`,
      );
    },
    drop: (item, reason) => {
      reasons.set(item, String(reason));
      return false;
    },
    put: host.put,
    get: host.get,
    log: host.log,
    signal,
    seed: call.seed,
  };
  return context;
}

async function work(
  definition: StageDefinition,
  call: Call,
  host: StageHost,
  signal: AbortSignal,
): Promise<StageOutcome> {
  const reasons = new Map<object, string>();
  const context = contextOf(call, host, reasons, signal);
  if (call.files !== undefined) {
    const run = definition.run as (rows: AsyncIterable<Row>, given: object) => unknown;
    await run(rowsOf(host), { ...context, ...call.files });
    return { returned: [], reasons: [] };
  }
  const run = definition.run as (items: object[], given: object) => unknown;
  const returned = await run(call.items, context);
  if (!Array.isArray(returned))
    throw new LbiError(
      'module',
      `${call.name} gave ${returned === null ? 'null' : typeof returned}, and a list was expected`,
    );
  const back = new Set<unknown>(returned);
  return { returned, reasons: call.items.flatMap((item) => (back.has(item) ? [] : (reasons.get(item) ?? []))) };
}

async function run(id: number, call: Call): Promise<void> {
  const mine: Going = { stop: new AbortController(), questions: new Map() };
  going.set(id, mine);
  try {
    const definition = await importing;
    const outcome = await work(definition, call, hostOf(id, mine), mine.stop.signal);
    say({ type: 'done', id, outcome: JSON.parse(JSON.stringify(outcome)) as StageOutcome });
  } catch (error) {
    const { kind, message, retryAfterMs } = ownMistake(call.name, error);
    say({ type: 'failed', id, kind, message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
  } finally {
    going.delete(id);
  }
}

parentPort?.on('message', (said: ToThread) => {
  if (said.type === 'ping') say({ type: 'pong' });
  else if (said.type === 'run') void run(said.id, said.call);
  else if (said.type === 'abort') going.get(said.id)?.stop.abort();
  else {
    const waiting = going.get(said.id)?.questions;
    const question = waiting?.get(said.question);
    waiting?.delete(said.question);
    if (said.error === undefined) question?.resolve(said.value);
    else question?.reject(new Error(said.error));
  }
});
