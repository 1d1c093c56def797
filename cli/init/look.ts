/** What lies around where `lbi init` is called: read, never run. */
import { glob, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Docs, ProviderChoice } from './choices.ts';

export interface Found {
  /** A folder or file of documentation here. */
  docs?: Docs;
  /** The npm package here that brings commands, `name@version`. */
  command?: string;
  /** How the web application here is started. */
  start?: string;
  /** Models that Ollama has pulled; empty when it does not answer. */
  ollama: string[];
  /** Providers whose key is set, with the name of the variable. */
  keys: { provider: ProviderChoice; variable: string }[];
}

/** Endings of texts that sources read. */
const readable = ['md', 'mdx', 'markdown', 'tid', 'rst', 'adoc', 'txt', 'html', 'htm', 'pdf'];

const variables: [ProviderChoice, string][] = [
  ['anthropic', 'ANTHROPIC_API_KEY'],
  ['google', 'GEMINI_API_KEY'],
  ['google', 'GOOGLE_API_KEY'],
  ['openai', 'OPENAI_API_KEY'],
];

/** The variable that holds a provider's key here, else the usual one; undefined for providers without a key. */
export const keyVariable = (provider: ProviderChoice, found: Found): string | undefined =>
  found.keys.find((key) => key.provider === provider)?.variable ?? variables.find(([name]) => name === provider)?.[1];

/** The endings of the documents below a folder, the most frequent first. */
export const endingsIn = async (folder: string): Promise<string[]> => {
  const counts = new Map<string, number>();
  const exclude = (path: string): boolean => /(^|\/)(node_modules|\.git|\.lbi)$/.test(path);
  let looked = 0;
  for await (const path of glob(`**/*.{${readable.join(',')}}`, { cwd: folder, exclude })) {
    const ending = path.slice(path.lastIndexOf('.') + 1);
    counts.set(ending, (counts.get(ending) ?? 0) + 1);
    looked += 1;
    if (looked >= 5000) break;
  }
  return [...counts].toSorted(([, one], [, other]) => other - one).map(([ending]) => ending);
};

const docsHere = async (folder: string): Promise<Docs | undefined> => {
  for (const name of ['docs', 'doc', 'documentation', 'website/docs', 'manual']) {
    const path = join(folder, name);
    const is = await stat(path).catch(() => undefined);
    if (is?.isDirectory() === true && (await endingsIn(path)).length > 0) return { kind: 'path', path };
  }
  const readme = join(folder, 'README.md');
  return (await stat(readme).catch(() => undefined))?.isFile() === true ? { kind: 'path', path: readme } : undefined;
};

interface Manifest {
  name?: unknown;
  version?: unknown;
  private?: unknown;
  bin?: unknown;
  scripts?: unknown;
  dependencies?: unknown;
  devDependencies?: unknown;
}

/** Packages that only a web application depends on. */
const web =
  /^(express|fastify|koa|hono|next|nuxt|astro|vite|react-scripts|http-server|serve|@sveltejs\/kit|@remix-run\/.+|@angular\/cli)$/;

const manifestHere = async (folder: string): Promise<Manifest> => {
  try {
    const value: unknown = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
    return typeof value === 'object' && value !== null ? (value as Manifest) : {};
  } catch {
    return {};
  }
};

const packageHere = ({ name, version, bin, private: own }: Manifest): string | undefined =>
  bin !== undefined && own !== true && typeof name === 'string' && typeof version === 'string'
    ? `${name}@${version}`
    : undefined;

const startHere = (manifest: Manifest): string | undefined => {
  const [scripts, dependencies, devDependencies] = [
    manifest.scripts,
    manifest.dependencies,
    manifest.devDependencies,
  ].map((value) => Object(value) as Record<string, unknown>);
  const script = ['start', 'dev', 'serve'].find((name) => typeof scripts?.[name] === 'string');
  const isWeb = Object.keys({ ...dependencies, ...devDependencies }).some((name) => web.test(name));
  return script === undefined || !isWeb ? undefined : script === 'start' ? 'npm start' : `npm run ${script}`;
};

/** Where this machine's Ollama listens: `OLLAMA_HOST` as Ollama itself reads it, else the usual address. */
export const ollamaAddress = (environment: Record<string, string | undefined> = process.env): string => {
  const host = environment.OLLAMA_HOST ?? '';
  const address = /^https?:\/\//.test(host) ? host : `http://${host === '' ? '127.0.0.1' : host}`;
  if (!URL.canParse(address)) return 'http://127.0.0.1:11434';
  const url = new URL(address);
  if (url.hostname === '0.0.0.0') url.hostname = '127.0.0.1';
  if (url.port === '' && !/:\d+/.test(host)) url.port = '11434';
  return url.origin;
};

/** Chat models that Ollama has pulled. */
const ollamaModels = async (environment: Record<string, string | undefined>): Promise<string[]> => {
  try {
    const reply = await fetch(`${ollamaAddress(environment)}/api/tags`, { signal: AbortSignal.timeout(500) });
    const { models } = (await reply.json()) as { models?: { name?: unknown }[] };
    const names = (models ?? []).flatMap(({ name }) => (typeof name === 'string' ? [name] : []));
    return names.filter((name) => !/embed|minilm|bge/i.test(name));
  } catch {
    return [];
  }
};

/** Looks at a folder, the environment's variables and this machine's Ollama. */
export const look = async (folder: string, environment: Record<string, string | undefined>): Promise<Found> => {
  const [docs, manifest, ollama] = await Promise.all([
    docsHere(folder),
    manifestHere(folder),
    ollamaModels(environment),
  ]);
  const command = packageHere(manifest);
  const start = startHere(manifest);
  return {
    ...(docs === undefined ? {} : { docs }),
    ...(command === undefined ? {} : { command }),
    ...(start === undefined ? {} : { start }),
    ollama,
    keys: variables
      .filter(([, variable]) => (environment[variable] ?? '') !== '')
      .map(([provider, variable]) => ({ provider, variable })),
  };
};
