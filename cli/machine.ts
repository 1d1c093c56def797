/** `lbi up`, `down`, `worker`: the processes behind the runs. */
import { existsSync } from 'node:fs';
import { LbiError } from '../core/errors.ts';
import { megabytes } from '../setup/screen.mjs';
import { whichServer } from './connection.ts';
import { homeFolder, program } from './home.ts';
import { compact } from './server/database.ts';
import { serverStatus } from './server/server.ts';
import { down, supervise, up } from './supervise.ts';

const say = (line: string): void => void process.stderr.write(`${line}\n`);

export async function upCommand(options: { json?: boolean }): Promise<number> {
  const home = homeFolder();
  await up(home, say);
  const place = await whichServer(home);
  const address = place.connectionOptions.address ?? '';
  if (options.json === true) process.stdout.write(`${JSON.stringify({ address, ui: place.ui })}\n`);
  else
    say(
      `up: Temporal ${address}${place.ui === null ? '' : `, UI ${place.ui}`}\n  next  ${program} run PIPELINE.yaml    ${program} down stops it`,
    );
  return 0;
}

export async function downCommand(options: { json?: boolean; compact?: boolean }): Promise<number> {
  const home = homeFolder();
  const stopped = await down(home);
  const compacted = options.compact === true ? await compactDatabase(home) : undefined;
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify({ stopped, ...(compacted === undefined ? {} : { compacted }) })}\n`);
    return 0;
  }
  say(stopped ? `down; open runs wait and go on after ${program} up` : 'nothing was running');
  if (compacted !== undefined)
    say(`the server's database held ${megabytes(compacted.before)} and holds ${megabytes(compacted.after)}`);
  return 0;
}

/** Only after `down`: nobody else may have the file open. */
async function compactDatabase(home: string): Promise<{ before: number; after: number }> {
  const { db } = await serverStatus(home);
  if (db === undefined || !existsSync(db)) throw new LbiError('spec', `there is no database of a server in ${home}`);
  return compact(db);
}

export async function workerCommand(): Promise<number> {
  const { runWorker } = await import('./worker.ts');
  await runWorker();
  return 0;
}

export async function superviseCommand(): Promise<number> {
  try {
    await supervise(homeFolder());
    return 0;
  } catch (error) {
    if (!(error instanceof LbiError)) throw error;
    say(error.message);
    return 6;
  }
}
