/** Documents from git repositories: real ones, made here. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { NotReadYet } from '../../activities/sources/context.ts';
import { repositories } from '../../cli/repositories.ts';
import { openReading } from './reading.ts';

const place = openReading();
const { folder, put, read, refusal } = place;
const repository = join(folder, 'p/repo');

const git = (...args: string[]): string =>
  execFileSync('git', ['-C', repository, '-c', 'user.name=T', '-c', 'user.email=t@localhost', ...args], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, HOME: folder, GIT_CONFIG_NOSYSTEM: '1' },
  }).trim();

const commit = (text: string): string => {
  put('p/repo/docs/a.md', `# A\n\n${text}\n`);
  git('add', '-A');
  git('commit', '-qm', text);
  return git('rev-parse', 'HEAD');
};

let first = '';
let second = '';
before(() => {
  put('p/repo/docs/b.txt', 'bee');
  git('init', '-q', '-b', 'main');
  put('outside/secret.md', '# secret');
  symlinkSync(join(folder, 'outside/secret.md'), join(repository, 'docs/secret.md'));
  symlinkSync('a.md', join(repository, 'docs/alias.md'));
  first = commit('first');
  git('tag', '-a', 'v1', '-m', 'one');
  git('branch', 'old');
  put('p/repo/.gitattributes', '*.md filter=evil\n');
  second = commit('second');
  // Whatever the repository or its owner configures, nothing of it may run on the reader's side.
  put('p/repo/.git/hooks/post-checkout', `#!/bin/sh\ntouch ${join(folder, 'hooked')}\n`);
});

test('a commit of a repository is read, and is part of the origin', async () => {
  const [a] = await read([{ files: 'docs/a.md', git: 'repo' }]);
  assert.deepEqual([a?.id, a?.source, a?.text], ['docs/a.md', `repo@${second}`, '# A\n\nsecond\n']);
  for (const ref of ['v1', 'old', 'refs/heads/old', first]) {
    const [old] = await read([{ files: 'docs/a.md', git: 'repo', ref }]);
    assert.deepEqual([old?.source, old?.text], [`repo@${first}`, '# A\n\nfirst\n'], ref);
  }
  const url = pathToFileURL(repository).href;
  assert.equal((await read([{ files: 'docs/a.md', git: url, ref: 'v1' }]))[0]?.source, `${url}@${first}`);
  assert.equal(existsSync(join(folder, 'hooked')), false);
});

test('links inside the repository are read, links out of it are not', async () => {
  const documents = await read([{ files: 'docs/*', git: 'repo' }]);
  assert.deepEqual(
    documents.map(({ id }) => id),
    ['docs/a.md', 'docs/b.txt'],
  );
  assert.match((await refusal([{ files: 'docs/secret.md', git: 'repo' }])).message, /is a link that leads out of/);
  assert.match(
    (await refusal([{ files: '../../*.md', git: 'repo' }])).message,
    /leaves the folder of the repository repo/,
  );
});

test('one run reads one commit, however the branch moves; the next run reads the new one', async () => {
  const moved = async (run: string | null) =>
    (await read([{ files: 'docs/a.md', git: 'repo', ref: 'main' }], { run }))[0]?.source;
  assert.equal(await moved('r-a'), `repo@${second}`);
  const third = commit('third');
  assert.equal(await moved('r-a'), `repo@${second}`);
  assert.equal(await moved(null), `repo@${second}`);
  assert.equal(await moved('r-b'), `repo@${third}`);
  git('reset', '-q', '--hard', second);
});

test('without asking, only what was fetched is read', async () => {
  put('p/unread/x', '');
  const unread = { files: 'docs/a.md', git: 'repo', ref: 'refs/tags/v1' };
  const never = await refusal([unread], { run: null });
  assert.ok(never instanceof NotReadYet);
  assert.match(never.what, /repo refs\/tags\/v1$/);
  rmSync(join(folder, 'cache/git'), { recursive: true });
  assert.ok((await refusal([{ files: 'docs/a.md', git: 'repo', ref: first }], { run: null })) instanceof NotReadYet);
  assert.equal((await read([unread])).length, 1);
  assert.equal((await read([unread], { run: null })).length, 1);
});

test('a fetch that was cut short leaves nothing that could be taken for a checkout', async () => {
  const stopped = AbortSignal.abort(new Error('stopped'));
  await assert.rejects(repositories.checkout(repository, first.replace(/^./, 'f'), stopped), /stopped/);
  const missing = repositories.checkout(repository, 'f'.repeat(40), new AbortController().signal);
  await assert.rejects(missing, /git cannot read .*; check the address and the ref/);
  const roots = readdirSync(join(folder, 'cache/git'));
  const left = roots.flatMap((root) => readdirSync(join(folder, 'cache/git', root)));
  assert.ok(
    left.every((name) => /^[0-9a-f]{40}$/.test(name) && !name.startsWith('f'.repeat(8))),
    left.join(),
  );
});

test('what is no repository, no ref and no allowed way is refused in words', async () => {
  const said = async (git: string, ref?: string): Promise<string> =>
    (await refusal([{ files: '*.md', git, ...(ref === undefined ? {} : { ref }) }])).message;
  assert.match(await said('nothing-here'), /git cannot read .*nothing-here .*check the address/);
  assert.match(await said('repo', 'no-such-branch'), /has no branch or tag "no-such-branch"; git ls-remote/);
  assert.match(await said('repo', first.slice(0, 10)), /may be a short commit/);
  const proof = join(folder, 'executed');
  for (const way of [
    `ext::sh -c 'touch ${proof}'`,
    `ext::touch%20${proof}`,
    '--upload-pack=touch',
    'http://127.0.0.1/a.git',
    'git://127.0.0.1/a.git',
    'https://u:p@127.0.0.1/a',
  ])
    assert.match(await said(way), /cannot be the address|are not read over|holds a password/, way);
  assert.equal(existsSync(proof), false);
});

test('a repository cannot lead git to another way', async () => {
  // An https address that the user's own settings rewrite to a helper would run it: the allowed way is checked by git itself.
  writeFileSync(
    join(folder, 'evil.gitconfig'),
    `[url "ext::touch ${join(folder, 'rewritten')} "]\n\tinsteadOf = https://rewritten.invalid/\n`,
  );
  process.env.GIT_CONFIG_GLOBAL = join(folder, 'evil.gitconfig');
  try {
    const { kind, message } = await refusal([{ files: '*.md', git: 'https://rewritten.invalid/x' }]);
    assert.equal(kind, 'operator');
    assert.match(message, /transport 'ext' not allowed/);
  } finally {
    delete process.env.GIT_CONFIG_GLOBAL;
  }
  assert.equal(existsSync(join(folder, 'rewritten')), false);
});

test('without the program git, the error says how to get it', async () => {
  const path = process.env.PATH;
  process.env.PATH = '/nowhere';
  try {
    const { kind, message } = await refusal([{ files: 'docs/*.md', git: 'repo' }], { run: 'r-without' });
    assert.deepEqual(
      [kind, /program git is missing; run: apt-get install -y git/.test(message)],
      ['operator', true],
      message,
    );
  } finally {
    process.env.PATH = path;
  }
});
