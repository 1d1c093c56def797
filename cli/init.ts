/** `lbi init`: a folder with a commented pipeline made from what is here, its schema for the editor, and what git should leave out. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { program } from './home.ts';
import { type Asker, askFlags, terminal } from './init/ask.ts';
import { type Choices, choose, type InitFlags } from './init/choices.ts';
import { alreadyThere, companions, secretsIn, writeFiles } from './init/folder.ts';
import { look } from './init/look.ts';
import { copyOf, findShipped, shippedFolder } from './init/shipped.ts';
import { sourceOf } from './init/source-part.ts';
import { pipelineText } from './init/text.ts';
import { WrongCall } from './wrong-call.ts';

export interface InitOptions extends InitFlags {
  /** The name of a shipped pipeline to copy; true when it was left out. */
  from?: string | true;
  /** Take what was found, ask nothing. */
  yes?: boolean;
  json?: boolean;
}

/** Who asks where a person can answer; undefined everywhere else. */
type Asking = (options: InitOptions) => Promise<Asker | undefined>;

const inTerminal: Asking = async ({ yes, json }) =>
  yes === true || json === true || process.stdin.isTTY !== true || process.stderr.isTTY !== true
    ? undefined
    : terminal();

/** Exit codes: 0 written, 2 a flag that makes no sense or a pipeline that is already there (nothing is written then), 4 left. */
export const initCommand = async (folder = '.', options: InitOptions = {}, asking = inTerminal): Promise<number> => {
  const pipeline = join(folder, 'pipeline.yaml');
  if (options.from === undefined && existsSync(pipeline)) throw there(pipeline);
  const made =
    options.from === undefined ? await fromChoices(folder, options, asking) : await fromShipped(options.from);
  if (made === undefined) {
    process.stderr.write('nothing was written\n');
    return 4;
  }
  if (existsSync(pipeline)) throw there(pipeline);
  const kept = alreadyThere(folder, Object.keys(made.files));
  const fresh = Object.fromEntries(Object.entries(made.files).filter(([name]) => !kept.includes(name)));
  const written = await writeFiles(folder, {
    'pipeline.yaml': made.text,
    ...fresh,
    ...(await companions(folder, made.text)),
  });
  if (options.json === true)
    process.stdout.write(
      `${JSON.stringify({ schema: 'lbi.init/1', data: { choices: made.choices, written, kept }, warnings: [] })}\n`,
    );
  else
    process.stdout.write(
      [
        ...made.says,
        ...written.map((path) => `wrote ${path}`),
        ...kept.map((name) => `kept ${join(folder, name)}`),
        '',
      ].join('\n'),
    );
  process.stderr.write(nextCommands(folder, made.text));
  return 0;
};

const there = (pipeline: string): WrongCall =>
  new WrongCall(`${pipeline} is already there; name another folder: ${program} init my-pipeline`);

interface Made {
  text: string;
  files: Record<string, string | Uint8Array>;
  choices: Choices | { from: string };
  /** What was decided, in words. */
  says: string[];
}

const fromChoices = async (folder: string, options: InitOptions, asking: Asking): Promise<Made | undefined> => {
  const found = await look('.', process.env);
  const asker = await asking(options);
  const flags = asker === undefined ? options : await askFlags(asker, folder, options, found);
  if (flags === undefined) return undefined;
  const choices = choose(folder, flags, found);
  const source = await sourceOf(choices, folder);
  const scripted = choices.writer === 'scripted' || choices.judge === 'scripted';
  const replies = scripted ? { 'replies.yaml': await repliesFor(choices) } : {};
  return {
    text: pipelineText(choices, found, source),
    files: { ...source.files, ...replies },
    choices,
    says: [decided(choices)],
  };
};

/** Rules for the scripted model that suit the place. */
const repliesFor = ({ place }: Choices): Promise<string> =>
  readFile(join(shippedFolder(), 'init', `replies-${place}.yaml`), 'utf8');

const decided = ({ docs, place, app, url, writer, judge }: Choices): string => {
  const from = docs.kind === 'path' ? docs.path : 'url' in docs ? docs.url : docs.kind;
  return `documents: ${from}; ${place}${app === undefined ? '' : ` with ${app}`}${url === undefined ? '' : ` on ${url}`}; models: ${writer}${judge === writer ? '' : `, judged by ${judge}`}`;
};

const fromShipped = async (name: string | true): Promise<Made> => {
  const shipped = await findShipped(name);
  return { ...(await copyOf(shipped)), choices: { from: shipped.name }, says: [`a copy of ${shipped.name}`] };
};

const nextCommands = (folder: string, pipeline: string): string => {
  const enter = relative('.', folder) === '' ? [] : [`cd ${folder}`];
  // A program called by a relative path is elsewhere once the folder is entered.
  const lbi = enter.length > 0 && /^\.{1,2}\//.test(program) ? relative(resolve(folder), resolve(program)) : program;
  const unset = secretsIn(pipeline).filter((secret) => (process.env[secret] ?? '') === '');
  const keys = unset.map((secret) => `echo ${secret}=… >> .env`);
  const commands = [
    ...[...enter, ...keys, `${lbi} doctor pipeline.yaml`, `${lbi} preview pipeline.yaml`],
    `${lbi} run pipeline.yaml`,
  ];
  return `\nNext:\n${commands.map((command) => `  ${command}`).join('\n')}\n`;
};
