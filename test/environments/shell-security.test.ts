/** The shell's walls: nothing gets out of the sandbox, nothing in its folder makes the driver read or touch the host. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Session } from '../../environments/environment.ts';
import { shellDriver } from '../../environments/shell/driver.ts';
import { processesIn, temporaryContext, withSession } from './contract.ts';

const SPEC = { kind: 'shell' as const, observation: { max_chars: 3000 } };

/** Runs commands in a new session; gives the text after each. */
const texts = async (lines: string[], spec = {}): Promise<string[]> => {
  const seen: string[] = [];
  await withSession(shellDriver, { ...SPEC, ...spec }, async ({ session }) => {
    for (const [index, line] of lines.entries()) seen.push(await text(session, line, index + 1));
  });
  return seen;
};

const text = async (session: Session, command: string, index: number): Promise<string> =>
  (await session.step({ name: 'bash', arguments: { command } }, index)).observation.text;

test('no network: neither the internet nor the loopback of the host, nor its sockets', async () => {
  let reached = 0;
  const server = createServer(() => reached++).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  try {
    const [tcp = '', interfaces = ''] = await texts([
      `for host in 127.0.0.1 localhost 10.0.0.1 192.0.2.1; do (exec 3<>/dev/tcp/$host/${address.port}) 2>&1 || echo closed; done`,
      'cat /proc/net/dev | grep -c ":"; ls /run /var/run/docker.sock /tmp/.X11-unix 2>&1',
    ]);
    assert.equal(tcp.match(/^closed$/gm)?.length, 4, tcp);
    assert.match(interfaces, /output:\n1\n/);
    assert.doesNotMatch(interfaces, /dbus|systemd|docker.sock\n|X0/);
    assert.equal(reached, 0);
  } finally {
    server.close();
  }
});

test('nothing outside can be written, homes and settings of the host are not there', async () => {
  const marker = join(tmpdir(), `lbi-marker-${process.pid}`);
  await writeFile(marker, 'secret of the host');
  try {
    const [writes = '', reads = '', identity = ''] = await texts([
      `for file in /x /usr/x /etc/x /etc/passwd /dev/x /opt/x /run/x /run/start /opt/node/bin/node /proc/sys/vm/overcommit_memory; do (echo 1 >> $file) 2>/dev/null && echo "wrote $file"; done; echo done`,
      `cat ${marker} ${process.cwd()}/package.json ${process.execPath} /etc/shadow /proc/1/environ /root/.bashrc /etc/hostname 2>/dev/null | head -c 100; ls /home /root /var /srv /mnt /work 2>/dev/null; echo done`,
      'grep -E "^(CapEff|CapPrm|NoNewPrivs)" /proc/self/status; env | grep -icE "token|secret|key|lbi"; ls -l /proc/self/fd | grep -vE "null|pipe|/proc/|total"',
    ]);
    assert.match(writes, /output:\ndone\n/);
    assert.match(reads, /output:\n\/home:\nuser\n\n\/var:\nrun\ntmp\n\n\/work:\ndone\n/);
    assert.match(identity, /CapPrm:\s+0+\nCapEff:\s+0+\nNoNewPrivs:\s+1\n0\n\nchanged/);
  } finally {
    await rm(marker);
  }
});

test('links, pipes and odd names in the folder: shown as what they are, never followed', async () => {
  const [links = '', names = '', gone = ''] = await texts([
    'ln -s /etc/shadow a; ln -s / b; ln -s loop loop; ln -s ../../../../../../etc c; mkfifo pipe; mkdir -m 000 closed; (umask 777; echo x > locked); ln /work/a d',
    `touch $'new\\nline' $'tab\\t"quote"' $'\\xff\\xfe' $'\\e[31mred' -- -rf '~'; mkdir $'dir\\n'; touch $'dir\\n/x'`,
    'chmod 700 closed; rm -rf -- * ; ln -s /etc/passwd /run/state/x; rm -f /run/state/folder; mkdir /run/state/folder; ln -sf /etc/shadow /run/state/variables; echo bye',
  ]);
  assert.match(links, /added a -> \/etc\/shadow\n/);
  assert.match(links, /added b -> \/\n/);
  assert.match(links, /added pipe \(other\)/);
  assert.doesNotMatch(links, /root:/);
  assert.match(names, /added "new\\nline" \(0 bytes\)/);
  assert.match(names, /added "\\u001b\[31mred"/);
  assert.ok(!names.includes('\u001b'));
  assert.match(gone, /output:\nbye\n/);
});

test('a state that the commands spoiled is replaced by a usable one', async () => {
  const seen = await texts([
    'rm -rf /run/state/*; mkdir /run/state/folder /run/state/variables; exec true',
    'pwd; echo $HOME',
    'mkdir deep; cd deep; rmdir /work/deep',
    'pwd; export PATH=',
    'echo still; /bin/ls /usr >/dev/null && echo there',
    'enable -n printf; exec true',
    'printf() { echo mine; }; export -f printf; unset HOME; readonly PWD OLDPWD',
    'pwd',
  ]);
  assert.match(seen[1] ?? '', /output:\n\/work\n\/home\/user\n/);
  assert.match(seen[3] ?? '', /output:\n\/work\n/);
  assert.match(seen[4] ?? '', /output:\nstill\nthere\n/);
  assert.match(seen[7] ?? '', /output:\n\/work\n/);
});

