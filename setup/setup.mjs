// @ts-check
/** Makes a fresh machine ready and then runs a program under the right Node: `node setup/setup.mjs [--only LIST] [--run FILE args…]`. */
import { spawn } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { constants } from 'node:os';
import { pathToFileURL } from 'node:url';
import { ensureBrowser } from './browser.mjs';
import { ensureModels } from './models.mjs';
import { ensureNode } from './node.mjs';
import { ensurePackages } from './packages.mjs';
import { note, SetupError } from './screen.mjs';
import { ensureTemporal } from './temporal.mjs';

/** Exit code for "something of the machine is missing", as in the rest of the command line. */
const MACHINE = 6;

/** What can be asked for, in the order in which it is done. */
export const parts = ['node', 'packages', 'temporal', 'browser', 'models'];

const help = `node setup/setup.mjs [--only LIST] [--without LIST] [--models NAMES] [--run FILE args…]

  NAMES  local models of models/weights.json (default: the first one)
  LIST   comma-separated: ${parts.join(', ')} (default: all of them)
  FILE   a program to run afterwards; its arguments follow

LBI_SETUP=LIST does the same as --only. Downloads go to LBI_CACHE, else ~/.cache/lbi.
Nothing is reported to anybody.`;

/** @typedef {{ only: string[], models?: string[], run?: string[], help?: boolean }} Options */

/** Reads the command line; throws a SetupError that lists the parts. @param {string[]} args @returns {Options} */
export function readOptions(args) {
  /** @type {Options} */
  const options = { only: list(process.env.LBI_SETUP ?? parts.join(','), 'LBI_SETUP') };
  const left = [...args];
  for (let given = left.shift(); given !== undefined; given = left.shift()) {
    const [flag = '', inline] = given.split('=', 2);
    const value = () => inline ?? left.shift() ?? '';
    if (flag === '--run') return { ...options, run: left };
    if (flag === '--only') options.only = list(value(), flag);
    else if (flag === '--models') options.models = value().split(',').filter(Boolean);
    else if (flag === '--without') {
      const out = list(value(), flag);
      options.only = options.only.filter((part) => !out.includes(part));
    } else if (flag === '--help' || flag === '-h') options.help = true;
    else throw new SetupError(`unknown option ${given}`, help);
  }
  return options;
}

/** @param {string} text @param {string} where */
function list(text, where) {
  const names = text.split(',').filter(Boolean);
  const wrong = names.find((name) => !parts.includes(name));
  if (wrong === undefined && (names.length > 0 || where === 'LBI_SETUP')) return names;
  throw new SetupError(`${where}: "${wrong ?? ''}" is none of ${parts.join(', ')}`, help);
}

/**
 * Does what is missing of `only`; gives the Node to run programs with.
 * @param {string[]} only
 * @param {string[]} [models] names of local models; the default one when left out
 * @returns {Promise<string>}
 */
export async function prepare(only, models) {
  const wants = (/** @type {string} */ part) => only.includes(part);
  const node = wants('node') ? await ensureNode() : process.execPath;
  if (wants('packages')) await ensurePackages(node);
  if (wants('temporal')) await ensureTemporal();
  if (wants('browser')) await ensureBrowser();
  if (wants('models')) await ensureModels(models);
  return node;
}

/**
 * Runs a program in this one's place: same terminal, same exit code or signal.
 * @param {string} node
 * @param {string[]} command
 */
function hand(node, command) {
  const child = spawn(node, ['--disable-warning=ExperimentalWarning', ...command], { stdio: 'inherit' });
  /** @type {NodeJS.Signals[]} */
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  // A terminal sends Ctrl-C to both programs itself; only a signal meant for this one alone is passed on.
  for (const signal of signals)
    process.on(signal, () => (signal === 'SIGINT' && process.stdin.isTTY) || child.kill(signal));
  child.on('error', (error) => {
    note(`${node} could not be started: ${error.message}`);
    process.exitCode = MACHINE;
  });
  child.on('exit', (code, signal) => {
    process.exit(code ?? 128 + (signal ? constants.signals[signal] : 0));
  });
}

/** @param {string[]} args */
async function main(args) {
  const options = readOptions(args);
  if (options.help) return console.log(help);
  if (options.run?.length === 0) throw new SetupError('--run names no file', help);
  const node = await prepare(options.only, options.models);
  if (options.run) hand(node, options.run);
  else note(`ready: ${options.only.join(', ')}`);
}

// The real path: a checkout may be reached through a link.
if (process.argv[1] && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) {
  main(process.argv.slice(2)).catch((error) => {
    const known = error instanceof SetupError;
    if (!known && error.syscall === undefined) throw error;
    const fix = known
      ? error.fix
      : 'see to that file or folder (LBI_CACHE names the cache) and run the same command again';
    process.stderr.write(`\n${error.message}\n\nTo go on: ${fix}\n`);
    process.exitCode = fix === help ? 2 : MACHINE;
  });
}
