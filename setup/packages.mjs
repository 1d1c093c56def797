// @ts-check
/** npm packages as the lock file names them, without install scripts, only when something is missing or of another version. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { npmCli } from './node.mjs';
import { root } from './places.mjs';
import { SetupError, step } from './screen.mjs';

/** @typedef {{ version?: string, optional?: boolean, devOptional?: boolean, peer?: boolean, link?: boolean }} Locked */

/** @param {string} file @returns {Promise<Record<string, Locked>>} */
async function locked(file) {
  const { packages } = JSON.parse(await readFile(file, 'utf8'));
  return packages;
}

/**
 * What differs between the lock file and what npm last finished installing, as package paths; empty when all is there.
 * Optional packages may be absent (they are built for other machines), but not be of another version.
 * @param {string} [folder]
 */
export async function missingPackages(folder = root) {
  const wanted = await locked(join(folder, 'package-lock.json'));
  /** @type {Record<string, Locked>} */
  const present = await locked(join(folder, 'node_modules', '.package-lock.json')).catch(() => ({}));
  return Object.entries(wanted)
    .filter(([path, entry]) => path !== '' && present[path]?.version !== entry.version)
    .filter(([path, entry]) => present[path] || !(entry.optional || entry.devOptional || entry.peer))
    .map(([path]) => path);
}

/** Installs the packages of the lock file when they are not all there. @param {string} node program that runs npm */
export async function ensurePackages(node) {
  if (!existsSync(join(root, 'package-lock.json'))) return; // an installed package has its dependencies from npm
  const missing = await missingPackages();
  if (missing.length === 0) return;
  await step(`npm packages (${missing.length} missing or changed; about 1 GB on disk)`, async (progress) => {
    progress('npm install');
    await npmInstall(node);
  });
}

/**
 * `npm install --no-save` keeps to the lock file and leaves it as it is. `npm ci` would refuse it where a registry lacked a package for
 * another platform when the file was made.
 * @param {string} node
 */
function npmInstall(node) {
  return new Promise((done, fail) => {
    const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
    const args = [npmCli(), 'install', '--no-save', '--ignore-scripts', ...quiet];
    const child = spawn(node, args, { cwd: root, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (text) => {
      said = (said + text).slice(-2000);
    });
    child.on('error', fail);
    child.on('close', (code) => {
      if (code === 0) return done(undefined);
      const fix =
        'check the network and the npm registry that `npm config get registry` names, then run the same command';
      fail(new SetupError(`npm install failed (${code}):\n${said.trim()}`, fix));
    });
  });
}
