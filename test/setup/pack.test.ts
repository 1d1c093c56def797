/** The package as a user gets it: packed, installed into an empty folder, its API and command line run from there. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { execa } from 'execa';
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
    files.filter((name) => /(?<!\.d)\.ts$/.test(name) && !name.startsWith(join('pipelines', 'examples'))),
    [],
  );
});

const lbi = (...args: string[]) =>
  execa(process.execPath, [join(folder, 'node_modules', '.bin', 'lbi'), ...args], {
    cwd: folder,
    env: { ...env, NO_COLOR: '1' },
    reject: false,
    timeout: 240_000,
  });

test('init, validate and plan work in a folder with nothing else of ours', async () => {
  const made = await lbi('init', 'my-agent', '--json');
  assert.equal(made.exitCode, 0, made.stderr);
  const [name] = (await readdir(join(folder, 'my-agent'))).filter((each) => each.endsWith('.yaml'));
  const valid = await lbi('validate', join('my-agent', name ?? 'pipeline.yaml'));
  assert.equal(valid.exitCode, 0, valid.stderr);
  const planned = await lbi('plan', join('my-agent', name ?? 'pipeline.yaml'), '--json');
  assert.equal(planned.exitCode, 0, planned.stderr);
  const plan = JSON.parse(planned.stdout) as { schema: string; work: boolean; stages: { stage: string }[] };
  assert.deepEqual([plan.schema, plan.work, plan.stages[0]?.stage], ['lbi.plan/1', true, 'instruct']);
});

const module = `import { defineStage, list, text, Type, whole } from 'learn-by-interact';

export default defineStage({
  version: '1',
  takes: 'examples',
  gives: 'examples',
  schema: {
    words: list('output', 'Words.', Type.String(), { default: ['a'], example: ['b'] }),
    most: whole('output', 'Most.', { unit: 'examples', min: 1, optional: true, example: 3 }),
    judge: text('output', 'A model.', { names: 'model', example: 'writer' }),
  },
  run: async (examples, { parameters, model, drop }) => {
    const words: string[] = parameters.words;
    const most: number | undefined = parameters.most;
    const { stop } = await model(parameters.judge).complete({ user: words.join(' '), schema: { type: 'object' } });
    if (stop !== 'complete') return [];
    return examples.filter((example) => example.steps.length > 1 || drop(example, 'short')).slice(0, most);
  },
});
`;
const mistakes: [wrong: string, right: string, says: RegExp][] = [
  [
    'const words: string[] = parameters.words;',
    'const words: number[] = parameters.words;',
    /'string\[\]' is not assignable/,
  ],
  ['const most: number | undefined', 'const most: number', /'undefined' is not assignable/],
  ["gives: 'examples'", "gives: 'tasks'", /'"tasks"' is not assignable/],
  ['example.steps.length', 'example.stpes.length', /'stpes' does not exist/],
  ["unit: 'examples', ", '', /unit/],
];

/** What TypeScript says of a file in the user's folder, by the declarations of the package. */
async function typesOf(text: string): Promise<string> {
  await writeFile(join(folder, 'stage.ts'), text);
  const compilerOptions = {
    ...{ target: 'es2024', module: 'nodenext', strict: true, exactOptionalPropertyTypes: true, noEmit: true },
    ...{ types: ['node'], typeRoots: [join(root, 'node_modules', '@types')], erasableSyntaxOnly: true },
    ...{ allowImportingTsExtensions: true, skipLibCheck: true },
  };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['stage.ts'] }));
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  return (await execa(process.execPath, [tsc, '-p', folder], { reject: false })).stdout;
}

test('a stage in TypeScript is checked against the declarations of the package', async () => {
  assert.equal(await typesOf(module), '');
  for (const [right, wrong, says] of mistakes) {
    assert.ok(module.includes(right), right);
    assert.match(await typesOf(module.replace(right, wrong)), says);
  }
});

test('a pipeline with a stage, a place, a model and an export of its own runs from the package', async () => {
  await cp(join(installed, 'dist', 'pipelines', 'examples', 'own-modules'), folder, { recursive: true });
  try {
    const { stdout, stderr } = await lbi('run', 'pipeline.yaml', '--json');
    const done = JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}');
    assert.equal(done.status, 'COMPLETED', stderr + stdout);
    assert.equal(done.progress.dataset.kept, 2);
    assert.match(await readFile(join(done.progress.dataset.own[0].folder, 'train.md'), 'utf8'), /^# How to keep notes/);
  } finally {
    await lbi('down');
  }
});

test('the contract suites come with the package', async () => {
  const script = `import { environmentContract, modelContract } from 'learn-by-interact/testing'; console.log(typeof environmentContract, typeof modelContract);`;
  assert.match((await inFolder(['--input-type=module', '--eval', script])).stdout, /^function function/);
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
