/** `lbi doctor`: what this machine has and lacks, each line with its fix; `--fix` brings what can be brought from here. */
import { statfs } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Finding } from '../environments/environment.ts';
import { knownModels } from '../models/weights.ts';
import { findBubblewrap, findChromium, installCommand } from '../setup/browser.mjs';
import { sha256 } from '../setup/download.mjs';
import { isHere, modelFiles } from '../setup/models.mjs';
import { atLeast, output } from '../setup/places.mjs';
import { megabytes, SetupError } from '../setup/screen.mjs';
import { prepare } from '../setup/setup.mjs';
import { findTemporalProgram, temporalVersion } from '../setup/temporal.mjs';
import { temporal } from '../temporal.config.ts';
import { environmentFile, homeFolder, program } from './home.ts';
import { listens } from './server/ports.ts';
import { serverStatus } from './server/server.ts';

export interface DoctorOptions {
  json?: boolean;
  /** Download and install what is missing before looking. */
  fix?: boolean;
  /** The `.lbi` folder; left out, the one that all commands use. */
  home?: string;
}

/** A finding; `needed` ones make the command fail when they are missing. */
export interface Check extends Finding {
  needed: boolean;
}

const bring = `${program} doctor --fix`;
const allModels = knownModels.map(({ name }) => name);
const leastFree = 2e9;
const keyNames = ['ANTHROPIC_API_KEY', 'GEMINI_API_KEY', 'GOOGLE_API_KEY', 'OPENAI_API_KEY'];

/** Prints every check to stdout; gives exit code 0, or 6 when something needed is missing. */
export async function doctorCommand(options: DoctorOptions = {}): Promise<number> {
  if (options.fix) await mend();
  const checks = await examine(resolve(options.home ?? homeFolder()));
  if (options.json) console.log(JSON.stringify({ schema: 'lbi.doctor/1', data: checks, warnings: [] }));
  else for (const check of checks) console.log(line(check));
  const lacking = checks.some(({ ok, needed }) => needed && !ok);
  if (!options.json) process.stderr.write(`\n${lacking ? lack : ready}\n`);
  return lacking ? 6 : 0;
}

const ready = `Ready.\n  next  ${program} init my-agent    ${program} run PIPELINE.yaml`;
const lack =
  'What is marked ✗ is missing; the line below it says how to get it. Lines marked · are of use and not needed.';

async function mend(): Promise<void> {
  for (const part of ['temporal', 'browser', 'models']) {
    await prepare([part], allModels).catch((error) => {
      if (!(error instanceof SetupError)) throw error;
      process.stderr.write(`${error.message}\n  ${error.fix}\n`);
    });
  }
}

function line({ what, ok, needed, detail, fix }: Check): string {
  const mark = ok ? '✓' : needed ? '✗' : '·';
  return `${mark} ${what.padEnd(16)} ${detail}${ok || fix === undefined ? '' : `\n  ${' '.repeat(16)} → ${fix}`}`;
}

/** All checks, run at the same time. `home` is the `.lbi` folder. */
export async function examine(home: string): Promise<Check[]> {
  const models = Promise.all([localModels(), ollama(), keys()]);
  const rest = await Promise.all([
    nodeVersion(),
    temporalProgram(),
    server(home),
    chromium(),
    ...(process.platform === 'linux' ? [bubblewrap()] : []),
    diskSpace(),
  ]);
  const [local, nearby, secrets] = await models;
  return [...rest, local, nearby, secrets, someModel(local.ok, nearby.ok, secrets.ok)];
}

const check = (what: string, ok: boolean, detail: string, fix?: string, needed = true): Check => ({
  ...{ what, ok, needed, detail },
  ...(fix !== undefined && !ok && { fix }),
});

async function nodeVersion(): Promise<Check> {
  const enough = atLeast(process.version, '22.18.0');
  return check('Node', enough, `${process.version} (22.18 or newer is needed)`, 'install Node 24 from nodejs.org');
}

/** Looks for something that may throw a SetupError, and turns that into a line of its own. */
async function found(what: string, look: () => Promise<Check>): Promise<Check> {
  return look().catch((error) => {
    if (error instanceof SetupError) return check(what, false, error.message, error.fix);
    throw error;
  });
}

const temporalProgram = () =>
  found('temporal', async () => {
    const needed = temporal.external === undefined;
    const path = await findTemporalProgram();
    if (path === undefined) return check('temporal', false, 'not found', `${bring}   (45 MB)`, needed);
    const version = await temporalVersion(path);
    return check(
      'temporal',
      version !== undefined,
      `${version ?? 'does not run'}  ${path}`,
      'set LBI_TEMPORAL',
      needed,
    );
  });

