/** Packages that pipelines name (applications, documentation, benchmarks), of npm or as `pypi:name@version` of PyPI: installed into the cache when first needed. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { LbiError } from '../core/errors.ts';
import { findPip } from '../setup/download.mjs';
import { cacheFolder } from './home.ts';

interface Registry {
  /** what the registry is called */
  title: string;
  pattern: RegExp;
  /** Folder of the package in the place where it was installed. */
  folder(place: string, name: string): string;
  isThere(folder: string): boolean;
  /** Puts the package into the folder. No code of the package runs. */
  install(folder: string, name: string, specifier: string): Promise<void>;
  /** How to look whether there is such a package. */
  look(name: string, specifier: string): string;
}

const npm: Registry = {
  title: 'npm',
  pattern: /^(?<name>(?:@[a-z0-9._-]+\/)?[a-z0-9._-]+)(?:@(?<version>[\w.^~-]+))?$/i,
  folder: (place, name) => join(place, 'node_modules', name),
  isThere: (folder) => existsSync(join(folder, 'package.json')),
  install: async (folder, _name, specifier) => {
    const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', '--prefix', folder];
    await execa('npm', ['install', ...options, specifier], { cwd: folder, timeout: 600_000 });
  },
  look: (_name, specifier) => `npm view ${specifier}`,
};

const pypi: Registry = {
  title: 'pip',
  pattern: /^pypi:(?<name>[a-z0-9][a-z0-9._-]*)@(?<version>[\w.+!-]+)$/i,
  folder: (place, name) => join(place, name.replaceAll(/[-.]/g, '_').toLowerCase()),
  isThere: existsSync,
  install: async (folder, name, specifier) => {
    const pip = await findPip();
    if (pip === undefined) throw new Error('there is no pip: apt-get install -y python3-pip, or python.org');
    const [program = '', ...first] = pip;
    const options = ['--no-deps', '--only-binary=:all:', '--no-compile', '--disable-pip-version-check', '--quiet'];
    const requirement = `${name}==${specifier.slice(specifier.indexOf('@') + 1)}`;
    await execa(program, [...first, 'install', ...options, '--target', folder, requirement], { timeout: 600_000 });
  },
  look: (name) => `pip index versions ${name}`,
};

const registryOf = (specifier: string): Registry => (specifier.startsWith('pypi:') ? pypi : npm);

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
  if (registryOf(specifier).isThere(folder)) return folder;
  throw new LbiError('operator', `the package ${specifier} is not installed yet`);
}

/** Where a package is, or will be, installed. */
function placeOf(specifier: string): { root: string; place: string; folder: string; name: string } {
  const { pattern, folder } = registryOf(specifier);
  const match = pattern.exec(specifier)?.groups;
  if (match?.name === undefined)
    throw new LbiError('spec', `"${specifier}" is not the name of a package of npm, or pypi:NAME@VERSION of PyPI`);
  const root = join(cacheFolder(), 'packages');
  const place = join(root, specifier.replaceAll(/[/:]/g, '+'));
  return { root, place, folder: folder(place, match.name), name: match.name };
}

/** The folder of a package that is installed already; undefined when it is not, or is no package's name. */
export function packagePlace(specifier: string): string | undefined {
  const { pattern, isThere } = registryOf(specifier);
  if (!pattern.test(specifier)) return undefined;
  const { folder } = placeOf(specifier);
  return isThere(folder) ? folder : undefined;
}

async function install(specifier: string): Promise<string> {
  const { root, place, folder, name } = placeOf(specifier);
  const registry = registryOf(specifier);
  if (registry.isThere(folder)) return folder;
  await mkdir(root, { recursive: true });
  const temporary = await mkdtemp(join(root, '.install-'));
  try {
    await registry.install(temporary, name, specifier);
    await rename(temporary, place).catch(async (error: unknown) => {
      if (!registry.isThere(folder)) throw error;
    });
  } catch (cause) {
    const lines = cause instanceof Error ? cause.message.split('\n') : [];
    const detail = lines.find((line) => /npm error|^ERROR/.test(line)) ?? lines[0] ?? '';
    throw new LbiError(
      'operator',
      `${registry.title} could not install ${specifier} (${detail}); check the network and the name, then: ${registry.look(name, specifier)}`,
      { cause },
    );
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return folder;
}
