/** The command line as a person meets it: a real process, what it prints where, and how it ends. No server is started. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { execa } from 'execa';

const main = join(import.meta.dirname, '..', '..', 'cli', 'main.ts');
const root = join(import.meta.dirname, '..', '..');

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lbi-surface-'));
  await writeFile(join(folder, 'broken.yaml'), 'version: "1"\nname: [\n');
  await writeFile(join(folder, 'lacking.yaml'), 'version: "1"\nname: lacking\n');
  await writeFile(join(folder, 'latin1.yaml'), Buffer.from([0x6e, 0xe4, 0x00, 0x0a]));
  await writeFile(join(folder, 'file'), 'no folder');
});
after(() => rm(folder, { recursive: true, force: true }));

interface Ended {
  exitCode: number;
  stdout: string;
  stderr: string;
}

const lbi = async (args: string[], env: Record<string, string> = {}, cwd = folder): Promise<Ended> => {
  const {
    exitCode = -1,
    stdout,
    stderr,
  } = await execa(process.execPath, [main, ...args], {
    cwd,
    env: { PATH: process.env.PATH, HOME: folder, ...env },
    extendEnv: false,
    reject: false,
    timeout: 60_000,
  });
  return { exitCode, stdout, stderr };
};

const commands =
  'init validate config explain schema prompt preview plan run attach pause resume tune retry cancel runs show failures ui export retrieve check doctor up down worker completion'.split(
    ' ',
  );

test('--help lists every command, fits into 80 columns, and says what the exit codes mean', async () => {
  const { exitCode, stdout } = await lbi(['--help']);
  assert.equal(exitCode, 0);
  for (const command of commands) assert.match(stdout, new RegExp(`^ {2}${command}\\b`, 'm'));
  assert.deepEqual(
    stdout.split('\n').filter((line) => line.length > 80),
    [],
  );
  assert.match(stdout, /Exit codes: 0 done/);
  assert.doesNotMatch(stdout, /supervise/);
});

test('the help of each command says what it is for, and names the program as it was called', async () => {
  const all = await Promise.all(commands.map((command) => lbi([command, '--help'], { LBI_NAME: './lbi' })));
  for (const [index, { exitCode, stdout }] of all.entries()) {
    assert.equal(exitCode, 0, commands[index]);
    assert.match(stdout, new RegExp(`^Usage: \\./lbi ${commands[index]}`));
    assert.match(stdout, /\n\n[a-z].{15,}/, commands[index]);
  }
});

test('--version is the version of the package', async () => {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  assert.equal((await lbi(['--version'])).stdout, version);
});

interface Wrong {
  args: string[];
  exit: number;
  says: RegExp;
  env?: Record<string, string>;
}

/** What people type, and what they must be told. */
const wrong: Wrong[] = [
  { args: [], exit: 2, says: /Usage: lbi/ },
  { args: ['frobnicate'], exit: 2, says: /unknown command 'frobnicate'/ },
  { args: ['valdate'], exit: 2, says: /Did you mean validate\?/ },
  { args: ['run', '--detatch', 'x.yaml'], exit: 2, says: /Did you mean --detach\?/ },
  { args: ['run'], exit: 2, says: /missing required argument 'file'[\s\S]*lbi run --help/ },
  { args: ['show', '@last', 'a', 'b'], exit: 2, says: /too many arguments/ },
  { args: ['resume', 'x', '--budget', 'much'], exit: 2, says: /expected a number/ },
  { args: ['resume', 'x', '--budget', '-3'], exit: 2, says: /expected a number/ },
  { args: ['retrieve', 'x', 'y', '-k', '0'], exit: 2, says: /whole number above 0/ },
  { args: ['retrieve', 'x', 'y', '--by', 'luck'], exit: 2, says: /observation, instruction, query/ },
  { args: ['export', 'x', '--format', 'csv'], exit: 2, says: /openai, trl, sharegpt, atif, adp, parquet/ },
  { args: ['init', 'x', '--environment', 'desktop'], exit: 2, says: /expected shell, browser, scripted/ },
  { args: ['run', 'nowhere.yaml'], exit: 2, says: /no such file.*lbi init/ },
  { args: ['plan'], exit: 2, says: /missing required argument 'file'/ },
  { args: ['plan', 'nowhere.yaml'], exit: 2, says: /no such file/ },
  { args: ['plan', 'lacking.yaml'], exit: 3, says: /missing-key/ },
  { args: ['plan', 'broken.yaml', '--json'], exit: 3, says: /^broken\.yaml:\d+:\d+: error/m },
  { args: ['run', '.'], exit: 2, says: /it is a folder; name the YAML file/ },
  { args: ['validate', 'nowhere.yaml'], exit: 2, says: /no such file/ },
  { args: ['run', 'broken.yaml'], exit: 3, says: /^broken\.yaml:\d+:\d+: error/m },
  { args: ['run', 'lacking.yaml'], exit: 3, says: /missing-key/ },
  { args: ['run', 'latin1.yaml'], exit: 3, says: /latin1\.yaml/ },
  { args: ['validate', 'broken.yaml'], exit: 3, says: /^broken\.yaml:\d+:\d+: error/m },
  { args: ['run', 'lacking.yaml', '--set', 'name'], exit: 3, says: /path=value|missing-key/ },
  { args: ['show', '@last'], exit: 3, says: /no runs here yet: lbi run/ },
  { args: ['show', 'r-nothing'], exit: 3, says: /no runs here yet/ },
  { args: ['check', 'x'], exit: 3, says: /no runs here yet/ },
  { args: ['ui', 'x'], exit: 3, says: /no runs here yet/ },
  { args: ['pause', 'x'], exit: 3, says: /no runs here yet/ },
  { args: ['retry', '@last'], exit: 3, says: /no runs here yet/ },
  { args: ['failures', 'x'], exit: 3, says: /no runs here yet/ },
  { args: ['failures', 'x', '--class', 'weather'], exit: 2, says: /infrastructure, model, agent, judge, spec/ },
  { args: ['tune', 'x'], exit: 2, says: /say what to change: lbi tune x --concurrency/ },
  { args: ['tune', 'x', '--concurrency', '0'], exit: 2, says: /whole number above 0/ },
  { args: ['tune', 'x', '--concurrency', '5000'], exit: 2, says: /1000 at most/ },
  { args: ['up'], env: { LBI_PROBE: 'often' }, exit: 3, says: /LBI_PROBE is "often"/ },
  { args: ['attach', ''], exit: 3, says: /no runs here yet/ },
  { args: ['runs'], env: { LBI_STORE: 'ftp://x' }, exit: 3, says: /No store is known for "ftp:\/\/x"/ },
  { args: ['up'], env: { LBI_HEARTBEAT: 'soon' }, exit: 3, says: /LBI_HEARTBEAT is "soon"/ },
  { args: ['up'], env: { LBI_TEMPORAL_PORT: '99999' }, exit: 3, says: /port from 1 to 65535/ },
  { args: ['runs'], env: { LBI_HOME: 'file' }, exit: 6, says: /file/ },
];

