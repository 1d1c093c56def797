// @ts-check
/** Chromium, and on Linux bubblewrap: found where they usually are, installed on Debian as root, else the command to type is named. */
import { existsSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder, isProgram, onPath, output } from './places.mjs';
import { SetupError, step } from './screen.mjs';

const NAMES = [
  'chromium-headless-shell',
  'chrome-headless-shell',
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
];

const PLACES = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  'C:\\Program Files (x86)\\Google\\Chrome\\Application\\chrome.exe',
];

/** Path of a Chromium: `LBI_CHROMIUM`, PATH, the usual places, the cache; undefined where there is none. */
export async function findChromium() {
  const given = process.env.LBI_CHROMIUM;
  if (given) {
    if (isProgram(given)) return given;
    throw new SetupError(`LBI_CHROMIUM names ${given}, which is no program`, 'correct LBI_CHROMIUM, or unset it');
  }
  return onPath(...NAMES) ?? PLACES.find(isProgram) ?? (await downloaded());
}

/** A browser that `@puppeteer/browsers` put below the cache: `chrome-headless-shell/<build>/chrome-headless-shell-<os>/…`. */
async function downloaded() {
  const folder = join(cacheFolder(), 'browser', 'chrome-headless-shell');
  const builds = await readdir(folder).catch(() => []);
  for (const build of builds.sort().reverse()) {
    for (const inner of await readdir(join(folder, build)).catch(() => [])) {
      const program = join(folder, build, inner, 'chrome-headless-shell');
      if (isProgram(program)) return program;
    }
  }
  return undefined;
}

/** Path of bubblewrap, or undefined (always undefined where it does not exist: macOS, Windows). */
export const findBubblewrap = () => onPath('bwrap');

/** Makes sure of both; throws with the command to type where they cannot be installed from here. */
export async function ensureBrowser() {
  /** @type {string[]} */
  const missing = [];
  if (!(await findChromium())) missing.push('chromium-headless-shell');
  if (process.platform === 'linux' && !findBubblewrap()) missing.push('bubblewrap');
  if (missing.length === 0) return;
  if (!isDebian() || process.getuid?.() !== 0) throw byHand(missing);
  await step(`${missing.join(' and ')} (apt-get, up to 90 MB)`, async (progress) => {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    try {
      progress('apt-get update');
      await output('apt-get', ['update', '-qq'], { env });
      progress('apt-get install');
      await output('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], { env });
    } catch (error) {
      throw new SetupError(error instanceof Error ? error.message : String(error), byHand(missing).fix);
    }
  });
}

function osRelease() {
  const file = '/etc/os-release';
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  return /^ID=(.*)$/m.exec(text)?.[1]?.replaceAll('"', '') ?? '';
}

/** Ubuntu's chromium packages only point to a snap, which cannot read a hidden cache folder: so Debian alone. */
const isDebian = () => osRelease() === 'debian' && onPath('apt-get') !== undefined;

/** @param {string[]} missing */
function byHand(missing) {
  return new SetupError(`${missing.join(' and ')} not found`, `${installCommand(missing)}   then run the same command`);
}

/**
 * The command that installs these on this system.
 * @param {string[]} missing `chromium-headless-shell`, `bubblewrap`
 */
export function installCommand(missing) {
  const names = missing.join(' ');
  const portable = `npx @puppeteer/browsers install chrome-headless-shell@stable --path "${join(cacheFolder(), 'browser')}"`;
  const browser = missing.includes('chromium-headless-shell');
  const bubblewrap = missing.includes('bubblewrap');
  if (isDebian()) return `sudo apt-get update && sudo apt-get install -y --no-install-recommends ${names}`;
  if (onPath('dnf')) return `sudo dnf install -y ${names.replace('chromium-headless-shell', 'chromium-headless')}`;
  if (onPath('pacman')) return `sudo pacman -S --needed ${names.replace('chromium-headless-shell', 'chromium')}`;
  if (process.platform === 'darwin') return 'brew install --cask google-chrome';
  const command = onPath('apt-get')
    ? 'sudo apt-get install -y bubblewrap'
    : 'install bubblewrap with your package manager';
  return [...(bubblewrap ? [command] : []), ...(browser ? [portable] : [])].join(', then: ');
}
