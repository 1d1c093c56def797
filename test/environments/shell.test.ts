/** The shell: the contract, and what an agent sees of its commands. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { EnvironmentError } from '../../core/errors.ts';
import { shellDriver } from '../../environments/shell/driver.ts';
import type { ShellSpec } from '../../schemas/pipeline/environment.ts';
import { environmentContract, withSession } from './contract.ts';

const SPEC: ShellSpec = {
  kind: 'shell',
  files: { 'package.json': '{\n  "name": "demo",\n  "version": "1.0.0"\n}\n', 'src/index.js': 'console.log(1)\n' },
};
const bash = (command: string) => ({ name: 'bash', arguments: { command } });

/** Runs commands one after the other in a new session and gives what came of each. */
const commands = async (spec: ShellSpec, ...lines: string[]) => {
  const seen: { text: string; hash: string; state: Record<string, unknown>; error?: string }[] = [];
  await withSession(shellDriver, spec, async ({ session, first }) => {
    seen.push({ text: first.text, hash: first.stateHash, state: first.state });
    for (const [index, line] of lines.entries()) {
      const { observation, error } = await session.step(bash(line), index + 1);
      seen.push({
        text: observation.text,
        hash: observation.stateHash,
        state: observation.state,
        ...(error === undefined ? {} : { error: error.class }),
      });
    }
  });
  return seen;
};

environmentContract('shell', {
  driver: shellDriver,
  spec: { ...SPEC, observation: { max_chars: 400 } },
  maxChars: 400,
  changes: () => bash('echo one >> notes.txt'),
  looks: () => bash('ls -la; cat notes.txt; date'),
  fails: () => bash('exit 7'),
  verify: {
    // A verifier may write: it has a copy.
    yes: {
      verify:
        'cd /work && echo verified | tee -a notes.txt seen.txt ~/seen /tmp/seen >/dev/null && grep -q one notes.txt',
    },
    no: { verify: 'grep -q two notes.txt' },
    broken: { verify: 'no-such-program --check' },
  },
  unicode: { action: () => bash("printf '%s' '灯 ünï 🙂' > 'ł 灯.txt'; ls; cat ł*"), shows: 'ł 灯.txt\n灯 ünï 🙂' },
});

test('the folder, exported variables and the home folder stay; other variables do not', async () => {
  const seen = await commands(
    SPEC,
    'cd src; export A="x\ny"; B=2; echo hi > ~/.note',
    'pwd; echo "$A$B"; cat ~/.note; cd -',
    'exit 3',
    'pwd',
  );
  assert.deepEqual(seen[1]?.state, { cwd: '/work/src', exitCode: 0, changed: ['added ~/.note (3 bytes)'] });
  assert.match(seen[2]?.text ?? '', /output:\n\/work\/src\nx\ny\nhi\n\/work\n/);
  assert.equal(seen[3]?.error, 'failed');
  assert.match(seen[3]?.text ?? '', /^exit code: 3\n/);
  assert.match(seen[4]?.text ?? '', /output:\n\/work\n/);
});

