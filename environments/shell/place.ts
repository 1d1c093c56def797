/** The folders of one shell session on the host, and how they appear in its sandbox. */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, chmod, cp, lstat, mkdir, open, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, normalize, sep } from 'node:path';
import { promisify } from 'node:util';
import { EnvironmentError } from '../../core/errors.ts';
import type { ShellSpec } from '../../schemas/pipeline/environment.ts';
import type { SessionContext } from '../environment.ts';
import { isRoot, type Sandbox } from './sandbox.ts';

const run = promisify(execFile);

/** Sourced before every command (as BASH_ENV): limits, then the folder and variables that the last command left. */
const START = `unset BASH_ENV
ulimit -c 0 -n 1024 -u 512 -f 524288 -d 2097152
echo 1000 2>/dev/null >/proc/self/oom_score_adj
if [ -r /run/state/variables ]; then . /run/state/variables; fi 2>/dev/null
__last=$OLDPWD
if [ -r /run/state/folder ]; then cd -- "$(</run/state/folder)" 2>/dev/null || cd /work; fi
if [ -n "$__last" ]; then OLDPWD=$__last; else unset OLDPWD; export OLDPWD; fi
unset __last
trap '{ printf %s "$PWD" >/run/state/folder; export -p >/run/state/variables; } 2>/dev/null' EXIT
`;

/** npm finds no registry here and must not look for one; a user's own settings still come first. */
const NPM_SETTINGS = `offline=true
audit=false
fund=false
update-notifier=false
logs-max=0
prefix=/home/user/.local
`;

const SETTINGS: Record<string, string> = {
  'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files\n',
  hosts: '127.0.0.1 localhost sandbox\n',
  gitconfig:
    '[user]\n\tname = User\n\temail = user@localhost\n[init]\n\tdefaultBranch = main\n[safe]\n\tdirectory = *\n',
};

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
  const [work, home, tmp, state] = ['work', 'home', 'tmp', 'state'].map((name) => join(root, name)) as [
    string,
    string,
    string,
    string,
  ];
  for (const folder of [work, home, tmp, state]) await mkdir(folder, { recursive: true });
  if (spec.copy !== undefined) await copyFolder(context.file(spec.copy), work, spec.copy);
  for (const [path, content] of Object.entries(spec.files ?? {})) await writeInside(work, path, content);
  const readable = { ...(await writeSettings(root, user)), ...(await toolchain(root, spec, context)) };
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
      variables: variables(spec),
    },
    readState: async () => ({
      folder: (await readSmall(folderFile)) || '/work',
      variables: await readSmall(variablesFile),
    }),
    writeState: async (last) => {
      await rm(folderFile, { force: true, recursive: true });
      await rm(variablesFile, { force: true, recursive: true });
      await writeReadable(folderFile, last.folder);
      if (last.variables !== '') await writeReadable(variablesFile, last.variables);
      if (isRoot()) await run('chown', ['-hR', `${user}:${user}`, state]);
    },
  };
};

const variables = (spec: ShellSpec): Record<string, string> => ({
  BASH_ENV: '/run/start',
  HOME: '/home/user',
  LANG: 'C.UTF-8',
  MANPAGER: 'cat',
  PAGER: 'cat',
  PATH: '/opt/bin:/opt/node/bin:/home/user/.local/bin:/usr/local/bin:/usr/bin:/bin',
  SHELL: '/bin/bash',
  TERM: 'dumb',
  USER: 'user',
  ...spec.variables,
});

const writeReadable = async (path: string, content: string): Promise<void> => {
  await writeFile(path, content);
  await chmod(path, 0o644);
};

/** `/etc` of the sandbox, where it is ours, and the script that starts every command. */
const writeSettings = async (root: string, user: number): Promise<Record<string, string>> => {
  const folder = join(root, 'etc');
  await mkdir(folder, { recursive: true });
  const files: Record<string, string> = {
    ...SETTINGS,
    passwd: `root:x:0:0:root:/root:/bin/bash\nuser:x:${user}:${user}::/home/user:/bin/bash\n`,
    group: `root:x:0:\nuser:x:${user}:\n`,
  };
  const places: Record<string, string> = {};
  for (const [name, content] of Object.entries(files)) {
    await writeReadable(join(folder, name), content);
    places[`/etc/${name}`] = join(folder, name);
  }
  await writeReadable(join(root, 'start'), START);
  return { ...places, '/run/start': join(root, 'start') };
};

/** Node itself and the commands of npm packages, all below /opt. */
const toolchain = async (root: string, spec: ShellSpec, context: SessionContext): Promise<Record<string, string>> => {
  const bin = join(root, 'bin');
  const settings = join(root, 'npmrc');
  await mkdir(bin, { recursive: true });
  await chmod(bin, 0o755);
  await writeReadable(settings, NPM_SETTINGS);
  const node = await realpath(process.execPath);
  const places: Record<string, string> = {
    '/opt/node/bin/node': node,
    '/opt/node/etc/npmrc': settings,
    '/opt/bin': bin,
  };
  const folders = await Promise.all((spec.packages ?? []).map((name) => context.packageFolder(name)));
  const own = join(dirname(node), '..', 'lib', 'node_modules', 'npm');
  if (await exists(join(own, 'package.json'))) folders.push(await realpath(own));
  for (const [index, folder] of folders.entries()) {
    // The package needs the packages beside it, so the whole node_modules folder comes along.
    const at = `${folder}${sep}`.lastIndexOf(`${sep}node_modules${sep}`);
    const outside = at < 0 ? folder : folder.slice(0, at + `${sep}node_modules`.length);
    const inside = at < 0 ? `/opt/packages/${index}` : `/opt/packages/${index}/node_modules`;
    places[inside] = outside;
    await linkCommands(bin, folder, `${inside}${folder.slice(outside.length)}`);
  }
  return places;
};

/** Links the commands of a package by the path they have inside; the first package that brings a name keeps it. */
const linkCommands = async (bin: string, folder: string, inside: string): Promise<void> => {
  const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as {
    name?: string;
    bin?: string | Record<string, string>;
  };
  const commands =
    typeof manifest.bin === 'string' ? { [basename(manifest.name ?? folder)]: manifest.bin } : manifest.bin;
  for (const [name, path] of Object.entries(commands ?? {})) {
    const link = join(bin, basename(name));
    if (await exists(link)) continue;
    const target = join(inside, path);
    const executable = await access(join(folder, path), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (executable) await symlink(target, link);
    else {
      await writeFile(link, `#!/bin/sh\nexec node '${target}' "$@"\n`);
      await chmod(link, 0o755);
    }
  }
};

const exists = async (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

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
const removeTree = async (root: string): Promise<void> => {
  try {
    await rm(root, { recursive: true, force: true });
  } catch {
    await run('chmod', ['-R', 'u+rwx', '--', root]).catch(() => {});
    await run('rm', ['-rf', '--', root]);
  }
};
