/**
 * The environment kind `miniwob`: MiniWoB++ (github.com/Farama-Foundation/miniwob-plusplus, MIT), small web tasks with a goal and a reward
 * of their own, in Chromium. The pages come from its PyPI package and are served on loopback.
 */

import { readdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import sirv from 'sirv';
import { EnvironmentError } from '../core/errors.ts';
import type { Json } from '../schemas/common.ts';
import type { MiniwobSpec } from '../schemas/pipeline/environment.ts';
import type { App } from './app.ts';
import { browserDriver } from './browser/driver.ts';
import { openSession } from './browser/session.ts';
import type { EnvironmentDriver, Finding, Session, SessionContext, SessionTask, Start } from './environment.ts';

/** The package that carries the pages. */
export const miniwobPackage = 'pypi:miniwob@1.1.0';

/** Tasks that move by themselves or want the hand in a place for a time: as BrowserGym leaves them out. */
const leftOut = new Set(['button-delay', 'chase-circle', 'hover-shape', 'moving-items', 'simon-says']);

/** Pages of 160 × 210 pixels, and what some open beside them. */
const viewport = { width: 500, height: 320 };

/**
 * Begins the episode as the page's own START does, always on a fresh load (a second start in the same page is another state for 8 of
 * 130 tasks). The page must not end it by the clock, and what tells people the goal, the time and the reward is hidden.
 */
const begin = `
  const style = document.createElement('style');
  style.textContent = '#query, #reward-display, #click-canvas, #sync-task-cover { visibility: hidden !important; }';
  document.head.append(style);
  Math.seedrandom(String(seed));
  core.EPISODE_MAX_TIME = 2e9;
  core.startEpisodeReal();
  return new Promise((resolve) => {
    const look = () => (WOB_TASK_READY ? resolve() : setTimeout(look, 20));
    look();
  });`;

const goal = `(() => { const said = core.getUtterance(); return typeof said === 'string' ? said : said.utterance; })()`;

/** An episode that has not ended has earned nothing; rewards below 0 are failures. */
const reward = 'WOB_DONE_GLOBAL ? Math.max(0, Math.min(1, WOB_RAW_REWARD_GLOBAL)) : 0';

const taskFolder = async (context: Pick<SessionContext, 'packageFolder'>): Promise<string> =>
  join(await context.packageFolder(miniwobPackage), 'html');

const tasksIn = async (folder: string): Promise<string[]> =>
  (await readdir(join(folder, 'miniwob')))
    .filter((file) => file.endsWith('.html'))
    .map((file) => file.slice(0, -'.html'.length))
    .filter((name) => !leftOut.has(name))
    .sort();

/** The pages of one folder, served to all sessions of this process. */
const served = new Map<string, Promise<number>>();

const serve = (folder: string): Promise<number> => {
  const known = served.get(folder);
  if (known !== undefined) return known;
  const files = sirv(folder, { etag: true });
  const server = createServer((request, response) =>
    files(request, response, () => {
      response.writeHead(404);
      response.end();
    }),
  );
  const port = new Promise<number>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
  // It must not keep a process alive that has nothing else to do.
  server.unref();
  served.set(folder, port);
  return port;
};

const pagesOf = async (folder: string): Promise<App> => {
  const port = await serve(folder);
  return {
    origin: `http://127.0.0.1:${port}`,
    port,
    dir: folder,
    fill: (text) => text,
    stop: async () => undefined,
    // It is part of this process.
    alive: () => true,
    lost: new Promise<never>(() => undefined),
  };
};

interface Setup {
  task: string;
  seed: number;
}

const setupOf = ({ setup }: SessionTask): Setup => {
  const { task, seed }: { task?: Json; seed?: Json } = Object(setup);
  if (typeof task !== 'string' || typeof seed !== 'number' || !/^[a-z0-9-]+$/.test(task))
    throw new EnvironmentError(
      'spec',
      'MiniWoB++ begins only from one of its tasks: take them with a source { environment: …, take: goals } (or take: observation with seeds:).',
    );
  return { task, seed };
};

const open = async (spec: MiniwobSpec, context: SessionContext): Promise<Session> => {
  const folder = await taskFolder(context);
  const tasks = new Set(await tasksIn(folder));
  const { observation, step_timeout } = spec;
  const session = await openSession(
    {
      kind: 'browser',
      url: '/',
      viewport,
      ...(observation === undefined ? {} : { observation }),
      ...(step_timeout === undefined ? {} : { step_timeout }),
      ...(spec.verify === undefined ? {} : { verify: reward }),
    },
    context,
    { app: () => pagesOf(folder), goal, ended: 'WOB_DONE_GLOBAL', without: ['goto', 'back'] },
  );
  const reset = session.reset.bind(session);
  session.reset = async (given) => {
    const { task, seed } = setupOf(given);
    if (!tasks.has(task)) throw new EnvironmentError('spec', `MiniWoB++ has no task "${task}".`);
    return reset({ id: given.id, seed, setup: { url: `/miniwob/${task}.html`, script: begin } });
  };
  return session;
};

const starts = async (
  _spec: MiniwobSpec,
  context: Pick<SessionContext, 'packageFolder'>,
  seeds: number[],
): Promise<Start[]> =>
  (await tasksIn(await taskFolder(context))).flatMap((task) =>
    seeds.map((seed) => ({ id: `${task}#${seed}`, seed, setup: { task, seed } })),
  );

export const miniwobDriver: EnvironmentDriver<MiniwobSpec> = {
  kind: 'miniwob',
  version: `1+${browserDriver.version}`,
  doctor: async (): Promise<Finding[]> => browserDriver.doctor({ kind: 'browser' }),
  open,
  starts,
};