test('a mistake is told in words: exit code, message, nothing on stdout, no stack', {
  concurrency: 4,
}, async (context) => {
  const told = wrong.map(({ args, exit, says, env }) =>
    context.test(`lbi ${args.join(' ')} ${JSON.stringify(env ?? {})}`, async () => {
      const ended = await lbi(args, env);
      assert.match(ended.stderr, says);
      assert.equal(ended.exitCode, exit, ended.stderr);
      assert.equal(ended.stdout, '');
      assert.doesNotMatch(ended.stderr, /\n\s+at |node:internal/);
    }),
  );
  await Promise.all(told);
});

test('what init writes is valid, for each place, and the next command it names exists', async () => {
  for (const place of ['shell', 'browser']) {
    const written = await lbi(['init', place, '--environment', place]);
    assert.equal(written.exitCode, 0, written.stderr);
    for (const [, command = ''] of written.stderr.matchAll(/^ {2}lbi (\w+)/gm)) assert.ok(commands.includes(command));
    const { exitCode, stdout, stderr } = await lbi(['validate', 'pipeline.yaml'], {}, join(folder, place));
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, /^pipeline\.yaml: valid \(instruct → /);
    assert.match(stderr, /next {2}lbi run pipeline\.yaml/);
  }
});

test('the code of a problem is explained, and a word that is a key as well says both', async () => {
  const code = await lbi(['explain', 'error[unknown-key]']);
  assert.equal(code.exitCode, 0, code.stderr);
  assert.match(code.stdout, /^unknown-key: .+\n {2}.+\n\n {2}wrong\n[\s\S]+\n {2}right\n/);
  const both = await lbi(['explain', 'budget']);
  assert.match(both.stdout, /keys in it +usd[\s\S]*^budget: /m);
  const { data } = JSON.parse((await lbi(['explain', 'budget', '--json'])).stdout) as {
    data: { code: string; keys: unknown[] };
  };
  assert.deepEqual([data.code, data.keys.length], ['budget', 1]);
});

test('--json gives one JSON document on stdout', async () => {
  const runs = await lbi(['runs', '--json']);
  assert.deepEqual([runs.exitCode, JSON.parse(runs.stdout)], [0, []]);
  const down = await lbi(['down', '--json']);
  assert.deepEqual([down.exitCode, JSON.parse(down.stdout)], [0, { stopped: false }]);
  const init = JSON.parse((await lbi(['init', 'as-json', '--json'])).stdout) as { schema: string };
  assert.equal(init.schema, 'lbi.init/1');
  const validate = await lbi(['validate', 'lacking.yaml', '--json']);
  assert.equal(validate.exitCode, 3);
  assert.equal((JSON.parse(validate.stdout) as { data: { valid: boolean }[] }).data[0]?.valid, false);
});

test('colours come where they are asked for and stay away from pipes and NO_COLOR', async () => {
  const colour = String.fromCharCode(27);
  for (const env of [{}, { NO_COLOR: '1' }, { NO_COLOR: '1', TERM: 'xterm-256color' }])
    assert.ok(!(await lbi(['validate', 'lacking.yaml'], env)).stderr.includes(colour));
});

test('without a Temporal server at the address that the environment names, the exit code is 6', async () => {
  await mkdir(join(folder, 'away'), { recursive: true });
  const env = { TEMPORAL_ADDRESS: '127.0.0.1:9', LBI_HOME: join(folder, 'away', '.lbi') };
  const { exitCode, stderr } = await lbi(['doctor'], env);
  assert.equal(exitCode, 6);
  assert.match(stderr, /marked ✗ is missing/);
});

test('a reader that stops early is no error', async () => {
  const { stdout, stderr } = await execa(`"${process.execPath}" "${main}" schema | head -c 10`, {
    shell: true,
    cwd: folder,
    reject: false,
  });
  assert.equal(stdout.length, 10);
  assert.equal(stderr, '');
});

test('the program of a checkout works from another folder and through a link', {
  skip: process.platform === 'win32',
}, async () => {
  await symlink(join(root, 'lbi'), join(folder, 'linked'));
  const { exitCode, stderr } = await execa(join(folder, 'linked'), ['run', 'nowhere.yaml'], {
    cwd: folder,
    reject: false,
  });
  assert.equal(exitCode, 2, stderr);
  assert.match(stderr, /linked init my-agent/);
});
