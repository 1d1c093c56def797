/** What the commands of a shell's packages say about themselves: `--help` of each, and of each command that it names below. */
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { EnvironmentError } from '../../core/errors.ts';
import type { Document } from '../../schemas/document.ts';
import type { ShellSpec } from '../../schemas/pipeline/environment.ts';
import type { SessionContext } from '../environment.ts';
import { createPlace, type Place, removePlace } from './place.ts';
import { isRoot, runCommand } from './sandbox.ts';

/** Seconds that one command may take to show its help. */
const HELP_TIMEOUT = 20;
/** Commands below one command that are asked. */
const MOST_BELOW = 150;
/** Longest help that is kept, in characters. */
const LONGEST = 200_000;

/** Everything is run in the sandbox of the environment itself; `source` is the package with its version. */
export async function* shellDocs(spec: ShellSpec, context: SessionContext): AsyncGenerator<Document> {
  const { files: _files, copy: _copy, setup: _setup, ...bare } = spec;
  const place = await createPlace(bare, context, isRoot() ? 62_000 : 1_000);
  try {
    const given = new Set<string>();
    for (const name of spec.packages ?? []) {
      const { source, commands } = await commandsOf(await context.packageFolder(name));
      for (const command of commands) {
        const help = await helpOf([command], place, context);
        if (help === undefined || given.has(help)) continue;
        given.add(help);
        yield page([command], help, source);
        for (const below of commandsIn(help).slice(0, MOST_BELOW)) {
          const more = await helpOf([command, below], place, context);
          if (more === undefined || given.has(more)) continue;
          given.add(more);
          yield page([command, below], more, source);
        }
      }
    }
    if (given.size === 0)
      throw new EnvironmentError(
        'spec',
        'No command of the packages of the shell environment shows a help. Name packages that bring commands, or take: observation.',
      );
  } finally {
    await removePlace(context);
  }
}

const page = (command: string[], help: string, source: string): Document => {
  const line = `${command.join(' ')} --help`;
  return { id: line, source, title: line, text: help };
};

const commandsOf = async (folder: string): Promise<{ source: string; commands: string[] }> => {
  const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as {
    name?: string;
    version?: string;
    bin?: string | Record<string, string>;
  };
  const name = manifest.name ?? basename(folder);
  const commands =
    typeof manifest.bin === 'string' ? [basename(name)] : Object.keys(manifest.bin ?? {}).map((path) => basename(path));
  return { source: `${name}@${manifest.version ?? 'unknown'}`, commands: commands.filter(isPlain) };
};

/** Names that need no quotes on a command line. */
const isPlain = (name: string): boolean => /^[A-Za-z0-9][\w.:-]{0,60}$/.test(name);

/** What a command prints when it is asked for help; undefined when it fails, prints nothing, or does not end. */
const helpOf = async (command: string[], place: Place, context: SessionContext): Promise<string | undefined> => {
  const options = { timeout: HELP_TIMEOUT, signal: context.signal };
  const result = await runCommand(place.sandbox, `cd /work && ${command.join(' ')} --help </dev/null`, options);
  const text = result.output.trim();
  // Some commands end their help with exit code 1, as if they had been called wrongly.
  const helps = result.exitCode === 0 ? text !== '' : result.exitCode === 1 && /^usage\b/im.test(text);
  return helps && text.length <= LONGEST ? `${text}\n` : undefined;
};

/** Names of commands in a help: indented before a description, or listed with commas below a line that speaks of commands. */
const commandsIn = (help: string): string[] => {
  const names: string[] = [];
  let listed = false;
  for (const line of help.split('\n').filter(({ length }) => length < 300)) {
    if (/^\S.*\bcommands?\b.*:\s*$/i.test(line)) listed = true;
    else if (/^\S/.test(line)) listed = false;
    if (!listed) continue;
    const described = /^\s{1,8}([\w.:-]+)(?:[ ,|][^ ].*?)?(?:\s{2,}\S.*)?$/.exec(line)?.[1];
    if (line.includes(',')) names.push(...line.split(',').map((name) => name.trim()));
    else if (described !== undefined) names.push(described);
  }
  return [...new Set(names)].filter((name) => isPlain(name) && !/^(?:help|completion)$/.test(name));
};
