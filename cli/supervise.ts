/** The supervisor: one small process that keeps the project's server and worker alive; `lbi up` and `lbi down` are its switch. */

import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LbiError } from '../core/errors.ts';
import { temporal } from '../temporal.config.ts';
import { keyring, keyVariable } from './encryption/keys.ts';
import { program } from './home.ts';
import { detach, liveState, type ProcessState, removeState, stopProcess, writeState } from './processes.ts';
import { reapSessions } from './reaper.ts';
import { keepDecoding } from './server/decoding.ts';
import { needRoom, rotateLogs } from './server/disk.ts';
import { serverStatus, startServer, stopServer } from './server/server.ts';
import { livingWorkers } from './takeover.ts';

/** Milliseconds between two looks at the processes. */
const lookEvery = 300;
/** Milliseconds between two starts of a worker that keeps dying. */
const restartPause = 2000;
/** Milliseconds a worker may take to finish or hand back its work. */
const workerGrace = (temporal.timeouts.grace + 15) * 1000;
/** Milliseconds between two looks at how long the logs are. */
const rotateEvery = 10_000;

/** The supervisor's own life; returns when asked to stop, with everything it kept alive stopped. */
export async function supervise(home: string): Promise<void> {
  if ((await liveState(home, 'supervisor')) !== undefined) return;
  const { openLog } = await import('./telemetry/log.ts');
  const log = openLog('supervisor');
  await note(home, {});
  let stopping = false;
  const stop = (): void => {
    stopping = true;
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  const decoding = keepDecoding(home);
  let lastStart = 0;
  let lastRotation = 0;
  let problem = '';
  while (!stopping) {
    try {
      if (Date.now() - lastRotation > rotateEvery) {
        lastRotation = Date.now();
        await rotateLogs(home);
      }
      if (temporal.external === undefined) {
        const codecPort = await decoding.port();
        if ((await serverStatus(home)).state === 'stopped') {
          const { address, pid } = await startServer(home, temporal, codecPort);
          log.info({ address, serverPid: pid }, 'the Temporal server is up');
        }
        await decoding.serve();
      }
      if ((await liveState(home, 'worker')) === undefined && Date.now() - lastStart > restartPause) {
        lastStart = Date.now();
        const pid = detach(home, 'worker', ['worker']);
        await writeState(home, 'worker', { pid, ready: false });
        log.info({ workerPid: pid }, 'a worker is started');
      }
      if (problem !== '') await note(home, {});
      problem = '';
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (message !== problem) log.error(message);
      problem = message;
      await note(home, { problem });
      await sleep(restartPause);
    }
    await sleep(lookEvery);
  }
  const worker = await liveState(home, 'worker');
  if (worker !== undefined) await stopProcess(worker, workerGrace);
  if (temporal.external === undefined) await stopServer(home);
  await decoding.close();
  await removeState(home, 'supervisor');
  log.info('stopped');
}

/** The supervisor's record. On a full disk it cannot be written, which must not end the one who waits for room. */
const note = (home: string, more: Partial<ProcessState>): Promise<void> =>
  writeState(home, 'supervisor', { pid: process.pid, ...more }).catch(() => undefined);

/** Makes sure that supervisor, server and worker are up. @param say hears what is being waited for */
export async function up(home: string, say: (line: string) => void): Promise<void> {
  await mkdir(home, { recursive: true });
  const running = await liveState(home, 'supervisor');
  let started: number | undefined;
  if (running === undefined) {
    await needRoom(home);
    say('starting the Temporal server and a worker in the background');
    started = detach(home, 'supervisor', ['supervise']);
  }
  const end = Date.now() + 90_000;
  let keysDiffer = 0;
  let waiting = 0;
  for (;;) {
    const worker = await liveState(home, 'worker');
    const server = temporal.external !== undefined || (await serverStatus(home)).state === 'running';
    if (worker?.ready === true && server) {
      const differ = otherKey(worker);
      if (differ === undefined) return;
      // A worker notices a new key in `.env` within seconds.
      keysDiffer ||= Date.now();
      if (Date.now() - keysDiffer > 12_000) throw new LbiError('operator', differ);
    }
    // It may be about to be mended: a server that is just starting does not answer at once.
    waiting = server && typeof worker?.problem === 'string' ? waiting || Date.now() : 0;
    if (waiting > 0 && Date.now() - waiting > 4000)
      throw new LbiError('operator', `the worker cannot begin: ${worker?.problem}`);
    const supervisor = await liveState(home, 'supervisor');
    const gone = started !== undefined && supervisor === undefined && !(await isAlive(started));
    if (gone || Date.now() > end) throw await notUp(home, server ? 'worker' : 'supervisor', supervisor?.problem);
    await sleep(100);
  }
}

const isAlive = async (pid: number): Promise<boolean> => {
  const { alive } = await import('./processes.ts');
  return alive({ pid });
};

/** Set when the worker encrypts otherwise than this command would: what one writes, the other might not read. */
function otherKey(worker: ProcessState): string | undefined {
  const mine = keyring().first?.id ?? null;
  const its = typeof worker.key === 'string' ? worker.key : null;
  if (mine === its) return undefined;
  const named = (id: string | null): string => (id === null ? 'does not encrypt' : `encrypts with the key ${id}`);
  return `the worker ${named(its)}, and this command ${named(mine)}: put ${keyVariable} into the file .env here, which both read, or start them with the same: ${program} down, then ${program} up`;
}

async function notUp(home: string, which: string, problem: unknown): Promise<LbiError> {
  const log = join(home, `${which}.log`);
  const why = problem === undefined ? '' : ` (${String(problem)})`;
  return new LbiError('operator', `the ${which} did not come up${why}; the end of ${log}:\n${await tail(log)}`);
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
