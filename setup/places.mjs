// @ts-check
/** Where things lie: the cache folder, programs on PATH, and how versions compare. */
import { execFile } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder of this package (the checkout, or `dist` of an installed package). */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Machine-wide cache: `LBI_CACHE`, else `$XDG_CACHE_HOME/lbi`, else `~/.cache/lbi`. */
export function cacheFolder() {
  if (process.env.LBI_CACHE) return resolve(process.env.LBI_CACHE);
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'lbi');
}

/** @param {string} file */
export function isProgram(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/**
 * First of these programs that is on PATH, as an absolute path.
 * @param {...string} names
 * @returns {string | undefined}
 */
export function onPath(...names) {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  const suffix = process.platform === 'win32' ? '.exe' : '';
  for (const name of names) {
    const found = folders.map((folder) => join(folder, name + suffix)).find(isProgram);
    if (found) return found;
  }
  return undefined;
}

/**
 * True when dotted version `a` is at least `b`; anything after a dash is ignored.
 * @param {string} a
 * @param {string} b
 */
export function atLeast(a, b) {
  const numbers = (/** @type {string} */ version) =>
    version
      .replace(/^v|-.*$/g, '')
      .split('.')
      .map(Number);
  const left = numbers(a);
  for (const [i, needed] of numbers(b).entries()) {
    const difference = (left[i] ?? 0) - needed;
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/**
 * Output of a program; rejects with what it wrote to stderr when it fails.
 * @param {string} file
 * @param {string[]} args
 * @param {import('node:child_process').ExecFileOptions} [options]
 * @returns {Promise<string>}
 */
export function output(file, args, options = {}) {
  return new Promise((done, fail) => {
    execFile(file, args, { maxBuffer: 64e6, ...options, encoding: 'utf8' }, (error, stdout, stderr) => {
      if (!error) return done(String(stdout));
      const said = (String(stderr).trim() || String(stdout).trim() || error.message).split('\n').slice(-6).join('\n');
      fail(new Error(`${file} ${args.slice(0, 3).join(' ')}: ${said}`));
    });
  });
}
