/** What the sandbox of a shell session finds as its settings: variables, `/etc`, and the script that starts every command. */
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EnvironmentError } from '../../core/errors.ts';

/** Sourced before every command (as BASH_ENV): limits, then the folder and variables that the last command left. */
const START = `unset BASH_ENV
umask 022
ulimit -c 0 -n 1024 -u 512 -f 524288 -d 2097152
echo 1000 2>/dev/null >/proc/self/oom_score_adj
if [ -r /run/state/variables ]; then . /run/state/variables; fi 2>/dev/null
__last=$OLDPWD
if [ -r /run/state/folder ]; then cd -- "$(</run/state/folder)" 2>/dev/null || cd /work; fi
if [ -n "$__last" ]; then OLDPWD=$__last; else unset OLDPWD; export OLDPWD; fi
unset __last
trap '{ printf %s "$PWD" >/run/state/folder; export -p >/run/state/variables; } 2>/dev/null' EXIT
`;

const SETTINGS: Record<string, string> = {
  'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files\n',
  hosts: '127.0.0.1 localhost sandbox\n',
  gitconfig:
    '[user]\n\tname = User\n\temail = user@localhost\n[init]\n\tdefaultBranch = main\n[safe]\n\tdirectory = *\n',
};

/** Variables of every command, below those of the pipeline. */
const VARIABLES: Record<string, string> = {
  HOME: '/home/user',
  LANG: 'C.UTF-8',
  MANPAGER: 'cat',
  PAGER: 'cat',
  PATH: '/opt/bin:/opt/node/bin:/home/user/.local/bin:/usr/local/bin:/usr/bin:/bin',
  SHELL: '/bin/bash',
  TERM: 'dumb',
  USER: 'user',
};

/** The variables every command starts with. Throws when a name of the pipeline cannot be one. */
export const startVariables = (own: Record<string, string> = {}): Record<string, string> => {
  const wrong = Object.keys(own).find((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
  if (wrong !== undefined)
    throw new EnvironmentError(
      'spec',
      `"${wrong}" cannot be the name of a variable of the shell: use letters, digits and underscores.`,
    );
  return { ...VARIABLES, ...own, BASH_ENV: '/run/start' };
};

/** Writes a file that the user of the sandbox may read, whatever the worker's umask. */
export const writeReadable = async (path: string, content: string): Promise<void> => {
  await writeFile(path, content);
  await chmod(path, 0o644);
};

/** Writes `/etc`, where it is ours, and the script that starts every command; gives what is bound into the sandbox. */
export const writeSettings = async (root: string, user: number): Promise<Record<string, string>> => {
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
