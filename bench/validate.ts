/** How long `lbi validate` takes over a pipeline of 300 lines, as a whole process: `node bench/validate.ts [runs]`. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';

const runs = Number(process.argv[2] ?? 15);
const root = join(import.meta.dirname, '..');
const main = join(root, 'cli/main.ts');

/** The TiddlyWiki pipeline with a committee of many models, up to a number of lines. */
const pipeline = (lines: number): string => {
  const text = readFileSync(join(root, 'pipelines/tiddlywiki.yaml'), 'utf8').replaceAll(
    'scripts/',
    `${root}/pipelines/scripts/`,
  );
  const count = Math.floor((lines - text.split('\n').length) / 6);
  const names = Array.from({ length: count }, (_, at) => `member-${at}`);
  const models = names.flatMap((name, at) => [
    `  ${name}:`,
    '    provider: openai',
    `    model: model-${at}`,
    '    base_url: http://127.0.0.1:11434/v1',
    '    price: { input: 0, output: 0 }',
    `    limits: { concurrency: ${at + 1} }`,
  ]);
  return text
    .replace('\nenvironments:', `${models.map((line) => `\n${line}`).join('')}\n\nenvironments:`)
    .replace('members: [writer, gemini]', `members: [writer, gemini, ${names.join(', ')}]`);
};

const median = (numbers: number[]): number => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;

/** Has a process say what it used, whatever it is. */
const counting =
  'data:text/javascript,process.on("exit",()=>{const{user,system}=process.cpuUsage();process._rawDebug("cpu="+(user+system)/1000)})';

/** Medians in milliseconds: by the clock, and of CPU, which other programs of the machine hardly change. */
const measure = (args: string[], environment: NodeJS.ProcessEnv = {}): string => {
  const times = Array.from({ length: runs + 1 }, () => {
    const began = performance.now();
    const { status, stderr } = spawnSync(process.execPath, ['--import', counting, ...args], {
      encoding: 'utf8',
      env: { ...process.env, ...environment },
    });
    if (status !== 0) throw new Error(stderr);
    return { wall: performance.now() - began, cpu: Number(/^cpu=(.*)$/m.exec(stderr)?.[1]) };
  }).slice(1);
  const [wall, cpu] = [median(times.map((time) => time.wall)), median(times.map((time) => time.cpu))];
  return `${wall.toFixed(0).padStart(6)} ms, CPU ${cpu.toFixed(0)} ms`;
};

const folder = mkdtempSync(join(tmpdir(), 'lbi-bench-'));
try {
  const file = join(folder, 'pipeline.yaml');
  writeFileSync(file, pipeline(300));
  console.log(`${runs} runs after one to warm up, ${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(2)}`);
  console.log(`  node itself              ${measure(['-e', '0'])}`);
  console.log(`  lbi --version            ${measure([main, '--version'])}`);
  console.log(`  lbi validate, 300 lines  ${measure([main, 'validate', file])}`);
  console.log(`  without compiled code    ${measure([main, 'validate', file], { NODE_DISABLE_COMPILE_CACHE: '1' })}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
