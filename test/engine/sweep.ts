/** Kills at random moments, drawn from a seed, and what must hold afterwards: no answer paid for twice, nothing left behind. */
import { existsSync } from 'node:fs';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { listens } from '../../cli/server/ports.ts';
import { randomSource } from '../../core/random.ts';
import { type Place, recordedPid } from './place.ts';

export type Target = 'worker' | 'server' | 'supervisor' | 'browser';

export interface Kill {
  target: Target;
  pid: number;
  /** milliseconds since the epoch */
  at: number;
}

export interface Storm {
  kills: number;
  seed: number;
  targets: Target[];
  /** shortest and longest wait before a kill, milliseconds */
  pause: [number, number];
  /** hears of every kill */
  say?: (line: string) => void;
}

export interface Running {
  pid: number;
  command: string;
}

/** Every process that has to do with the place: its folder is in the command line, the variables or the working folder. */
export async function processesOf(place: Place): Promise<Running[]> {
  const found: Running[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
    const read = (file: string): Promise<string> => readFile(`/proc/${name}/${file}`, 'utf8').catch(() => '');
    const [command, variables, status] = await Promise.all([read('cmdline'), read('environ'), read('stat')]);
    if (status === '' || / Z /.test(status.slice(status.lastIndexOf(')') + 1, status.lastIndexOf(')') + 4))) continue;
    const working = await readlink(`/proc/${name}/cwd`).catch(() => '');
    if (`${command}\0${variables}\0${working}`.includes(place.folder))
      found.push({ pid: Number(name), command: command.replaceAll('\0', ' ').slice(0, 160) });
  }
  return found;
}

/** A victim: a recorded process, or a browser (the program itself or one of its renderers). */
async function victim(place: Place, target: Target, draw: number): Promise<number | undefined> {
  if (target !== 'browser') return recordedPid(place, target);
  const browsers = (await processesOf(place)).filter(
    ({ command }) => /chrom/.test(command) && (!command.includes('--type=') || command.includes('--type=renderer')),
  );
  return browsers[Math.floor(draw * browsers.length)]?.pid;
}

function strike(pid: number | undefined): boolean {
  if (pid === undefined) return false;
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}

/**
 * Kills, one after the other, until so many have hit or `over` says that nothing is left to disturb. A supervisor that was killed
 * is started again as a person would: by `lbi up`, some seconds later.
 */
export async function storm(
  place: Place,
  { kills, seed, targets, pause: [least, most], say = () => {} }: Storm,
  over: () => boolean,
): Promise<Kill[]> {
  const random = randomSource(seed);
  const hit: Kill[] = [];
  while (hit.length < kills && !over()) {
    // Drawn whether or not they are used, so that the sequence is the seed's alone.
    const [wait, which, draw, idle] = [random(), random(), random(), random()];
    await sleep(least + wait * (most - least));
    const target = targets[Math.floor(which * targets.length)] ?? 'worker';
    const pid = await victim(place, target, draw);
    if (over() || pid === undefined || !strike(pid)) continue;
    hit.push({ target, pid, at: Date.now() });
    say(`${String(hit.length).padStart(3)}  ${new Date().toISOString().slice(11, 23)}  ${target} ${pid}`);
    if (target !== 'supervisor') continue;
    await sleep(idle * 3000);
    const { exitCode, stderr } = await place.lbi('up');
    if (exitCode !== 0) throw new Error(`lbi up after a killed supervisor: ${stderr}`);
  }
  return hit;
}

/** A question that was answered more than once, and the kill of the worker that each answer but the last went to, if any. */
export interface Repeat {
  question: string;
  /** when each reply was handed to the network */
  replies: number[];
  /** milliseconds from a reply to the kill that cut it off; undefined where no kill explains it */
  cut: (number | undefined)[];
  /** the kills about the first of them, in words */
  around: string;
}

/** Milliseconds before its worker was killed in which a reply, handed to the network, may not have been stored. */
const storing = 1500;
/** Milliseconds after it in which a reply can only have gone to the dead one: the next takes longer to start. */
const unheard = 800;

const around = (time: number, kills: Kill[]): string =>
  kills
    .filter(({ at }) => Math.abs(at - time) < 10_000)
    .map(({ target, at }) => `${target} ${at < time ? '' : '+'}${at - time} ms`)
    .join(', ');

/** Only the death of the worker can lose a reply: it stores it before anybody uses it. */
export function repeats(replies: Map<string, number[]>, kills: Kill[]): Repeat[] {
  const deaths = kills.filter(({ target }) => target === 'worker').map(({ at }) => at);
  return [...replies].flatMap(([question, times]) => {
    if (times.length < 2) return [];
    const sorted = times.toSorted((a, b) => a - b);
    const cut = sorted.slice(0, -1).map((time) => {
      const death = deaths.find((at) => at - time >= -unheard && at - time < storing);
      return death === undefined ? undefined : death - time;
    });
    return [{ question, replies: sorted, cut, around: around(sorted[0] ?? 0, kills) }];
  });
}

/** What is still there after `lbi down`: processes, open ports, sessions' folders, browser profiles, locks. */
export async function leftovers(place: Place, temporary: string): Promise<string[]> {
  const home = join(place.folder, '.lbi');
  const server = JSON.parse(await readFile(join(home, 'server.json'), 'utf8')) as { port: number; uiPort: number };
  const left = (await processesOf(place)).map(({ pid, command }) => `process ${pid}: ${command}`);
  for (const port of [server.port, server.uiPort])
    if (await listens('127.0.0.1', port)) left.push(`port ${port} is open`);
  const names = async (folder: string): Promise<string[]> => (existsSync(folder) ? readdir(folder) : []);
  const inSessions = await Promise.all(
    (await names(join(home, 'sessions'))).map(async (name) =>
      (await names(join(home, 'sessions', name))).map((session) => `session folder ${name}/${session}`),
    ),
  );
  left.push(...inSessions.flat());
  left.push(...(await names(temporary)).filter((name) => /lbi|chrom/i.test(name)).map((name) => `temporary ${name}`));
  const strays = (await names(home)).filter((name) => name.includes('.lock') || /\.json\.\d+$/.test(name));
  left.push(...strays, ...(await names(join(home, 'workers'))).filter((name) => !name.endsWith('.json')));
  return left;
}
