/** A folder that is there whole or not at all: filled beside its place, then renamed into it. */
import { randomUUID } from 'node:crypto';
import { access, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { StoreError } from '../core/errors.ts';
import { errorCode, storeError } from './files.ts';

const ABANDONED_MS = 60 * 60_000;

/**
 * Lets `fill` write into a temporary folder and puts it in the place of `folder`. Replaces only an empty folder or one
 * that holds `marker`, the file that says it was made here before; throws a `spec` StoreError for any other.
 */
export async function replaceFolder<T>(folder: string, marker: string, fill: (into: string) => Promise<T>): Promise<T> {
  const place = resolve(folder);
  const partial = join(dirname(place), `.${basename(place)}.${randomUUID()}.partial`);
  try {
    await refuseForeign(place, marker);
    await mkdir(dirname(place), { recursive: true });
    await sweepAbandoned(place);
    await mkdir(partial);
    const result = await fill(partial);
    await swap(partial, place);
    return result;
  } catch (error) {
    await rm(partial, { recursive: true, force: true }).catch(() => {});
    throw errorCode(error) === '' ? error : storeError('write', place, error);
  }
}

async function refuseForeign(place: string, marker: string): Promise<void> {
  const names = await readdir(place).catch((error) => {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  });
  if (names.length === 0 || (await exists(join(place, marker)))) return;
  throw new StoreError(
    'spec',
    `${place} holds other files (${names.slice(0, 3).join(', ')}) and is left alone. Choose another folder or empty it.`,
  );
}

/** A folder cannot be renamed onto one that is not empty, so the old one steps aside first. */
async function swap(partial: string, place: string): Promise<void> {
  const old = `${partial}.old`;
  await rename(place, old).catch((error) => {
    if (errorCode(error) !== 'ENOENT') throw error;
  });
  await rename(partial, place).catch(async (error) => {
    await rename(old, place).catch(() => {});
    throw error;
  });
  await rm(old, { recursive: true, force: true });
}

/** What writers that died have left beside the place. */
async function sweepAbandoned(place: string): Promise<void> {
  const parent = dirname(place);
  const oldest = Date.now() - ABANDONED_MS;
  for (const name of await readdir(parent)) {
    if (!name.startsWith(`.${basename(place)}.`) || !/\.partial(\.old)?$/.test(name)) continue;
    const found = await stat(join(parent, name)).catch(() => undefined);
    if (found !== undefined && found.mtimeMs < oldest) await rm(join(parent, name), { recursive: true, force: true });
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
