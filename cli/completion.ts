/** `lbi completion` and the questions that a shell asks while one types: commands, flags, files, runs, tasks, stages, keys. */
import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import tab from '@bomb.sh/tab/commander';
import type { Command } from 'commander';

/** What can stand in a place: the value, and what it is. */
type Offer = [value: string, says: string];

/** Offers for arguments and options, by their name in the help: `<run>`, `--profile`. */
type Offers = Record<string, () => Promise<Offer[]>>;

/** YAML files and folders below the folder that is being typed. */
const files = (typed: string): Offer[] => {
  const folder = typed.includes('/') ? (typed.endsWith('/') ? typed : `${dirname(typed)}/`) : '';
  try {
    return readdirSync(folder === '' ? '.' : folder, { withFileTypes: true }).flatMap((entry): Offer[] => {
      if (entry.name.startsWith('.') || entry.name === 'node_modules') return [];
      const path = `${folder}${entry.name}`;
      if (entry.isDirectory()) return [[`${path}/`, 'folder']];
      return /\.ya?ml$/.test(entry.name) ? [[path, 'file']] : [];
    });
  } catch {
    return [];
  }
};

const runs = async (): Promise<Offer[]> => {
  const [{ storeUrl }, { openStore }, { listRuns }] = await Promise.all([
    import('./home.ts'),
    import('../store/stores.ts'),
    import('./runs.ts'),
  ]);
  const records = await listRuns(await openStore(storeUrl(), { readOnly: true }));
  const names = records
    .slice(0, 30)
    .map(({ run, pipeline, createdAt }): Offer => [run, `${pipeline}, ${createdAt.slice(0, 16)}`]);
  return names.length === 0 ? [] : [['@last', names[0]?.[1] ?? ''], ...names];
};

/** The tasks of the run that was typed before. */
const tasks = async (run: string | undefined): Promise<Offer[]> => {
  if (run === undefined) return [];
  const [{ storeUrl }, { openStore }, { findRun }, { sealedEpisodes }] = await Promise.all([
    import('./home.ts'),
    import('../store/stores.ts'),
    import('./runs.ts'),
    import('../activities/record.ts'),
  ]);
  const store = await openStore(storeUrl(), { readOnly: true });
  const record = await findRun(store, run);
  const pages = (await store.list(`runs/${record.run}/episodes/`)).length;
  const found: Offer[] = [];
  for await (const { id, title } of sealedEpisodes({ store }, record.run, pages))
    if (found.length < 200) found.push([id, title]);
  return found;
};

/** The profiles of the pipeline file among the words. */
const profiles = async (words: string[]): Promise<Offer[]> => {
  const file = words.find((word) => /\.ya?ml$/.test(word));
  if (file === undefined) return [];
  const { parse } = await import('yaml');
  const { profiles: named }: { profiles?: unknown } = Object(parse(await readFile(file, 'utf8')));
  return Object.keys(Object(named)).map((name): Offer => [name, `profile of ${file}`]);
};

const keys = async (): Promise<Offer[]> => {
  const { allKeys } = await import('../core/spec/keys.ts');
  const { codes } = await import('../core/spec/codes.ts');
  const problems = Object.entries(codes).map(([code, { title }]): Offer => [code, title]);
  return [
    ...problems,
    ...new Map(allKeys().map(({ path, schema }): Offer => [path.replace(/^stages\./, ''), schema.description ?? ''])),
  ];
};

const classes = async (): Promise<Offer[]> => {
  const { failureClasses } = await import('../core/failure-class.ts');
  return Object.entries(failureClasses);
};

const prompts = async (): Promise<Offer[]> => {
  const { promptNames } = await import('./prompts.ts');
  return promptNames.map((name): Offer => [name, 'prompt']);
};

const shipped = async (): Promise<Offer[]> => {
  const { shippedPipelines } = await import('./init/shipped.ts');
  return (await shippedPipelines()).map(({ name, says }): Offer => [name, says]);
};

const words = (list: readonly string[]): Offer[] => list.map((word) => [word, '']);

const choices = async (name: 'providers' | 'places'): Promise<Offer[]> =>
  words((await import('./init/choices.ts'))[name]);

/** By command, then by argument or option. */
const offersFor = (command: string, typed: string[]): Offers => {
  const last = typed.at(-1) ?? '';
  const file = async (): Promise<Offer[]> => files(last);
  const [run] = typed.slice(1).filter((word) => !word.startsWith('-'));
  const common: Offers = {
    file,
    files: file,
    run: runs,
    '--profile': () => profiles(typed),
    '--pipeline': file,
    '--against': runs,
  };
  const own: Record<string, Offers> = {
    init: {
      '--from': shipped,
      '--provider': () => choices('providers'),
      '--judge': () => choices('providers'),
      '--environment': () => choices('places'),
    },
    explain: { what: keys },
    show: { task: () => tasks(run) },
    failures: { '--class': classes },
    retry: { '--class': classes },
    'prompt show': { stage: prompts, '--from': runs, '--style': async () => words(['new-task', 'replicate']) },
    'prompt copy': { stage: prompts, '--style': async () => words(['new-task', 'replicate']) },
  };
  return { ...common, ...own[command] };
};

/** What the shell asks for must be there before the words are looked at: the library's answers are given at once. */
const prepared = async (work: () => Promise<Offer[]>): Promise<Offer[]> => work().catch(() => []);

/**
 * Adds `completion SHELL` and the hidden `complete -- WORDS…` to the program. Only what the command of the words can use is read.
 * @param typed the words after `complete --`
 */
export async function addCompletion(program: Command, typed: string[]): Promise<void> {
  // Called as ./lbi or npx lbi, it is the word that a person types which is completed.
  const called = program.name();
  program.name(called.split(/[\s/]/).at(-1) ?? 'lbi');
  const root = tab(program, { completionCommandName: 'completion' });
  program.name(called);
  const two = typed.slice(0, 2).join(' ');
  const name = root.commands.has(two) ? two : (typed[0] ?? '');
  const command = root.commands.get(name);
  if (command === undefined || typed.length < 2) return;
  const offers = offersFor(name, typed);
  const before = typed.at(-2) ?? '';
  const option =
    before.startsWith('--') && !before.includes('=') ? before : (/^(--[a-z-]+)=/.exec(typed.at(-1) ?? '')?.[1] ?? '');
  for (const [place, argument] of command.arguments) {
    const offer = offers[place.replaceAll(/[<>[\].]/g, '')];
    if (offer === undefined || Object.hasOwn(offers, option)) continue;
    const found = await prepared(offer);
    argument.handler = (complete) => {
      for (const [value, says] of found) complete(value, says.slice(0, 60));
    };
  }
  const asked = command.options.get(option.slice(2));
  const offer = offers[option];
  if (asked === undefined || offer === undefined) return;
  const found = await prepared(offer);
  asked.handler = (complete) => {
    for (const [value, says] of found) complete(value, says.slice(0, 60));
  };
}
