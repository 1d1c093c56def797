/** The folders of one shell session on the host, and how they appear in its sandbox. */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { chmod, cp, mkdir, open, realpath, rm, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, normalize, sep } from 'node:path';
import { promisify } from 'node:util';
import { EnvironmentError } from '../../core/errors.ts';
import type { ShellSpec } from '../../schemas/pipeline/environment.ts';
import type { SessionContext } from '../environment.ts';
import { isRoot, type Sandbox } from './sandbox.ts';
import { startVariables, writeReadable, writeSettings } from './settings.ts';
import { bringTools } from './tools.ts';

const run = promisify(execFile);

/** Largest file of variables that is read back. */
const MAX_STATE = 256 * 1024;

export interface Place {
  work: string;
  home: string;
  sandbox: Sandbox;
  /** The folder and the exported variables that the last command left, as the sandbox wrote them. */
  readState(): Promise<{ folder: string; variables: string }>;
  /** Puts a state back, after a command that was killed half way. */
  writeState(state: { folder: string; variables: string }): Promise<void>;
}

const rootOf = (context: SessionContext): string => join(context.workdir, 'shell');

/** Removes all that `createPlace` made. */
export const removePlace = (context: SessionContext): Promise<void> => removeTree(rootOf(context));

/** Makes the folders afresh below the session's own folder and fills them as the pipeline says. `user` is the id inside. */
export const createPlace = async (spec: ShellSpec, context: SessionContext, user: number): Promise<Place> => {
  const root = rootOf(context);
  await removeTree(root);
  const work = join(root, 'work');
  const home = join(root, 'home');
  const tmp = join(root, 'tmp');
  const state = join(root, 'state');
  for (const folder of [work, home, tmp, state]) await mkdir(folder, { recursive: true });
  if (spec.copy !== undefined) await copyFolder(context.file(spec.copy), work, spec.copy);
  for (const [path, content] of Object.entries(spec.files ?? {})) await writeInside(work, path, content);
  const readable = { ...(await writeSettings(root, user)), ...(await bringTools(root, spec, context)) };
  if (isRoot()) await run('chown', ['-hR', `${user}:${user}`, work, home, tmp, state]);
  const folderFile = join(state, 'folder');
  const variablesFile = join(state, 'variables');
  return {
    work,
    home,
    sandbox: {
      user,
      readable,
      writable: { '/work': work, '/home/user': home, '/tmp': tmp, '/run/state': state },
      variables: startVariables(spec.variables),
    },
    readState: async () => ({
      folder: (await readSmall(folderFile)) || '/work',
      variables: await readSmall(variablesFile),
    }),
    writeState: async (last) => {
      await chmod(state, 0o700);
      await removeTree(folderFile);
      await removeTree(variablesFile);
      await writeReadable(folderFile, last.folder);
      if (last.variables !== '') await writeReadable(variablesFile, last.variables);
      if (isRoot()) await run('chown', ['-hR', `${user}:${user}`, state]);
    },
  };
};

const copyFolder = async (source: string, work: string, name: string): Promise<void> => {
  try {
    await cp(source, work, { recursive: true, verbatimSymlinks: true });
  } catch (cause) {
    throw new EnvironmentError(
      'spec',
      `The folder to copy, "${name}" (${source}), could not be copied: ${String(cause)}.`,
      {
        cause,
      },
    );
  }
};

/** Writes one of the pipeline's files; refuses every path that leaves the folder, also through a link that was copied into it. */
const writeInside = async (work: string, path: string, content: string): Promise<void> => {
  const target = normalize(join(work, path));
  const refuse = () =>
    new EnvironmentError(
      'spec',
      `The file "${path}" of the shell environment is not below its folder. Use a relative path.`,
    );
  if (isAbsolute(path) || !target.startsWith(`${work}${sep}`)) throw refuse();
  await mkdir(dirname(target), { recursive: true });
  const parent = await realpath(dirname(target));
  if (parent !== (await realpath(work)) && !parent.startsWith(`${await realpath(work)}${sep}`)) throw refuse();
  await rm(target, { force: true, recursive: true });
  await writeFile(target, content, { flag: 'wx' });
};

/** A small file that the sandbox may have replaced by anything: read without following links; empty when it is no such file. */
const readSmall = async (path: string): Promise<string> => {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    () => undefined,
  );
  if (file === undefined) return '';
  try {
    const stats = await file.stat();
    return stats.isFile() && stats.size <= MAX_STATE ? await file.readFile('utf8') : '';
  } finally {
    await file.close();
  }
};

/** Removes a folder also where commands took away permissions or nested deeper than a path can say. */
export const removeTree = async (root: string): Promise<void> => {
  try {
    await rm(root, { recursive: true, force: true });
  } catch {
    await run('chmod', ['-R', 'u+rwx', '--', root]).catch(() => {});
    await run('rm', ['-rf', '--', root]);
  }
};
