/** Finds Chromium and owns the one browser process that the sessions of this worker share. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Browser } from 'puppeteer-core';
import { EnvironmentError } from '../../core/errors.ts';
import { processIsAlive } from '../orphans.ts';
import { deadProxy, type Egress } from './egress.ts';

const PROGRAMS = [
  'chromium-headless-shell',
  'chrome-headless-shell',
  'chromium',
  'google-chrome',
  'google-chrome-stable',
];

/** The command that installs the browser, where none is found. */
export const INSTALL = 'apt-get install -y chromium-headless-shell';

const OWN_PLACES = ['/Applications/Google Chrome.app/Contents/MacOS/Google Chrome', '/opt/google/chrome/chrome'];

/** Path of the browser: `LBI_CHROMIUM`, then PATH, then the usual places. Throws `EnvironmentError` `operator`. */
export const findChromium = async (variables: NodeJS.ProcessEnv = process.env): Promise<string> => {
  const named = variables.LBI_CHROMIUM;
  if (named !== undefined && named !== '') {
    if (existsSync(named)) return named;
    throw new EnvironmentError(
      'operator',
      `LBI_CHROMIUM names ${named}, which does not exist. Correct it or unset it.`,
    );
  }
  const found = onPath(PROGRAMS, variables.PATH) ?? OWN_PLACES.find(existsSync) ?? (await puppeteerCache());
  if (found !== undefined) return found;
  throw new EnvironmentError(
    'operator',
    `No Chromium was found (looked at LBI_CHROMIUM, PATH and puppeteer's cache). Install it: ${INSTALL}  (Debian, Ubuntu), or: npx @puppeteer/browsers install chrome-headless-shell@stable --path ~/.cache/puppeteer`,
  );
};

const onPath = (names: string[], path = ''): string | undefined => {
  const folders = path.split(delimiter).filter((folder) => folder !== '');
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(existsSync);
};

const puppeteerCache = async (): Promise<string | undefined> => {
  const root = process.env.PUPPETEER_CACHE_DIR ?? join(process.env.HOME ?? '/', '.cache', 'puppeteer');
  for (const product of ['chrome-headless-shell', 'chrome']) {
    const folder = join(root, product);
    const files = await readdir(folder, { recursive: true }).catch(() => []);
    const program = files.filter((file) => file.endsWith(`/${product}`)).sort();
    const newest = program.at(-1);
    if (newest !== undefined) return join(folder, newest);
  }
  return undefined;
};

/** What the browser says its version is, e.g. `Chromium 156.0.8078.79`. */
export const chromiumVersion = (program: string): string =>
  execFileSync(program, ['--version'], { encoding: 'utf8', timeout: 20_000 }).trim();

/** The browser as one session holds it. */
export interface BrowserLease {
  browser: Browser;
  /** False once the process is gone. */
  alive(): boolean;
  /** Rejects with `session-lost` when the process dies; never resolves. */
  lost: Promise<never>;
  release(): Promise<void>;
}

interface Shared {
  browser: Browser;
  leases: Map<symbol, Egress>;
  lost: Promise<never>;
  close(): Promise<void>;
}

let shared: Promise<Shared> | undefined;
/** One change of the shared browser at a time: a launch never meets a closing. */
let turn: Promise<unknown> = Promise.resolve();

const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
  const next = turn.then(work, work);
  turn = next.catch(() => undefined);
  return next;
};

/** Joins the shared browser, launching it when there is none or it has died. */
export const leaseBrowser = (egress: Egress): Promise<BrowserLease> =>
  inTurn(async () => {
    const current = await usable();
    const id = Symbol('lease');
    current.leases.set(id, egress);
    await openWall(current);
    return {
      browser: current.browser,
      alive: () => current.browser.connected,
      lost: current.lost,
      release: () => inTurn(() => release(current, id)),
    };
  });

const usable = async (): Promise<Shared> => {
  const known = await shared?.catch(() => undefined);
  if (known?.browser.connected) return known;
  shared = launch();
  return shared;
};

const release = async (from: Shared, id: symbol): Promise<void> => {
  if (!from.leases.delete(id)) return;
  if (from.leases.size === 0) return from.close();
  if (from.browser.connected) await openWall(from);
};

