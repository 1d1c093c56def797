/** The package as a user gets it: packed, installed into an empty folder, its API and command line run from there. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { npmCli } from '../../setup/node.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = await mkdtemp(join(tmpdir(), 'lbi-pack-'));
const installed = join(folder, 'node_modules', 'learn-by-interact');
after(() => rm(folder, { recursive: true, force: true }));

// npm runs `prepack` with the first node on PATH.
const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}` };
const npm = (args: string[], cwd: string) =>
  promisify(execFile)(process.execPath, [npmCli(), ...args], { cwd, env, maxBuffer: 1e8 });

before(
  async () => {
    await npm(['pack', '--silent', '--pack-destination', folder], root);
    const [archive] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'));
    assert.ok(archive);
    await writeFile(join(folder, 'package.json'), '{"name":"user","private":true}');
    await npm(['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', `./${archive}`], folder);
  },
  { timeout: 300_000 },
);

const inFolder = (args: string[]) => promisify(execFile)(process.execPath, args, { cwd: folder, env });

test('the API loads by the name of the package', async () => {
  const script = `import { LbiError } from 'learn-by-interact'; console.log(new LbiError('spec', 'x').kind);`;
  assert.equal((await inFolder(['--input-type=module', '--eval', script])).stdout, 'spec\n');
});

test('nothing but what a user needs is in it', async () => {
  const names = await readdir(installed);
  for (const name of ['dist', 'package.json', 'LICENSE']) assert.ok(names.includes(name), `${name} is missing`);
  for (const name of ['test', 'bench', 'docs', 'setup', 'cli']) assert.ok(!names.includes(name), `${name} is in it`);
  const files = await readdir(join(installed, 'dist'), { recursive: true });
  assert.deepEqual(
    files.filter((name) => /(?<!\.d)\.ts$/.test(name)),
    [],
  );
});

test('setup and doctor work from the installed package', async () => {
  const cache = join(folder, 'cache');
  const script = `import { modelFiles } from '${join(installed, 'dist/setup/models.mjs')}';
    const { examine } = await import('${join(installed, 'dist/cli/doctor.js')}');
    process.env.LBI_CACHE = '${cache}';
    console.log(JSON.stringify({ files: await modelFiles(), checks: await examine('${join(folder, '.lbi')}') }));`;
  const { files, checks } = JSON.parse((await inFolder(['--input-type=module', '--eval', script])).stdout);
  assert.ok(files.length > 1 && files.every((file: { path: string }) => file.path.startsWith(cache)));
  assert.equal(checks.find((each: { what: string }) => each.what === 'Node').ok, true);
});

const main = existsSync(join(root, 'cli', 'main.ts'));
test('lbi --version answers the version of the package', { skip: !main && 'there is no cli/main.ts yet' }, async () => {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const { stdout } = await inFolder([join(folder, 'node_modules', '.bin', 'lbi'), '--version']);
  assert.match(stdout, new RegExp(`(^|\\s)${version.replaceAll('.', '\\.')}\\s*$`));
});
