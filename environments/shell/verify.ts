/** Runs the `verify` of the pipeline on a copy of the place: whatever it writes, the place stays as it is. */
import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { EnvironmentError } from '../../core/errors.ts';
import type { Evaluation } from '../environment.ts';
import { shorten } from './output.ts';
import { type Place, removeTree } from './place.ts';
import { isRoot, runCommand } from './sandbox.ts';

const run = promisify(execFile);

/** A shell's words for a command that could not be run at all: then nothing was verified. */
const notRun = [126, 127];

/**
 * Exit code 0 scores 1, another 0; after exit code 0 a last line that is a number from 0 to 1 is the score. The command begins in /work, with the
 * variables of the pipeline: what the agent exported, and where it went, is no part of it.
 */
export const verify = async (
  place: Place,
  command: string,
  options: { timeout: number; signal: AbortSignal },
): Promise<Evaluation> => {
  const root = join(dirname(place.work), 'verify');
  await removeTree(root);
  try {
    const writable = await copyOf(place, root);
    const result = await runCommand({ ...place.sandbox, writable }, command, options);
    const last = result.output.trim().split('\n').at(-1)?.trim() ?? '';
    const said = last === '' ? '' : `: ${shorten(last, 200)}`;
    if (result.exitCode === null) throw failed(`was stopped after ${options.timeout} seconds (step_timeout)`);
    if (notRun.includes(result.exitCode)) throw failed(`could not be run, exit code ${result.exitCode}${said}`);
    const number = /^(?:[01]|0?\.\d+|1\.0+)$/.test(last) ? Number(last) : undefined;
    const score = result.exitCode === 0 ? (number ?? 1) : 0;
    return { score, detail: `exit code ${result.exitCode}${said}` };
  } finally {
    await removeTree(root);
  }
};

const failed = (what: string): EnvironmentError => new EnvironmentError('fatal', `The verify command ${what}.`);

/** The folders of the place again, owned as they are, and an empty one in place of the shell's state. */
const copyOf = async (place: Place, root: string): Promise<Record<string, string>> => {
  await mkdir(root);
  const copies: Record<string, string> = {};
  for (const [inside, outside] of Object.entries(place.sandbox.writable)) {
    const copy = join(root, inside.replaceAll('/', '-'));
    copies[inside] = copy;
    if (inside === '/run/state') {
      await mkdir(copy);
      if (isRoot()) await run('chown', [`${place.sandbox.user}:${place.sandbox.user}`, copy]);
    } else {
      await run('cp', ['-a', '--reflink=auto', '--', outside, copy]).catch((cause: unknown) => {
        throw new EnvironmentError('fatal', `The place could not be copied to be verified: ${String(cause)}`, {
          cause,
        });
      });
    }
  }
  return copies;
};
