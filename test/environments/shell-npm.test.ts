/** The shell with npm on its PATH: its own commands work without a network and replay to the same states. */
import assert from 'node:assert/strict';
import { existsSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { test } from 'node:test';
import { shellDriver } from '../../environments/shell/driver.ts';
import type { ShellSpec } from '../../schemas/pipeline/environment.ts';
import { withSession } from './contract.ts';

const found = [dirname(process.execPath), ...(process.env.PATH ?? '').split(delimiter)]
  .map((folder) => join(folder, 'npm'))
  .find((path) => existsSync(path));
const npm = found === undefined ? undefined : dirname(dirname(realpathSync(found)));
const skip = npm === undefined ? 'npm is not installed on this machine' : false;

const SPEC: ShellSpec = {
  kind: 'shell',
  packages: ['npm@any'],
  files: {
    'package.json': `${JSON.stringify(
      { name: 'demo', version: '1.0.0', scripts: { hi: 'echo hi from $npm_package_name' } },
      null,
      2,
    )}\n`,
  },
  step_timeout: 60,
};

const run = async (spec: ShellSpec, lines: string[]) => {
  const seen: { text: string; hash: string; exitCode: unknown }[] = [];
  const context = { packageFolder: async () => npm ?? '' };
  await withSession(
    shellDriver,
    spec,
    async ({ session }) => {
      for (const [index, command] of lines.entries()) {
        const { observation } = await session.step({ name: 'bash', arguments: { command } }, index + 1);
        seen.push({ text: observation.text, hash: observation.stateHash, exitCode: observation.state.exitCode });
      }
    },
    { context },
  );
  return seen;
};

test('commands of the npm pages work offline and replay to the same states', { skip }, async () => {
  const lines = [
    'npm pkg get name',
    'npm version 1.2.3',
    'npm pack',
    'npm ls',
    'npm run hi',
    'npm config set init-license MIT',
    'mkdir other; cd other; npm init -y',
    'npm link; npm ls -g',
    'cd ..; npm install ./other; ls node_modules',
    'npm uninstall other',
    'npm cache clean --force',
    'npm install no-such-package',
    'npm explain x',
  ];
  const seen = await run(SPEC, lines);
  const expected: [number, RegExp][] = [
    [0, /output:\n"demo"\n/],
    [1, /v1.2.3\n[\s\S]*- {3}"version": "1.0.0",\n {4}\+ {3}"version": "1.2.3",/],
    [2, /added demo-1.2.3.tgz/],
    [4, /hi from demo/],
    [5, /added ~\/.npmrc \(\d+ bytes\)\n {4}\+ init-license=MIT/],
    [6, /"license": "MIT"/],
    [7, /other@1.0.0/],
    [8, /other/],
    [11, /ENOTCACHED/],
  ];
  for (const [index, pattern] of expected) assert.match(seen[index]?.text ?? '', pattern);
  assert.deepEqual(
    seen.map(({ exitCode }) => exitCode),
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1],
    seen.map(({ text }) => text).join('\n---\n'),
  );
  const again = await run(SPEC, lines);
  assert.deepEqual(
    again.map(({ hash }) => hash),
    seen.map(({ hash }) => hash),
  );
});

test('a repository replays to the same states though its ids hang on the time', {
  skip: skip || !existsSync('/usr/bin/git'),
}, async () => {
  const lines = [
    'git init; git add .; git commit -m first',
    'npm version patch',
    'git log --oneline; git status; git tag',
    'git tag x',
    'git checkout -b side',
  ];
  const seen = await run(SPEC, lines);
  assert.match(seen[2]?.text ?? '', /v1.0.1/);
  assert.equal(new Set(seen.map(({ hash }) => hash)).size, lines.length);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  const again = await run(SPEC, lines);
  assert.deepEqual(
    again.map(({ hash }) => hash),
    seen.map(({ hash }) => hash),
  );
});

test('a missing package fails with the words of who looked for it', async () => {
  await assert.rejects(
    withSession(shellDriver, SPEC, async () => {}, {
      context: { packageFolder: () => Promise.reject(new Error('no package npm@any')) },
    }),
    /no package npm@any/,
  );
});