/** The embedded server need not run: `lbi run` starts it. A server named by a profile has to answer. */
async function server(home: string): Promise<Check> {
  if (temporal.external) {
    const { address, namespace } = temporal.external;
    const url = new URL(`tcp://${address}`);
    const answers = await listens(url.hostname, Number(url.port || 7233), 3000);
    const detail = `${address}, namespace ${namespace}: ${answers ? 'reachable' : 'does not answer'}`;
    return check('server', answers, detail, 'check TEMPORAL_ADDRESS or the profile in temporal.toml');
  }
  const { state, address, uiUrl, logFile } = await serverStatus(home);
  const detail = state === 'stopped' ? `stopped; ${program} run starts it` : `${state}  ${address}  ${uiUrl}`;
  return check('server', state !== 'unreachable', detail, `${program} down, then ${program} up   (log: ${logFile})`);
}

const chromium = () =>
  found('Chromium', async () => {
    const fix = installCommand(['chromium-headless-shell']);
    const path = await findChromium();
    if (path === undefined) return check('Chromium', false, 'not found', fix);
    const said = await output(path, ['--version'], { timeout: 20_000 }).catch((error: Error) => error);
    if (said instanceof Error) return check('Chromium', false, said.message, fix);
    return check('Chromium', true, `${/[\d.]{3,}/.exec(said)?.[0] ?? said.trim()}  ${path}`);
  });

async function bubblewrap(): Promise<Check> {
  const path = findBubblewrap();
  if (path === undefined) return check('bubblewrap', false, 'not found', installCommand(['bubblewrap']));
  const sandbox = ['--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc', '--tmpfs', '/tmp', '--unshare-all'];
  const failed = await output(path, [...sandbox, '--die-with-parent', '/bin/sh', '-c', 'echo ok']).then(
    () => undefined,
    (error: Error) => error.message,
  );
  const fix =
    'allow user namespaces: sudo sysctl -w kernel.unprivileged_userns_clone=1 kernel.apparmor_restrict_unprivileged_userns=0';
  return check('bubblewrap', failed === undefined, failed ?? `makes sandboxes  ${path}`, fix);
}

async function diskSpace(): Promise<Check> {
  const { bavail, bsize } = await statfs('.');
  const free = bavail * bsize;
  const fix = 'free some space, or work in a folder on another disk';
  return check('disk', free > leastFree, `${megabytes(free)} free here (${megabytes(leastFree)} are needed)`, fix);
}

/** Hashes what is there: a damaged file is worse than a missing one. */
async function localModels(): Promise<Check> {
  const states = await Promise.all(
    (await modelFiles(allModels)).map(async (file) => {
      if (!(await isHere(file))) return { ...file, state: 'missing' };
      return { ...file, state: (await sha256(file.path)) === file.sha256 ? 'here' : 'damaged' };
    }),
  );
  const wrong = states.find(({ state }) => state === 'damaged') ?? states.find(({ state }) => state === 'missing');
  const titles = [...new Set(states.map(({ title }) => title))].join('; ');
  if (wrong === undefined) return check('local models', true, titles, undefined, false);
  const remove = wrong.state === 'damaged' ? `delete ${wrong.path}, then ` : '';
  return check('local models', false, `${wrong.title}: ${wrong.state}`, `${remove}${bring}   (1.6 GB)`, false);
}

async function ollama(): Promise<Check> {
  const address = 'http://127.0.0.1:11434';
  const version = await fetch(`${address}/api/version`, { signal: AbortSignal.timeout(1000) })
    .then(async (reply) => (reply.ok ? String(Object(await reply.json()).version) : undefined))
    .catch(() => undefined);
  return check(
    'Ollama',
    version !== undefined,
    version ? `${version}  ${address}` : 'does not answer',
    undefined,
    false,
  );
}

/** Whether keys are set, never what they are. */
async function keys(): Promise<Check> {
  const file = environmentFile();
  const has = (name: string): boolean => Boolean(process.env[name] ?? file[name]);
  const set = keyNames.filter(has);
  const unset = keyNames.filter((name) => !has(name));
  const detail = `${set.length > 0 ? `set: ${set.join(', ')}; ` : ''}not set: ${unset.join(', ')}`;
  return check('keys', set.length > 0, detail, undefined, false);
}

function someModel(local: boolean, nearby: boolean, key: boolean): Check {
  const means = [key && 'a key', nearby && 'Ollama', local && 'local models'].filter(Boolean);
  const ok = means.length > 0;
  const fix = `set one of ${keyNames.join(', ')} (the file .env here will do), start Ollama, or: ${bring}`;
  return check('a model', ok, ok ? `by ${means.join(', ')}` : 'nothing here can answer', fix);
}
