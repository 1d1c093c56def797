/** git repositories that pipelines name: commits resolved and fetched into the cache, with nothing of the repository run. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ExecaError, execa } from 'execa';
import type { Repositories } from '../activities/sources/context.ts';
import { classifyRepository } from '../core/document/repository.ts';
import { LbiError } from '../core/errors.ts';
import { cacheFolder } from './home.ts';

/** Milliseconds one call of git may take. */
const longest = 10 * 60_000;

/** Repositories in the cache: `git/<hash of the address>/<commit>`. */
export const repositories: Repositories = {
  fetched: async (repository, commit) => {
    const folder = placeOf(repository, commit);
    return existsSync(folder) ? folder : undefined;
  },
  commitOf,
  checkout,
};

const placeOf = (repository: string, commit: string): string => {
  const hash = createHash('sha256').update(repository).digest('hex').slice(0, 20);
  return join(cacheFolder(), 'git', hash, commit);
};

async function commitOf(repository: string, ref: string | undefined, signal: AbortSignal): Promise<string> {
  const patterns = ref === undefined ? ['HEAD'] : [ref, `${ref}^{}`];
  const { stdout } = await git(['ls-remote', '--quiet', addressOf(repository), ...patterns], { repository, signal });
  const found = stdout.split('\n').flatMap((line) => {
    const [commit, name] = line.split('\t');
    return commit === undefined || name === undefined ? [] : [{ commit, name }];
  });
  // A tag with a message has a commit of its own behind it; a branch comes before anything else that ends in the same words.
  const wanted =
    ref === undefined ? ['HEAD'] : [ref, `refs/tags/${ref}^{}`, `refs/tags/${ref}`, `refs/heads/${ref}`, `${ref}^{}`];
  const named = wanted.map((name) => found.find((line) => line.name === name)).find((line) => line !== undefined);
  if (named !== undefined) return named.commit;
  if (ref !== undefined && /^[0-9a-f]{7,39}$/.test(ref))
    throw new LbiError('spec', `sources: "${ref}" may be a short commit of ${repository}; write all its 40 digits`);
  const what = ref === undefined ? 'no commit' : `no branch or tag "${ref}"`;
  throw new LbiError('spec', `sources: ${repository} has ${what}; git ls-remote ${repository} lists what it has`);
}

async function checkout(repository: string, commit: string, signal: AbortSignal): Promise<string> {
  const place = placeOf(repository, commit);
  if (existsSync(place)) return place;
  const root = join(place, '..');
  await mkdir(root, { recursive: true });
  const temporary = await mkdtemp(join(root, '.fetch-'));
  const run = (...args: string[]) => git(['-C', temporary, ...args], { repository, signal });
  try {
    await run('init', '--quiet', '--template=');
    await run(
      'fetch',
      '--quiet',
      '--depth=1',
      '--no-tags',
      '--no-recurse-submodules',
      '--end-of-options',
      addressOf(repository),
      commit,
    );
    await run('checkout', '--quiet', '--detach', commit);
    await rm(join(temporary, '.git'), { recursive: true, force: true });
    await rename(temporary, place).catch((error: unknown) => {
      if (!existsSync(place)) throw error;
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return place;
}

/** A folder as an address: only then does git fetch a part of it. */
const addressOf = (repository: string): string => {
  if (isAbsolute(repository)) return pathToFileURL(repository).href;
  const { problem } = classifyRepository(repository);
  if (problem !== undefined) throw new LbiError('spec', `sources: ${problem}`);
  return repository;
};

/** Settings that hold whatever the user's own say: no hooks, no helpers of the repository, no way in but the one that is named. */
const settings = (scheme: string): string[] =>
  [
    'core.hooksPath=/dev/null',
    'core.fsmonitor=false',
    'core.autocrlf=false',
    'submodule.recurse=false',
    'protocol.allow=never',
    `protocol.${scheme}.allow=always`,
    'http.lowSpeedLimit=1000',
    'http.lowSpeedTime=60',
    'gc.auto=0',
  ].flatMap((setting) => ['-c', setting]);

const variables = {
  GIT_TERMINAL_PROMPT: '0',
  GIT_ASKPASS: '',
  SSH_ASKPASS: '',
  GIT_SSH_COMMAND: 'ssh -o BatchMode=yes',
  GIT_LFS_SKIP_SMUDGE: '1',
  LC_ALL: 'C',
} as const;

async function git(
  args: string[],
  { repository, signal }: { repository: string; signal: AbortSignal },
): Promise<{ stdout: string }> {
  const { kind } = isAbsolute(repository) ? { kind: 'file' } : classifyRepository(repository);
  try {
    const options = { env: variables, stdin: 'ignore', timeout: longest, cancelSignal: signal } as const;
    return await execa('git', [...settings(kind === 'folder' || kind === undefined ? 'file' : kind), ...args], options);
  } catch (error) {
    signal.throwIfAborted();
    throw problemOf(error, repository);
  }
}

const problemOf = (error: unknown, repository: string): LbiError => {
  if (!(error instanceof ExecaError)) throw error;
  if (error.code === 'ENOENT')
    return new LbiError(
      'operator',
      'sources: the program git is missing; run: apt-get install -y git (or: brew install git)',
      { cause: error },
    );
  const said = (typeof error.stderr === 'string' ? error.stderr : '').trim().split('\n');
  const line = said.find((text) => /^(?:fatal|error|ERROR):/.test(text)) ?? said.at(-1) ?? error.shortMessage;
  const missing =
    /does not appear to be a git repository|not found|does not exist|Not a valid object|not our ref|couldn't find remote ref/i;
  const kind = missing.test(said.join('\n')) ? 'spec' : 'operator';
  const fix =
    kind === 'spec'
      ? 'check the address and the ref'
      : `check the network and that this works: git ls-remote ${repository}`;
  return new LbiError(kind, `sources: git cannot read ${repository} (${line.slice(0, 300)}); ${fix}`, { cause: error });
};
