/** One measured run of the engine's benchmarks, and the same work in a bare loop. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, Connection, Client as TemporalClient } from '@temporalio/client';
import { act } from '../activities/act.ts';
import { admit } from '../activities/admit.ts';
import { seal } from '../activities/attempt.ts';
import { conclude } from '../activities/conclude.ts';
import { decide } from '../activities/decide.ts';
import type { Deps } from '../activities/deps.ts';
import { instruct } from '../activities/instruct.ts';
import { open } from '../activities/open.ts';
import { prepare } from '../activities/prepare.ts';
import { page, read } from '../activities/read.ts';
import { alone } from '../cli/alone.ts';
import { planFile } from '../cli/plans.ts';
import { walkTask } from '../core/walk.ts';
import type { Ref } from '../schemas/common.ts';
import type { Flow, TaskEntry } from '../schemas/flow.ts';
import { folderStore } from '../store/folder.ts';
import { putJson } from '../store/json.ts';
import { launch, listed, type Place, recordedPid } from '../test/engine/place.ts';
import { inPool } from '../workflows/pool.ts';
import { databaseBytes, ended, type Load, lampPlace, sizeOf, type Taken, takenBy } from './lamps.ts';

export interface Measured {
  seconds: number;
  /** seconds from the start of the first episode to the end of the last; not asked for in large runs */
  working?: number;
  /** milliseconds of CPU */
  server: number;
  worker: number;
  /** MB of memory, at most */
  serverMemory: number;
  workerMemory: number;
  /** history of one episode */
  episode: { events: number; bytes: number };
  /** histories of the run's workflow: how many, and the longest and largest of them */
  run: { histories: number; events: number; bytes: number };
  database: number;
  store: { bytes: number; files: number };
}

/** The run of a load on its server, measured. @param spans whether to ask for every episode's times */
export async function measured(load: Load, spans = false): Promise<Measured> {
  const place = await lampPlace(load);
  const connections: Connection[] = [];
  try {
    await place.lbi('up');
    const worker = [(await recordedPid(place, 'worker')) ?? 0];
    const server = load.server?.pids ?? [(await recordedPid(place, 'server')) ?? 0];
    const taken = async (): Promise<{ server: Taken; worker: Taken }> => ({
      server: await takenBy(server),
      worker: await takenBy(worker),
    });
    const bytes = async (): Promise<number> =>
      load.server === undefined ? databaseBytes(place) : (await sizeOf(load.server.database)).bytes;
    const [before, bytesBefore] = [await taken(), await bytes()];
    const run = await launch(place);
    const client = await clientOf(place, load, connections);
    const { seconds } = await ended(client, run);
    const after = await taken();
    const episode = await episodeOf(client, run);
    return {
      seconds,
      ...(spans ? { working: await workingOf(client, run) } : {}),
      server: after.server.cpu - before.server.cpu,
      worker: after.worker.cpu - before.worker.cpu,
      serverMemory: after.server.peak,
      workerMemory: after.worker.peak,
      episode,
      run: await histories(client, run),
      database: (await bytes()) - bytesBefore,
      store: await sizeOf(join(place.folder, '.lbi', 'store')),
    };
  } finally {
    for (const connection of connections) await connection.close();
    await place.close();
  }
}

async function clientOf(place: Place, load: Load, connections: Connection[]): Promise<Client> {
  if (load.server === undefined) return place.client();
  const connection = await Connection.connect({ address: load.server.address });
  connections.push(connection);
  return new TemporalClient({ connection });
}

const historyOf = async (client: Client, id: string, runId?: string): Promise<{ events: number; bytes: number }> => {
  const { historyLength, historySize } = await client.workflow.getHandle(id, runId).describe();
  return { events: historyLength, bytes: historySize ?? 0 };
};

