/** The programs that a shell session brings into its sandbox: Node and the commands of npm packages. */
import { constants } from 'node:fs';
import { access, chmod, lstat, mkdir, readFile, realpath, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import type { ShellSpec } from '../../schemas/pipeline/environment.ts';
import type { SessionContext } from '../environment.ts';
import { writeReadable } from './settings.ts';

/** npm finds no registry here and must not look for one; a user's own settings still come first. */
const NPM_SETTINGS = `offline=true
audit=false
fund=false
update-notifier=false
logs-max=0
prefix=/home/user/.local
`;

/**
 * Makes the links and settings below `root`; gives what is bound into the sandbox, all below /opt. `packages` of the pipeline
 * come first; an npm that was installed beside this Node serves where none of them brings one.
 */
export const bringTools = async (
  root: string,
  spec: ShellSpec,
  context: SessionContext,
): Promise<Record<string, string>> => {
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
