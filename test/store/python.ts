/** Pythons with the libraries that tests need, made on demand in the machine cache and kept there for the next run. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';

/** Runs a program to its end; its exit code (-1 when it cannot be started) and what it wrote on stdout and stderr. */
export async function runProgram(
  program: string,
  args: string[],
  environment: { [name: string]: string } = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { ...process.env, ...environment };
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env, timeout: 300_000 });
  const outputs = Promise.all([text(child.stdout), text(child.stderr)]);
  const code = await once(child, 'close').then(
    ([exit]) => Number(exit ?? -1),
    () => -1,
  );
  const [stdout, stderr] = await outputs;
  return { code, stdout, stderr };
}

/** A Python that reads datasets as their users do. */
export const pythonWithDatasets = () => pythonWith('datasets', ['datasets', 'duckdb']);

/** Path of a Python with these packages, or the reason why there is none here. @param name names its folder in the cache */
export async function pythonWith(name: string, packages: string[]): Promise<{ python: string } | { reason: string }> {
  const { LBI_CACHE, XDG_CACHE_HOME } = process.env;
  const cache = LBI_CACHE ?? join(XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'lbi');
  const folder = join(cache, `python-${name}`);
  const python = join(folder, 'bin', 'python');
  const complete = join(folder, 'complete');
  const ready = await access(complete).then(
    () => true,
    () => false,
  );
  if (ready) return { python };
  await rm(folder, { recursive: true, force: true });
  await mkdir(dirname(folder), { recursive: true });
  const made = await runProgram('python3', ['-m', 'venv', folder]);
  if (made.code !== 0) return { reason: `python3 cannot make a virtual environment: ${lastLine(made.stderr)}` };
  const options = ['--quiet', '--disable-pip-version-check', '--no-input'];
  const installed = await runProgram(python, ['-m', 'pip', 'install', ...options, ...packages]);
  if (installed.code !== 0)
    return { reason: `pip cannot install ${packages.join(', ')}: ${lastLine(installed.stderr)}` };
  await writeFile(complete, '');
  return { python };
}

const lastLine = (output: string): string => output.trim().split('\n').at(-1) ?? '';