/** The browser's own pattern list is one for all contexts: the union of what its sessions allow. */
const openWall = async (current: Shared): Promise<void> => {
  const allowlist = [...new Set([...current.leases.values()].flatMap((egress) => egress.patterns))];
  await current.browser.restrictNetwork({ allowlist });
};

const launch = async (): Promise<Shared> => {
  const program = await findChromium();
  await removeOldProfiles();
  const profile = await mkdtemp(join(tmpdir(), `lbi-chromium-${process.pid}-`));
  try {
    const browser = await launchSandboxed(program, profile);
    const lost = new Promise<never>((_, reject) => {
      browser.once('disconnected', () =>
        reject(new EnvironmentError('session-lost', 'The browser process ended; the session is rebuilt in a new one.')),
      );
    });
    lost.catch(() => undefined);
    return { browser, leases: new Map(), lost, close: () => closeBrowser(browser, profile) };
  } catch (cause) {
    await rm(profile, { recursive: true, force: true });
    throw cause;
  }
};

const closeBrowser = async (browser: Browser, profile: string): Promise<void> => {
  shared = undefined;
  await browser.close().catch(() => undefined);
  browser.process()?.kill('SIGKILL');
  await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
};

/** Removes the profiles of workers that were killed. */
export const removeOldProfiles = async (): Promise<void> => {
  for (const name of await readdir(tmpdir())) {
    const owner = /^lbi-chromium-(\d+)-/.exec(name)?.[1];
    if (owner !== undefined && !processIsAlive(Number(owner)))
      await rm(join(tmpdir(), name), { recursive: true, force: true }).catch(() => undefined);
  }
};

/**
 * Chromium refuses its sandbox under root. With bubblewrap it runs as another user in its own name space and keeps the
 * sandbox; where that fails, root goes without.
 */
const launchSandboxed = async (program: string, profile: string): Promise<Browser> => {
  if (process.getuid?.() !== 0) return launchWith(program, [], profile);
  const bwrap = onPath(['bwrap'], process.env.PATH);
  if (bwrap !== undefined) {
    const space = ['--dev-bind', '/', '/', '--unshare-user', '--unshare-pid', '--proc', '/proc', '--die-with-parent'];
    const wrapped = [...space, '--uid', '1000', '--gid', '1000', '--', program];
    const browser = await launchWith(bwrap, wrapped, profile).catch(() => undefined);
    if (browser !== undefined) return browser;
  }
  return launchWith(program, ['--no-sandbox'], profile);
};

const QUIET = [
  // Nothing but the pages themselves opens connections.
  '--disable-component-update',
  '--disable-domain-reliability',
  '--no-pings',
  '--dns-prefetch-disable',
  '--disable-features=NetworkTimeServiceQuerying,AutofillServerCommunication,CertificateTransparencyComponentUpdater,Prerender2',
  `--host-resolver-rules=MAP ${deadProxy.host} ~NOTFOUND`,
  // WebRTC would go around the wall by UDP.
  '--force-webrtc-ip-handling-policy=disable_non_proxied_udp',
  '--mute-audio',
  '--hide-scrollbars',
  '--lang=en-US',
];

const launchWith = async (program: string, before: string[], profile: string): Promise<Browser> => {
  const { default: puppeteer } = await import('puppeteer-core');
  const defaults = await puppeteer.defaultArgs({ headless: 'shell', args: QUIET, userDataDir: profile });
  try {
    return await puppeteer.launch({
      executablePath: program,
      ignoreDefaultArgs: true,
      args: [...before, ...defaults.filter((flag) => flag !== 'about:blank'), '--remote-debugging-pipe', 'about:blank'],
      pipe: true,
      handleSIGINT: false,
      handleSIGTERM: false,
      handleSIGHUP: false,
      issuesEnabled: false,
      env: { PATH: process.env.PATH, HOME: profile, LANG: 'C.UTF-8', TZ: 'UTC' },
      protocolTimeout: 60_000,
    });
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message.split('\n').slice(0, 6).join('\n') : String(cause);
    throw new EnvironmentError('operator', `Chromium (${program}) did not start: ${detail}`, { cause });
  }
};
