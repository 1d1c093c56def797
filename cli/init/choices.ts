/** What `lbi init` has to know before it can write a pipeline, and how flags and what was found decide it. */
import { basename, resolve } from 'node:path';
import { meant } from '../../core/spec/suggest.ts';
import { WrongCall } from '../wrong-call.ts';
import type { Found } from './look.ts';

export const providers = ['anthropic', 'google', 'openai', 'ollama', 'local', 'scripted'] as const;
export type ProviderChoice = (typeof providers)[number];

export const places = ['shell', 'browser', 'scripted'] as const;
export type PlaceChoice = (typeof places)[number];

/** Where the documents come from. `sample` is npm's or TiddlyWiki's own manual, whichever suits the place. */
export type Docs =
  | { kind: 'path'; path: string }
  | { kind: 'site'; url: string }
  | { kind: 'git'; url: string; ref?: string; folder?: string }
  | { kind: 'none' }
  | { kind: 'sample' };

export interface Choices {
  name: string;
  docs: Docs;
  place: PlaceChoice;
  /** An npm package (shell), or the command that starts a web application (browser). */
  app?: string | undefined;
  /** First page of a site that is running already. */
  url?: string | undefined;
  writer: ProviderChoice;
  judge: ProviderChoice;
}

/** The flags of `lbi init`, as typed. */
export interface InitFlags {
  docs?: string;
  environment?: string;
  app?: string;
  url?: string;
  provider?: string;
  judge?: string;
  name?: string;
}

/** One of the words, or a wrong call that lists them. */
const oneOf = <T extends string>(flag: string, given: string | undefined, words: readonly T[]): T | undefined => {
  if (given === undefined) return undefined;
  const exact = words.find((word) => word === given);
  if (exact !== undefined) return exact;
  const near = meant(given, words);
  throw new WrongCall(
    `${flag} ${given}: expected ${words.join(', ')}${near === undefined ? '' : `; did you mean ${near}?`}`,
  );
};

/** `none`, a git address, a web address, or a path. */
export const docsFrom = (text: string): Docs => {
  if (text === 'none') return { kind: 'none' };
  if (text === 'sample') return { kind: 'sample' };
  const repository = /^(git@|git\+|git:|ssh:)|\.git\/?$|^https?:\/\/(github|gitlab)\.com\/[^/]+\/[^/]+\/?$/;
  const inside = /^(https?:\/\/(?:github|gitlab)\.com\/[^/]+\/[^/]+)\/(?:-\/)?tree\/([^/]+)\/?(.*?)\/?$/.exec(text);
  if (inside !== null) return { kind: 'git', url: inside[1] ?? '', ref: inside[2] ?? '', folder: inside[3] ?? '' };
  if (repository.test(text)) return { kind: 'git', url: text.replace(/^git\+/, '') };
  if (/^https?:\/\//.test(text)) return { kind: 'site', url: webAddress('--docs', text) };
  return { kind: 'path', path: text };
};

export const webAddress = (flag: string, text: string): string => {
  if (/^https?:\/\/[^\s/]/.test(text) && URL.canParse(text)) return text;
  throw new WrongCall(`${flag} ${text}: expected a web address that begins with http:// or https://`);
};

/** A name that a pipeline may have, made of any text. */
export const nameFrom = (text: string): string => {
  const plain = text
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+/g, '')
    .slice(0, 40)
    .replaceAll(/-+$/g, '');
  return plain === '' ? 'my-pipeline' : plain;
};

const checkedName = (name: string): string => {
  if (/^[a-z0-9][a-z0-9-]{0,39}$/.test(name)) return name;
  throw new WrongCall(
    `--name ${name}: expected small letters, digits and -, at most 40; for instance ${nameFrom(name)}`,
  );
};

/** A command has arguments; a package is one word. */
const isCommand = (app: string): boolean => /[\s$]/.test(app);

const placeFor = (flags: InitFlags, found: Found): PlaceChoice => {
  const said = oneOf('--environment', flags.environment, places);
  if (said !== undefined) return said;
  if (flags.url !== undefined) return 'browser';
  if (flags.app !== undefined) return isCommand(flags.app) || /^tiddlywiki\b/.test(flags.app) ? 'browser' : 'shell';
  return found.command === undefined && found.start !== undefined ? 'browser' : 'shell';
};

const writerFor = (found: Found): ProviderChoice =>
  found.keys.length > 0 ? (found.keys[0]?.provider ?? 'local') : found.ollama.length > 0 ? 'ollama' : 'local';

/** Another family than the writer's where one is at hand. */
const judgeFor = (writer: ProviderChoice, found: Found): ProviderChoice =>
  writer === 'local' || writer === 'scripted'
    ? writer
    : (found.keys.find(({ provider }) => provider !== writer)?.provider ?? writer);

/** Flags first, then what was found, then what needs nothing. Throws WrongCall for a flag that makes no sense. */
export const choose = (folder: string, flags: InitFlags, found: Found): Choices => {
  const place = placeFor(flags, found);
  const url = flags.url === undefined ? undefined : webAddress('--url', flags.url);
  if (place !== 'browser' && url !== undefined)
    throw new WrongCall(`--url is the first page of a browser; the environment here is ${place}`);
  if (place === 'scripted' && flags.app !== undefined)
    throw new WrongCall('--app: the scripted environment is a board of lamps and starts no application');
  if (url !== undefined && flags.app !== undefined)
    throw new WrongCall('--app and --url exclude each other: either lbi starts the application, or it runs already');
  if (place === 'shell' && flags.app !== undefined && isCommand(flags.app))
    throw new WrongCall(`--app "${flags.app}": in a shell it is an npm package whose commands the agent may use`);
  const proposed =
    place === 'shell' ? found.command : place === 'browser' && url === undefined ? found.start : undefined;
  const app = flags.app ?? proposed;
  const writer =
    oneOf('--provider', flags.provider, providers) ?? (place === 'scripted' ? 'scripted' : writerFor(found));
  return {
    name: flags.name === undefined ? nameFrom(basename(resolve(folder))) : checkedName(flags.name),
    docs:
      flags.docs === undefined
        ? (found.docs ?? { kind: place === 'scripted' ? 'none' : 'sample' })
        : docsFrom(flags.docs),
    place,
    ...(app === undefined ? {} : { app }),
    ...(url === undefined ? {} : { url }),
    writer,
    judge: oneOf('--judge', flags.judge, providers) ?? judgeFor(writer, found),
  };
};