test('the observation shows what changed, line by line', async () => {
  const seen = await commands(
    SPEC,
    "sed -i 's/1.0.0/1.2.3/' package.json; echo new > added.txt; rm src/index.js; chmod +x added.txt",
    'mkdir -p node_modules/a .git/objects; touch node_modules/a/1 node_modules/a/2 .git/objects/x; ln -s /etc/passwd link',
    "printf '\\0\\1' > binary; seq 100 > many.txt",
    'rm -r node_modules',
  );
  assert.match(
    seen[0]?.text ?? '',
    /^folder: \/work\nfiles:\npackage.json \(43 bytes\)\nsrc\/\nsrc\/index.js \(15 bytes\)\n\npackage.json:\n\{\n {2}"name": "demo"/,
  );
  assert.match(
    seen[1]?.text ?? '',
    /changed files:\n {2}added added.txt \(4 bytes\)\n {4}\+ new\n {2}changed package.json\n {4}- {3}"version": "1.0.0"\n {4}\+ {3}"version": "1.2.3"\n {2}removed src\/index.js$/,
  );
  assert.match(seen[2]?.text ?? '', /added link -> \/etc\/passwd/);
  assert.match(seen[2]?.text ?? '', /changed node_modules\/ \(3 entries\)/);
  assert.match(seen[4]?.text ?? '', /changed files:\n {2}removed node_modules\/ \(3 entries\)$/);
  assert.match(seen[3]?.text ?? '', /\+ 12\n {4}\.\.\. 88 more lines$/);
});

test('equal states have equal hashes, whatever the time; something newly seen is a new state', async () => {
  const seen = await commands(
    SPEC,
    'true',
    'date; date +%s; echo took 12ms; mktemp; echo pid $$; echo total 0',
    'sleep 1.1; date; date +%s; echo took 7ms; mktemp; echo pid 99; echo total 8',
    'cat package.json',
    'false',
    'export X=1',
    'cd src',
    'cd ..; export X=1',
  );
  const [start, nothing, date, later, cat, failed, variable, folder, back] = seen.map(({ hash }) => hash);
  assert.equal(nothing, start);
  assert.equal(later, date);
  assert.equal(new Set([start, date, cat, failed, variable, folder]).size, 6);
  assert.equal(back, variable);
});

test('a command that hangs is killed with all it started; the state before it holds', () =>
  withSession(shellDriver, { ...SPEC, step_timeout: 0.7 }, async ({ session }) => {
    await session.step(bash('cd src; export KEEP=1'), 1);
    const begun = performance.now();
    const { observation, error } = await session.step(
      bash('cd /; echo begun; setsid sleep 100 & (sleep 100 &) ; trap "" TERM; sleep 100'),
      2,
    );
    assert.ok(performance.now() - begun < 5000);
    assert.equal(error?.class, 'timeout');
    assert.match(observation.text, /^The command was stopped after 0.7 seconds.\nfolder: \/work\/src\noutput:\nbegun/);
    assert.equal(observation.state.exitCode, null);
    const after = await session.step(bash('pwd; echo $KEEP; ps ax | grep -c "[s]leep 100"'), 3);
    assert.match(after.observation.text, /output:\n\/work\/src\n1\n0/);
  }));

test('what is left running in the background ends with the command and does not hold it up', async () => {
  const begun = performance.now();
  const seen = await commands(
    SPEC,
    'sleep 50 & nohup sleep 50 >/dev/null 2>&1 & echo started',
    'ps ax | grep -c "[s]leep 50"',
  );
  assert.ok(performance.now() - begun < 10_000);
  assert.match(seen[1]?.text ?? '', /started/);
  assert.match(seen[2]?.text ?? '', /output:\n0/);
});

test('nothing waits for input, /dev/stderr can be opened, errors come in order', async () => {
  const [, read, order] = await commands(
    SPEC,
    'read x; echo "got <$x> $?"; cat',
    'echo 1; echo 2 >&2; echo 3 > /dev/stderr; echo 4 | tee /dev/stderr',
  );
  assert.match(read?.text ?? '', /output:\ngot <> 1\n/);
  assert.match(order?.text ?? '', /output:\n1\n2\n3\n4\n4\n/);
});

test('long, binary and coloured output is cut in the middle and cleaned', async () => {
  const [, long, colour, binary, half] = await commands(
    { ...SPEC, observation: { max_chars: 600 } },
    'seq 100000',
    "printf '\\033[31mred\\033[0m \\033]0;title\\007plain\\r\\n10%%\\r100%%\\n'",
    'head -c 300 /dev/zero; head -c 2000 /bin/ls; echo end',
    'for i in $(seq 400); do printf 🙂; done',
  );
  assert.match(long?.text ?? '', /output:\n1\n2\n[\s\S]*left out[\s\S]*\n100000\n\nchanged files: none$/);
  assert.match(colour?.text ?? '', /output:\nred plain\n100%\n/);
  assert.match(binary?.text ?? '', /end\n\nchanged/);
  assert.doesNotMatch(binary?.text ?? '', /[^\P{Cc}\t\n]/u);
  assert.ok(half?.text.isWellFormed());
  for (const { text } of [long, colour, binary, half].filter((one) => one !== undefined)) assert.ok(text.length <= 600);
});

test('a command that prints without end is stopped', async () => {
  const [, endless] = await commands(SPEC, 'yes');
  assert.equal(endless?.error, 'failed');
  assert.match(endless?.text ?? '', /^The command was stopped: it printed too much/);
});

test('commands that are no shell are told so, not thrown', async () => {
  const seen = await commands(SPEC, 'echo "unbalanced', 'no-such-program', 'a\0b', 'kill -9 $$', '\ud800', 'echo ok');
  assert.deepEqual(
    seen.slice(1).map(({ error }) => error),
    ['failed', 'failed', 'invalid', 'failed', 'failed', undefined],
  );
  assert.match(seen[2]?.text ?? '', /^exit code: 127\n.*\noutput:\nbash: line 1: no-such-program: command not found/);
});

test('copy, setup and variables; files win over copied ones and cannot leave the folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lbi-copy-'));
  try {
    await mkdir(join(folder, 'seed'));
    await writeFile(join(folder, 'seed', 'a.txt'), 'copied');
    await symlink(folder, join(folder, 'seed', 'out'));
    const context = { file: (path: string) => join(folder, path) };
    const spec: ShellSpec = {
      kind: 'shell',
      copy: 'seed',
      files: { 'b.txt': 'B' },
      setup: ['cp a.txt c.txt; export S=1'],
      variables: { V: 'v' },
    };
    await withSession(
      shellDriver,
      spec,
      async ({ session, first }) => {
        assert.match(first.text, /a.txt \(6 bytes\)\nb.txt \(1 bytes\)\nc.txt \(6 bytes\)\nout -> /);
        assert.match((await session.step(bash('echo $V$S; ls out/'), 1)).observation.text, /output:\nv1\nls: /);
      },
      { context },
    );
    const refused: [ShellSpec, RegExp][] = [
      [{ ...spec, files: { '../x': '' } }, /"\.\.\/x".*not below/],
      [{ ...spec, files: { '/x': '' } }, /"\/x".*not below/],
      [{ ...spec, files: { 'out/x': '' } }, /"out\/x".*not below/],
      [{ ...spec, variables: { 'A-B': 'x' } }, /"A-B"/],
      [{ ...spec, copy: 'none' }, /"none"/],
      [{ ...spec, setup: ['echo why; exit 4'] }, /"echo why; exit 4".*exit code 4:\nwhy/],
    ];
    for (const [wrong, message] of refused)
      await assert.rejects(
        withSession(shellDriver, wrong, async () => {}, { context }),
        (error) => error instanceof EnvironmentError && error.kind === 'spec' && message.test(error.message),
      );
    assert.ok(!existsSync(join(folder, 'x')));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

/** The score of a command after some others, or what went wrong. */
const scoreAfter = async (verify: string, ...lines: string[]): Promise<number | string> => {
  let score: number | string = 'nothing';
  await withSession(shellDriver, { ...SPEC, step_timeout: 2, verify }, async ({ session }) => {
    for (const [index, line] of lines.entries()) await session.step(bash(line), index + 1);
    score = await (session.evaluate?.() ?? Promise.reject(new Error('there is no evaluate'))).then(
      (result) => result.score,
      (error: Error) => error.message,
    );
  });
  return score;
};

test('verify: exit codes and a number on the last line', async () => {
  assert.equal(await scoreAfter('exit 3'), 0);
  assert.equal(await scoreAfter('echo 0.25'), 0.25);
  assert.equal(await scoreAfter('echo notes; echo .5; echo'), 0.5);
  assert.equal(await scoreAfter('echo 0.25; exit 1'), 0);
  assert.equal(await scoreAfter('echo 0'), 0);
  assert.equal(await scoreAfter('echo 7'), 1);
  assert.equal(await scoreAfter('echo -0.5'), 1);
});

test('verify: a command that cannot be run, or hangs, is no score', async () => {
  assert.match(String(await scoreAfter('./missing')), /could not be run, exit code 127/);
  assert.match(String(await scoreAfter('sleep 60')), /was stopped after 2 seconds/);
});

test('verify begins in /work, whatever the agent exported and wherever it went', async () => {
  const spoilt =
    'mkdir -p bin && printf "#!/bin/sh\nexit 0\n" > bin/test && chmod +x bin/test && export PATH=/work/bin:$PATH && cd src';
  assert.equal(
    await scoreAfter(
      'pwd | grep -qx /work && ! command -v test | grep bin/test && /usr/bin/test -f package.json',
      spoilt,
    ),
    1,
  );
});

test('verify sees links and pipes as they are', async () => {
  assert.equal(
    await scoreAfter('[ "$(readlink away)" = /etc/passwd ] && [ -p pipe ]', 'ln -s /etc/passwd away; mkfifo pipe'),
    1,
  );
});
