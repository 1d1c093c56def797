/** `lbi limits`: what is declared of each model's limits, what is in force, and changing it while runs are at work. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, Connection } from '@temporalio/client';
import { LbiError } from '../core/errors.ts';
import { type Limits, type Pace, paceNow } from '../core/rate.ts';
import type { Plan } from '../schemas/plan.ts';
import { getJson } from '../store/json.ts';
import type { Store } from '../store/store.ts';
import { openStore } from '../store/stores.ts';
import { whichServer, withClient } from './connection.ts';
import { homeFolder, program, storeUrl } from './home.ts';
import type { Minute } from './limits/keeper.ts';
import { pinnedTo, seePresence } from './limits/presence.ts';
import { type ModelQueue, modelQueues } from './limits/queues.ts';
import { type Kept, type Look, openRegister, type Register } from './limits/register.ts';
import { limitsLines } from './limits/render.ts';
import { openRuns, planOf as refOf } from './open-runs.ts';
import { planFile } from './plans.ts';
import { projectOf, queueOf as queueOfProject } from './project.ts';
import { findRun, listRuns } from './runs.ts';
import { WrongCall } from './wrong-call.ts';

export interface LimitsOptions {
  model?: string;
  rpm?: number;
  tpm?: number;
  concurrency?: number;
  reset?: boolean;
  json?: boolean;
}

/** A queue as it stands. */
export interface Standing extends ModelQueue {
  /** what `lbi limits` has set */
  set: Limits;
  /** calls a minute that may begin now; 0 while the provider is waited for, null where nothing bounds them */
  callsPerMinute: number | null;
  /** calls in flight over all workers */
  concurrency: number;
  pace: Pace;
  /** the rate was set by somebody else */
  foreign: boolean;
  /** of the last minute, over all workers; null when no worker answers */
  lastMinute: Minute | null;
  waiting: number;
  workers: number;
}

export async function limitsCommand(what: string | undefined, options: LimitsOptions): Promise<number> {
  const change = changeOf(options);
  const plans = await plansOf(what, options);
  if (plans === undefined) return 3;
  const project = await projectOf(await openStore(storeUrl()));
  const all = modelQueues(project, plans);
  const chosen = options.model === undefined ? all : [queueOf(all, options.model)];
  if ((change !== undefined || options.reset === true) && options.model === undefined && all.length > 1)
    throw new WrongCall(`which model? --model ${namesOf(all).join(' or --model ')}`);
  await whichServer(homeFolder());
  return withClient(homeFolder(), async (client, place) => {
    const register = openRegister(client.connection as Connection, place.namespace, `${program} limits`);
    for (const queue of chosen) {
      if (options.reset === true) await reset(register, queue);
      if (change !== undefined) await apply(register, queue, change);
    }
    const standings = await standingsOf(client, register, project, chosen);
    if (options.json === true)
      process.stdout.write(`${JSON.stringify({ schema: 'lbi.limits/1', queues: standings })}\n`);
    else process.stdout.write(`${limitsLines(standings, Date.now()).join('\n')}\n`);
    return 0;
  });
}

function changeOf({ rpm, tpm, concurrency, reset: again }: LimitsOptions): Limits | undefined {
  const change = {
    ...(rpm === undefined ? {} : { rpm }),
    ...(tpm === undefined ? {} : { tpm }),
    ...(concurrency === undefined ? {} : { concurrency }),
  };
  if (Object.keys(change).length === 0) return undefined;
  if (again === true)
    throw new WrongCall('--reset goes back to the pipeline’s limits: give it without --rpm, --tpm and --concurrency');
  return change;
}

/** Of a pipeline file, of a run, or of all runs that are open; the newest run where none is. */
async function plansOf(what: string | undefined, { json }: LimitsOptions): Promise<Plan[] | undefined> {
  if (what !== undefined && /\.ya?ml$/.test(what)) {
    const plan = await planFile(what, {});
    return plan === undefined ? undefined : [plan];
  }
  const store = await openStore(storeUrl());
  if (what !== undefined) return [await planOf(store, (await findRun(store, what)).plan)];
  const refs = await openPlans(store);
  if (refs.length > 0) return Promise.all(refs.map((ref) => planOf(store, ref)));
  const [newest] = await listRuns(store);
  if (newest === undefined) return [await planOf(store, (await findRun(store, '@last')).plan)];
  if (json !== true) process.stderr.write(`no run is open; this is about ${newest.run}, the newest\n`);
  return [await planOf(store, newest.plan)];
}

const planOf = (store: Store, ref: string): Promise<Plan> => getJson<Plan>(store, ref);

