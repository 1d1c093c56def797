/** Whether the sources of a pipeline can be read: files counted, packages and repositories known, a first page of a site read. */
import { resolve } from 'node:path';
import { execa } from 'execa';
import type { SourceContext } from '../../activities/sources/context.ts';
import { readSources } from '../../activities/sources/sources.ts';
import { LbiError } from '../../core/errors.ts';
import { isOwnPath } from '../../core/own-path.ts';
import { openDriver } from '../../environments/environments.ts';
import type { FullSpec } from '../../schemas/pipeline/pipeline.ts';
import { overlayStore } from '../../store/overlay.ts';
import type { Store } from '../../store/store.ts';
import { packagePlace } from '../packages.ts';
import { repositories } from '../repositories.ts';
import { type Check, check, wrong } from './check.ts';

type Source = FullSpec['sources'][number];

/** Documents that are counted at most. */
const counted = 1000;
/** Milliseconds that a site or a repository may take. */
const patience = 20_000;

const packagesAsked = new Map<string, Promise<Check>>();

/** An npm package is installed when it is first needed: here already, or known to the registry. */
export function packageCheck(name: string, online: boolean): Promise<Check> {
  const known = packagesAsked.get(name);
  if (known !== undefined) return known;
  const asking = askPackage(name, online);
  packagesAsked.set(name, asking);
  return asking;
}

async function askPackage(name: string, online: boolean): Promise<Check> {
  const what = 'npm package';
  if (packagePlace(name) !== undefined) return check(what, true, `${name} is here`);
  if (!online) return check(what, true, `${name} will be installed when it is needed`);
  const { failed, stdout } = await execa('npm', ['view', name, 'version', '--json'], {
    reject: false,
    timeout: patience,
  });
  const exists = !failed && stdout.trim() !== '';
  const detail = exists ? `${name} will be installed when it is needed` : `${name}: npm does not find it`;
  return check(what, exists, detail, `npm view ${name}`);
}

/** Nothing of a check is kept. */
const nothing: Store = {
  put: async () => '',
  get: () => Promise.reject(new Error('nothing is kept here')),
  memo: async () => undefined,
  remember: async (_key, ref) => ref,
  write: async () => undefined,
  read: async () => undefined,
  list: async () => [],
};

const contextIn = (folder: string): SourceContext => {
  const signal = AbortSignal.timeout(patience);
  return {
    file: (path) => resolve(folder, path),
    packageFolder: async (name) => packagePlace(name) ?? '',
    repositories,
    place: () => ({
      docs: async () => [],
      observe: async () => '',
      starts: async () => [],
      begin: async () => ({ text: '', goal: '' }),
    }),
    store: overlayStore(nothing),
    run: 'doctor',
    signal,
    note: () => undefined,
    wait: async () => signal.throwIfAborted(),
  };
};

/** What a source says of itself, for the line. */
const named = (source: Source): string => {
  if ('site' in source) return source.site;
  if ('sitemap' in source) return source.sitemap;
  if ('environment' in source) return source.environment;
  return [source.files].flat().join(', ');
};

export async function sourceCheck(index: number, spec: FullSpec, folder: string, online: boolean): Promise<Check> {
  const source = spec.sources[index];
  const what = `source ${index + 1}`;
  if (source === undefined) return check(what, true, 'none');
  if ('environment' in source) return environmentCheck(what, source, spec);
  if ('site' in source || 'sitemap' in source)
    return online ? pageCheck(what, source, folder) : check(what, true, `${named(source)}; not asked`);
  if (source.git !== undefined)
    return online ? repositoryCheck(what, source) : check(what, true, `${source.git}; not asked`);
  if (source.package !== undefined && packagePlace(source.package) === undefined) {
    const there = await packageCheck(source.package, online);
    return { ...there, what, detail: `${there.detail}, and read then` };
  }
  try {
    let documents = 0;
    for await (const _ of readSources([source], contextIn(folder))) {
      documents += 1;
      if (documents === counted) break;
    }
    const count = `${documents}${documents === counted ? ' or more' : ''} ${documents === 1 ? 'document' : 'documents'}`;
    return check(what, true, `${count} from ${named(source)}`);
  } catch (error) {
    return wrong(what, error, 'correct `sources`; paths are relative to the pipeline file');
  }
}

async function environmentCheck(
  what: string,
  source: Extract<Source, { environment: string }>,
  spec: FullSpec,
): Promise<Check> {
  const kind = spec.environments[source.environment]?.kind ?? 'scripted';
  // Whether a place of one's own brings documentation was asked when the file was checked.
  const brings = isOwnPath(kind) || source.take === 'observation' || (await openDriver(kind)).docs !== undefined;
  const detail = brings
    ? `${source.take} of ${source.environment}, read when the run opens it`
    : `environments of the kind ${kind} bring no documentation`;
  return check(what, brings, detail, 'take: observation');
}

/** The first page that gives a text is read as a run would read it, robots.txt and all. */
async function pageCheck(what: string, source: Extract<Source, { delay: number }>, folder: string): Promise<Check> {
  try {
    for await (const { title } of readSources([{ ...source, limit: 1, delay: 0 }], contextIn(folder)))
      return check(what, true, `${named(source)} is read, beginning with "${title}"`);
    return check(what, false, `${named(source)} gave no page`, 'correct the address');
  } catch (error) {
    if (error instanceof DOMException)
      return check(
        what,
        false,
        `${named(source)} gave no page in ${patience / 1000} s`,
        'check the network and the address',
      );
    return wrong(what, error, 'correct the address, or read the documents another way');
  }
}

async function repositoryCheck(what: string, { git = '', ref }: { git?: string; ref?: string }): Promise<Check> {
  try {
    const commit = await repositories.commitOf(git, ref, AbortSignal.timeout(patience));
    return check(what, true, `${git} at ${commit.slice(0, 12)}`);
  } catch (error) {
    if (!(error instanceof LbiError))
      return check(what, false, `${git} does not answer`, 'check the network and the address');
    return wrong(what, error, `git ls-remote ${git}`);
  }
}