test('processes, memory, files and output are bounded; a bomb ends at the timeout and leaves nothing', async () => {
  const begun = performance.now();
  await withSession(
    shellDriver,
    { ...SPEC, step_timeout: 5 },
    async ({ session, context }) => {
      const limits = await text(
        session,
        'ulimit -u 100000; ulimit -f unlimited; ulimit -d unlimited; ulimit -u -f -d -c',
        1,
      );
      assert.match(limits, /512[\s\S]*524288|524288[\s\S]*512/);
      assert.equal(limits.match(/cannot modify limit/g)?.length, 3, limits);
      const file = await text(
        session,
        'truncate -s 2G big 2>&1; head -c 1 /dev/zero | dd of=far bs=1 seek=700M 2>&1 | tail -1; ls',
        2,
      );
      assert.match(file, /File (too large|size limit)/);
      const memory = await text(
        session,
        `node -e 'const all = []; try { for (;;) all.push(Buffer.allocUnsafeSlow(64 << 20)); } catch {} console.log("held", all.length)'`,
        3,
      );
      const held = Number(/held (\d+)/.exec(memory)?.[1]);
      assert.ok(held > 0 && held <= 32, memory);
      const bomb = await session.step({ name: 'bash', arguments: { command: 'f() { f | f & }; f; sleep 30' } }, 4);
      assert.ok(['timeout', 'failed'].includes(bomb.error?.class ?? ''), bomb.observation.text);
      assert.deepEqual(await processesIn(context.workdir), []);
      assert.match(await text(session, 'ps ax | wc -l; echo alive', 5), /alive/);
    },
    // A user of its own: what it takes, others of that user would lack.
    { task: { id: 'bomb', seed: 7 } },
  );
  assert.ok(performance.now() - begun < 60_000);
});

test('thousands of files, deep folders and huge files do not hold an observation up', () =>
  withSession(shellDriver, SPEC, async ({ session, context }) => {
    const timed = async (command: string, index: number) => {
      const begun = performance.now();
      const seen = await text(session, command, index);
      assert.ok(performance.now() - begun < 30_000, command);
      return seen;
    };
    assert.match(
      await timed('mkdir many; cd many; for ((i=0;i<21000;i++)); do echo > $i; done', 1),
      /more than can be listed/,
    );
    assert.match(
      await timed('cd /work; rm -rf many; truncate -s 400M huge; echo a > b', 2),
      /added huge \(419430400 bytes\)/,
    );
    const deep =
      'path=$(printf 1234567890/%.0s {1..90}); for i in 1 2 3 4 5; do mkdir -p $path; cd $path; done; pwd | wc -c';
    assert.match(await timed(deep, 3), /\n4\d\d\d\n[\s\S]*more than can be listed/);
    await session.close();
    assert.deepEqual((await readdir(context.workdir)).sort(), ['journal.jsonl']);
  }));

test('folders without permissions are removed at the end', async () => {
  const context = await temporaryContext();
  const session = await shellDriver.open(SPEC, context);
  await session.reset({ id: 'locked', seed: 0 });
  await text(session, 'mkdir -p a/b/c; touch a/b/c/d; chmod 000 a/b/c a/b a', 1);
  await session.close();
  assert.deepEqual(await readdir(context.workdir), ['journal.jsonl']);
  await rm(context.workdir, { recursive: true });
});

test('a worker that is killed takes its commands with it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lbi-killed-'));
  const script = join(folder, 'worker.ts');
  const driver = new URL('../../environments/shell/driver.ts', import.meta.url).href;
  await writeFile(
    script,
    `import { shellDriver } from ${JSON.stringify(driver)};
const session = await shellDriver.open({ kind: 'shell' }, { workdir: ${JSON.stringify(folder)}, signal: new AbortController().signal });
await session.reset({ id: 'x', seed: 0 });
await session.step({ name: 'bash', arguments: { command: 'touch begun; sleep 61; touch ended' } }, 1);`,
  );
  await chmod(folder, 0o755);
  const worker = spawn(process.execPath, [script], { stdio: 'ignore' });
  try {
    for (let wait = 0; !existsSync(join(folder, 'shell/work/begun')); wait++) {
      assert.ok(wait < 400, 'the command never began');
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    const before = await commandsOf(worker.pid ?? -1);
    assert.ok(before.length > 0);
    worker.kill('SIGKILL');
    await once(worker, 'exit');
    for (let wait = 0; before.some((id) => existsSync(`/proc/${id}`)); wait++) {
      assert.ok(wait < 200, `still there: ${before}`);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  } finally {
    worker.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
});

test('a session that is closed, or whose worker stops, ends its command at once', async () => {
  for (const how of ['close', 'abort']) {
    const stopping = new AbortController();
    const context = await temporaryContext({ signal: stopping.signal });
    const session = await shellDriver.open(SPEC, context);
    await session.reset({ id: 'x', seed: 0 });
    const step = assert.rejects(session.step({ name: 'bash', arguments: { command: 'sleep 30' } }, 1), {
      kind: 'session-lost',
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    const begun = performance.now();
    if (how === 'abort') stopping.abort();
    await session.close();
    await step;
    assert.ok(performance.now() - begun < 3000, how);
    await rm(context.workdir, { recursive: true });
  }
});

/** The process and all below it, without the process itself. */
const commandsOf = async (parent: number): Promise<number[]> => {
  const children = new Map<number, number[]>();
  for (const name of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
    const of = Number(
      stat
        .slice(stat.lastIndexOf(')') + 1)
        .trim()
        .split(' ')[1],
    );
    children.set(of, [...(children.get(of) ?? []), Number(name)]);
  }
  const below = (id: number): number[] => (children.get(id) ?? []).flatMap((child) => [child, ...below(child)]);
  return below(parent);
};