async function episodeOf(client: Client, run: string): Promise<{ events: number; bytes: number }> {
  const [id = ''] = await listed(
    client,
    `LbiRun = '${run}' AND WorkflowType = 'episode' AND ExecutionStatus = 'Completed'`,
  );
  return historyOf(client, id);
}

async function workingOf(client: Client, run: string): Promise<number> {
  let [first, last] = [Number.POSITIVE_INFINITY, 0];
  const query = `LbiRun = '${run}' AND WorkflowType = 'episode'`;
  for await (const { startTime, closeTime } of client.workflow.list({ query })) {
    first = Math.min(first, startTime.getTime());
    last = Math.max(last, closeTime?.getTime() ?? 0);
  }
  return (last - first) / 1000;
}

async function histories(client: Client, run: string): Promise<Measured['run']> {
  const found: { events: number; bytes: number }[] = [];
  for await (const { runId } of client.workflow.list({ query: `WorkflowId = 'lamps/${run}'` }))
    found.push(await historyOf(client, `lamps/${run}`, runId));
  const most = (name: 'events' | 'bytes'): number => Math.max(0, ...found.map((one) => one[name]));
  return { histories: found.length, events: most('events'), bytes: most('bytes') };
}

/** The same episodes without Temporal: the same activities, called one after the other in this process, so many episodes at once. */
export async function bare(load: Load): Promise<{ seconds: number; cpu: number }> {
  const place = await lampPlace(load);
  const folder = await mkdtemp(join(tmpdir(), 'lbi-bare-'));
  const { deps, close } = await alone(await folderStore(folder), new AbortController().signal);
  try {
    const plan = await planFile(join(place.folder, 'pipeline.yaml'), {});
    if (plan === undefined) throw new Error('the pipeline is wrong');
    const ref = await putJson(deps.store, plan);
    const [started, cpu] = [performance.now(), process.cpuUsage()];
    const flow = await prepare(deps)({ pipeline: 'lamps', run: 'bare', plan: ref });
    await inPool(await tasksOf(deps, flow), load.inFlight, (task) => bareEpisode(deps, flow, task));
    const used = process.cpuUsage(cpu);
    return { seconds: (performance.now() - started) / 1000, cpu: (used.user + used.system) / 1000 };
  } finally {
    await close();
    await rm(folder, { recursive: true, force: true });
    await place.close();
  }
}

async function tasksOf(deps: Deps, { plan, run }: Flow): Promise<TaskEntry[]> {
  const { pages } = await read(deps)({ plan, run });
  const tasks: TaskEntry[] = [];
  let batch = 0;
  for (let number = 0; number < pages; number += 1) {
    for (const document of await page(deps)({ run, page: number })) {
      const { tasks: invented } = await instruct(deps)({ plan, document });
      tasks.push(...(await admit(deps)({ plan, run, batch, document, tasks: invented })).fresh);
      batch += 1;
    }
  }
  return tasks;
}

async function bareEpisode(deps: Deps, flow: Flow, task: TaskEntry): Promise<Ref> {
  const { plan } = flow;
  const { environment } = flow.interact;
  const session = `bare/${task.id}#1`;
  const queue = deps.pinnedQueue;
  const walk = await walkTask(flow, task.ref, {
    open: (head) => open(deps)({ plan, environment, task: task.ref, session, head }),
    act: (head, decision) => act(deps)({ session, queue, head, decision }),
    decide: (input) => decide(deps)(input),
    spend: () => {},
  });
  await deps.sessions.close(session);
  const { head, outcome, detail, usage, finish, facts } = walk;
  const steps = facts.length;
  const trajectory = { task: task.ref, environment, head, steps, outcome, detail, recovered: 0 };
  const sealed = await seal(deps)({ plan, trajectory, finish, usage });
  const nothing = { windows: 0, dropped: {}, candidates: [], usage: {} };
  return conclude(deps)({ plan, record: { task: task.ref, trajectory: sealed, outcome, detail, steps, ...nothing } });
}
