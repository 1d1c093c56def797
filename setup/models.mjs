// @ts-check
/** Local models by sha256, as models/weights.json names them: what is here already, else from the first source that answers. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { sha256 } from './download.mjs';
import { cacheFolder, root } from './places.mjs';
import { megabytes, note, SetupError, step } from './screen.mjs';
import { fromHub, fromPython, partFile } from './weights.mjs';

/** @typedef {import('./weights.mjs').Source} Source */
/** @typedef {{ title: string, license: string, path: string, sha256: string, bytes: number, sources: Source[] }} Target */

/** @returns {Promise<{ models: (Omit<Target, 'path'> & { name: string })[], embedder: { title: string, license: string, folder: string, files: Omit<Target, 'title' | 'license'>[] } }>} */
const readTable = async () => JSON.parse(await readFile(join(root, 'models', 'weights.json'), 'utf8'));

/**
 * The files of these models and of the embedder, with their places in the cache. Without names: the first model, the default one.
 * @param {string[]} [names]
 * @returns {Promise<Target[]>}
 */
export async function modelFiles(names) {
  const { models, embedder } = await readTable();
  const wanted = names ?? models.slice(0, 1).map(({ name }) => name);
  const unknown = wanted.find((name) => !models.some((model) => model.name === name));
  if (unknown !== undefined) {
    const known = models.map(({ name }) => name).join(', ');
    throw new SetupError(`there is no local model named ${unknown}`, `choose one of: ${known}`);
  }
  const cache = cacheFolder();
  const weights = models
    .filter(({ name }) => wanted.includes(name))
    .map((model) => ({ ...model, path: join(cache, 'models', `${model.sha256}.gguf`) }));
  const { title, license, folder } = embedder;
  const files = embedder.files.map((file) => ({ ...file, title, license, path: join(cache, folder, file.path) }));
  return [...weights, ...files];
}

/** True when the file lies in its place with its size; content is checked when it comes and by `lbi doctor`. @param {Target} target */
export const isHere = (target) =>
  stat(target.path).then(
    ({ size }) => size === target.bytes,
    () => false,
  );

/** Brings every missing file of these models. @param {string[]} [names] */
export async function ensureModels(names) {
  if (!existsSync(join(root, 'models', 'weights.json'))) return;
  const targets = await modelFiles(names);
  const here = await Promise.all(targets.map(isHere));
  const missing = targets.filter((_, i) => !here[i]);
  for (const [i, target] of missing.entries()) {
    await install(target);
    await dropParts(target, missing.slice(i + 1));
  }
}

/** @param {Target} target */
async function install(target) {
  await mkdir(dirname(target.path), { recursive: true });
  const own = await findOwn(target);
  if (own) {
    await symlink(own, target.path);
    return note(`✓ ${target.title}: ${own}`);
  }
  const name = target.path.endsWith('.gguf') ? '' : ` ${target.path.split(/[\\/]/).at(-1)}`;
  await step(`${target.title}${name} (${megabytes(target.bytes)})`, (progress) => download(target, progress));
  await writeFile(
    join(dirname(target.path), `${target.path.endsWith('.gguf') ? target.sha256 : 'model'}.notice.txt`),
    `${target.title}\nLicensed by its publisher under ${target.license}.\n${hubOf(target)}`,
  );
}

/** @param {Target} target */
const hubOf = ({ sources }) => sources.map((source) => (source.kind === 'hub' ? `${source.url}\n` : '')).join('');

/**
 * Tries the sources in order; the hash decides.
 * @param {Target} target
 * @param {(text: string) => void} progress
 */
async function download(target, progress) {
  const failures = [];
  for (const source of target.sources) {
    const partial = `${target.path}.${source.kind}`;
    const show = (/** @type {number} */ done) => progress(`${megabytes(done)} of ${megabytes(target.bytes)}`);
    try {
      if (source.kind === 'hub') await fromHub(source, partial, target.bytes, show);
      else await fromPython(source, partial, target.bytes, show);
      progress('checking');
      const actual = await sha256(partial);
      if (actual === target.sha256) return await rename(partial, target.path);
      await rm(partial, { force: true });
      await dropParts(target, []);
      throw new Error(`what came has sha256 ${actual.slice(0, 12)}…, not ${target.sha256.slice(0, 12)}…`);
    } catch (error) {
      if (error instanceof SetupError) throw error;
      failures.push(`  ${source.kind}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new SetupError(
    `${target.title} could not be downloaded:\n${failures.join('\n')}`,
    `run the same command again (it goes on where it stopped), or put the file with sha256 ${target.sha256} in a folder and name it in LBI_MODELS; \`--without models\` leaves local models out`,
  );
}

/** Wheels are kept until what they hold is verified, so that a second try is short. @param {Target} done @param {Target[]} pending */
async function dropParts(done, pending) {
  const packages = (/** @type {Target} */ { sources }) =>
    sources.flatMap((source) => (source.kind === 'python' ? source.parts : []));
  const needed = new Set(pending.flatMap(packages).map(partFile));
  const files = packages(done).map(partFile);
  await Promise.all(files.filter((file) => !needed.has(file)).map((file) => rm(file, { force: true })));
}

/**
 * The same file where the user, Ollama or the Hugging Face cache already keeps it (both name files by sha256).
 * @param {Target} target
 */
async function findOwn(target) {
  const home = homedir();
  const hub = join(process.env.HF_HOME ?? join(home, '.cache', 'huggingface'), 'hub');
  const repositories = (await readdir(hub).catch(() => [])).map((name) => join(hub, name, 'blobs', target.sha256));
  const ollama = process.env.OLLAMA_MODELS ?? join(home, '.ollama', 'models');
  const folder = process.env.LBI_MODELS;
  const given = folder ? (await readdir(folder).catch(() => [])).map((name) => join(folder, name)) : [];
  for (const file of [...given, join(ollama, 'blobs', `sha256-${target.sha256}`), ...repositories]) {
    const found = await stat(file).catch(() => undefined);
    if (found?.isFile() && found.size === target.bytes && (await sha256(file)) === target.sha256) return file;
  }
  return undefined;
}
