/** `npm test`: the checks, then every test file, quick areas first. `npm test -- core store` runs these areas alone, without the checks. */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Areas that start servers, browsers or models: they come last, so that a plain mistake shows early. */
const slow = ['workflows', 'cli', 'models', 'environments', 'setup', 'storm', 'engine', 'pipelines'];

const checks: [name: string, file: string, args: string[]][] = [
  ['biome', 'node_modules/@biomejs/biome/bin/biome', ['check', '.']],
  ['tsc', 'node_modules/typescript/bin/tsc', []],
  ['knip', 'node_modules/knip/bin/knip.js', []],
];

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** Runs a check; what it says is shown only when it fails. */
function check(name: string, file: string, args: string[]): Promise<boolean> {
  const started = Date.now();
  return new Promise((done) => {
    const child = spawn(process.execPath, [join(root, file), ...args], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    const hear = (text: Buffer) => {
      said += text;
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.on('close', (code) => {
      console.log(`${code === 0 ? '✔' : '✖'} ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
      if (code !== 0) console.log(said);
      done(code === 0);
    });
  });
}

/** Test files of the areas, quick ones first. Throws when an area that was asked for has none. */
function testFiles(wanted: string[]): string[] {
  const areas = readdirSync(join(root, 'test'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .toSorted((a, b) => slow.indexOf(a) - slow.indexOf(b) || a.localeCompare(b));
  const unknown = wanted.find((name) => !areas.includes(name));
  if (unknown !== undefined) throw new Error(`there is no test/${unknown}; areas: ${areas.join(', ')}`);
  return areas
    .filter((name) => wanted.length === 0 || wanted.includes(name))
    .flatMap((name) => {
      const files = readdirSync(join(root, 'test', name)).filter((file) => file.endsWith('.test.ts'));
      return files.map((file) => join(root, 'test', name, file));
    });
}

/** Runs the files, two at a time; a file that cannot be loaded counts as a failed test. */
function runTests(files: string[]): Promise<Counts> {
  return new Promise((done) => {
    const stream = run({ files, concurrency: 2, cwd: root });
    stream.on('test:summary', ({ file, counts }) => {
      if (file !== undefined) return; // one per file comes before the one for all
      done({ passed: counts.passed, failed: counts.tests - counts.passed - counts.skipped, skipped: counts.skipped });
    });
    stream.compose(spec()).pipe(process.stdout);
  });
}

const areas = process.argv.slice(2);
const results: boolean[] = [];
if (areas.length === 0) for (const each of checks) results.push(await check(...each));
const counts = await runTests(testFiles(areas));
const failed = counts.failed + results.filter((ok) => !ok).length;
const passed = counts.passed + results.filter((ok) => ok).length;
process.exitCode = failed === 0 ? 0 : 1;
// The reporter writes its own summary when the process has nothing left to do: this line comes after it.
process.on('exit', () => console.log(`\n${passed} passed, ${failed} failed, ${counts.skipped} skipped`));
