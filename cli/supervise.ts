/** The supervisor: one small process that keeps the project's server and worker alive; `lbi up` and `lbi down` are its switch. */

import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LbiError } from '../core/errors.ts';
import { temporal } from '../temporal.config.ts';
import { detach, liveState, removeState, stopProcess, writeState } from './processes.ts';
import { reapSessions } from './reaper.ts';
import { serverStatus, startServer, stopServer } from './server/server.ts';
import { livingWorkers } from './takeover.ts';

/** Milliseconds between two looks at the processes. */
const lookEvery = 300;
/** Milliseconds between two starts of a worker that keeps dying. */
const restartPause = 2000;
/** Milliseconds a worker may take to finish or hand back its work. */
const workerGrace = (temporal.timeouts.grace + 15) * 1000;

/** The supervisor's own life; returns when asked to stop, with everything it kept alive stopped. */
export async function supervise(home: string): Promise<void> {
  if ((await liveState(home, 'supervisor')) !== undefined) return;
  await writeState(home, 'supervisor', { pid: process.pid });
  let stopping = false;
  const stop = (): void => {
    stopping = true;
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  let lastStart = 0;
  while (!stopping) {
    try {
      if (temporal.external === undefined && (await serverStatus(home)).state === 'stopped') await startServer(home);
      if ((await liveState(home, 'worker')) === undefined && Date.now() - lastStart > restartPause) {
        lastStart = Date.now();
        await writeState(home, 'worker', { pid: detach(home, 'worker', ['worker']), ready: false });
      }
    } catch (error) {
      console.error(new Date().toISOString(), error instanceof Error ? error.message : error);
      await writeState(home, 'supervisor', {
        pid: process.pid,
        problem: error instanceof Error ? error.message : String(error),
      });
      await sleep(restartPause);
    }
    await sleep(lookEvery);
  }
  const worker = await liveState(home, 'worker');
  if (worker !== undefined) await stopProcess(worker, workerGrace);
  if (temporal.external === undefined) await stopServer(home);
  await removeState(home, 'supervisor');
}

/** Makes sure that supervisor, server and worker are up. @param say hears what is being waited for */
export async function up(home: string, say: (line: string) => void): Promise<void> {
  await mkdir(home, { recursive: true });
  const running = await liveState(home, 'supervisor');
  if (running === undefined) {
    say('starting the Temporal server and a worker in the background');
    detach(home, 'supervisor', ['supervise']);
  }
  const end = Date.now() + 90_000;
  for (;;) {
    const worker = await liveState(home, 'worker');
    const server = temporal.external !== undefined || (await serverStatus(home)).state === 'running';
    if (worker?.ready === true && server) return;
    const problem = (await liveState(home, 'supervisor'))?.problem;
    if (Date.now() > end) {
      const which = server ? 'worker' : 'supervisor';
      throw new LbiError(
        'operator',
        `the ${which} did not come up${problem === undefined ? '' : ` (${String(problem)})`}; the end of ${join(home, `${which}.log`)}:\n${await tail(join(home, `${which}.log`))}`,
      );
    }
    await sleep(100);
  }
}

/** Stops supervisor, worker and server. Gives false when nothing ran. Runs stay as they are and go on after `up`. */
export async function down(home: string): Promise<boolean> {
  const supervisor = await liveState(home, 'supervisor');
  if (supervisor !== undefined) await stopProcess(supervisor, workerGrace + 15_000);
  const worker = await liveState(home, 'worker');
  if (worker !== undefined) await stopProcess(worker, workerGrace);
  // Started by a supervisor that was killed before it could write that down.
  for (const stray of await livingWorkers(home)) await stopProcess(stray, workerGrace);
  const server = temporal.external === undefined && (await stopServer(home));
  // What a killed worker left is cleared away by the next one; after this there is none.
  await reapSessions(home);
  return supervisor !== undefined || worker !== undefined || server;
}

const tail = async (path: string): Promise<string> =>
  (await readFile(path, 'utf8').catch(() => '(no log)')).trimEnd().split('\n').slice(-8).join('\n');
