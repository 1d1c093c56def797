/** `lbi up`, `down`, `worker`: the processes behind the runs. */
import { LbiError } from '../core/errors.ts';
import { whichServer } from './connection.ts';
import { homeFolder, program } from './home.ts';
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

export async function downCommand(options: { json?: boolean }): Promise<number> {
  const stopped = await down(homeFolder());
  if (options.json === true) process.stdout.write(`${JSON.stringify({ stopped })}\n`);
  else say(stopped ? `down; open runs wait and go on after ${program} up` : 'nothing was running');
  return 0;
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