async function openPlans(store: Store): Promise<string[]> {
  const main = queueOfProject(await projectOf(store));
  return withClient(homeFolder(), async (client) => {
    const refs = new Set<string>();
    for await (const run of openRuns(client, main)) {
      const ref = await refOf(run);
      if (ref !== undefined) refs.add(ref);
    }
    return [...refs];
  });
}

const namesOf = (queues: readonly ModelQueue[]): string[] => queues.flatMap(({ names }) => names.slice(0, 1));

function queueOf(queues: readonly ModelQueue[], name: string): ModelQueue {
  const found = queues.find(({ names, queue }) => names.includes(name) || queue === name);
  if (found !== undefined) return found;
  throw new LbiError(
    'spec',
    `no model is called "${name}" here; there are ${queues.flatMap(({ names }) => names).join(', ')}`,
  );
}

/** Says it to all workers, and has the server obey at once. */
async function apply(register: Register, queue: ModelQueue, change: Limits): Promise<void> {
  const before = await register.look(queue.queue);
  const set = { ...before.set, ...change };
  await register.setLimits(queue.queue, set);
  const { revision } = await obey(register, queue, { ...queue.declared, ...set }, before.foreign ? {} : before.pace);
  await seen(register, queue, (look) => look.revision >= revision && same(look.set, set));
}

/** Back to the pipeline's, and nothing learned: what the provider really allows is found again. */
async function reset(register: Register, queue: ModelQueue): Promise<void> {
  const { pace } = await register.look(queue.queue);
  await register.setLimits(queue.queue, {});
  for (let tries = 0; tries < 4; tries += 1) {
    const { revision } = await obey(register, queue, queue.declared, {});
    // A worker that had just looked may write once more what was to be forgotten.
    await sleep(300);
    const after = await seen(register, queue, (look) => look.revision >= revision && same(look.set, {}));
    if (after.pace.at === undefined || after.pace.at !== pace.at) return;
  }
}

const obey = (register: Register, { queue }: ModelQueue, limits: Limits, pace: Pace): Promise<Kept> =>
  register.setPace(queue, paceNow(limits, pace, Date.now()), pace);

const same = (a: Limits, b: Limits): boolean => a.rpm === b.rpm && a.tpm === b.tpm && a.concurrency === b.concurrency;

/** The first look that shows it: what was set is read back a moment later. */
async function seen(register: Register, { queue }: ModelQueue, shows: (look: Look) => boolean): Promise<Look> {
  for (let tries = 0; ; tries += 1) {
    const look = await register.look(queue);
    if (shows(look) || tries >= 20) return look;
    await sleep(100);
  }
}

async function standingsOf(
  client: Client,
  register: Register,
  project: string,
  queues: readonly ModelQueue[],
): Promise<Standing[]> {
  const namespace = client.options.namespace;
  const presence = seePresence(client.connection as Connection, namespace);
  const serving = await Promise.all(queues.map(({ queue }) => presence.workers(queue)));
  const all = [...new Set(serving.flat())];
  const minutes = (await Promise.all(all.map((worker) => minuteOf(client, project, worker)))).filter(
    (one) => one !== undefined,
  );
  return Promise.all(
    queues.map(async (queue, index) => {
      const look = await register.look(queue.queue);
      const counted = minutes.flatMap((minute) => minute[queue.queue] ?? []);
      return standing(queue, look, counted, serving[index]?.length ?? 0);
    }),
  );
}

function standing(queue: ModelQueue, look: Look, minutes: Minute[], workers: number): Standing {
  const sum = (pick: (minute: Minute) => number): number => minutes.reduce((total, one) => total + pick(one), 0);
  return {
    ...queue,
    set: look.set,
    callsPerMinute: look.inForce === null ? null : look.inForce * 60,
    concurrency: queue.alone
      ? workers * queue.declared.concurrency
      : (look.set.concurrency ?? queue.declared.concurrency),
    pace: look.pace,
    foreign: look.foreign,
    lastMinute:
      minutes.length === 0
        ? null
        : {
            calls: sum(({ calls }) => calls),
            tokens: sum(({ tokens }) => tokens),
            refused: sum(({ refused }) => refused),
            inFlight: sum(({ inFlight }) => inFlight),
          },
    waiting: look.waiting,
    workers,
  };
}

/** What a worker counted, asked of itself; undefined when it does not answer, or the server knows no activities without a workflow. */
async function minuteOf(client: Client, project: string, worker: string): Promise<Record<string, Minute> | undefined> {
  try {
    return await client.activity.execute<Record<string, Minute>>('minute', {
      id: `limits/${worker}/${Date.now()}`,
      taskQueue: pinnedTo(project, worker),
      scheduleToCloseTimeout: '3s',
      retry: { maximumAttempts: 1 },
    });
  } catch {
    return undefined;
  }
}
