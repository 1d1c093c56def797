/** npm packages that pipelines name (applications, documentation): installed into the cache when first needed. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { LbiError } from '../core/errors.ts';
import { cacheFolder } from './home.ts';

const pattern = /^(?<name>(?:@[a-z0-9._-]+\/)?[a-z0-9._-]+)(?:@(?<version>[\w.^~-]+))?$/i;

const installing = new Map<string, Promise<string>>();

/** The folder of the installed package. Install scripts are not run. */
export function packageFolder(specifier: string): Promise<string> {
  const known = installing.get(specifier);
  if (known !== undefined) return known;
  const started = install(specifier).catch((error: unknown) => {
    installing.delete(specifier);
    throw error;
  });
  installing.set(specifier, started);
  return started;
}

/** The folder of a package that is there already; throws an operator error for one that would have to be installed. */
export async function installedPackage(specifier: string): Promise<string> {
  const { folder } = placeOf(specifier);
  if (isThere(folder)) return folder;
  throw new LbiError('operator', `the npm package ${specifier} is not installed yet`);
}

/** Where a package is, or will be, installed. */
function placeOf(specifier: string): { root: string; place: string; folder: string } {
  const match = pattern.exec(specifier)?.groups;
  if (match?.name === undefined) throw new LbiError('spec', `"${specifier}" is not the name of an npm package`);
  const root = join(cacheFolder(), 'packages');
  const place = join(root, specifier.replaceAll('/', '+'));
  return { root, place, folder: join(place, 'node_modules', match.name) };
}

const isThere = (folder: string): boolean => existsSync(join(folder, 'package.json'));

/** The folder of a package that is installed already; undefined when it is not, or is no package's name. */
export function packagePlace(specifier: string): string | undefined {
  if (!pattern.test(specifier)) return undefined;
  const { folder } = placeOf(specifier);
  return isThere(folder) ? folder : undefined;
}

async function install(specifier: string): Promise<string> {
  const { root, place, folder } = placeOf(specifier);
  if (isThere(folder)) return folder;
  await mkdir(root, { recursive: true });
  const temporary = await mkdtemp(join(root, '.install-'));
  try {
    await execa(
      'npm',
      ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', '--prefix', temporary, specifier],
      {
        cwd: temporary,
        timeout: 600_000,
      },
    );
    await rename(temporary, place).catch(async (error: unknown) => {
      if (!isThere(folder)) throw error;
    });
  } catch (cause) {
    const detail =
      cause instanceof Error
        ? (cause.message.split('\n').find((line) => line.includes('npm error')) ?? cause.message.split('\n')[0])
        : '';
    throw new LbiError(
      'operator',
      `npm could not install ${specifier} (${detail}); check the network and the name, then: npm view ${specifier}`,
      { cause },
    );
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return folder;
}
