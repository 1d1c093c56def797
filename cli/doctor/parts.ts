/** What some pipelines need: a browser with fonts, the sandbox, local models, Ollama, keys. */
import { readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { knownModels } from '../../models/weights.ts';
import { findBubblewrap, findChromium, installCommand } from '../../setup/browser.mjs';
import { sha256 } from '../../setup/download.mjs';
import { isHere, modelFiles } from '../../setup/models.mjs';
import { output } from '../../setup/places.mjs';
import { secretHere } from '../home.ts';
import { ollamaAddress } from '../init/look.ts';
import { type Check, check, found } from './check.ts';
import { bring } from './machine.ts';

export const allModels = knownModels.map(({ name }) => name);
const keyNames = ['ANTHROPIC_API_KEY', 'GEMINI_API_KEY', 'GOOGLE_API_KEY', 'OPENAI_API_KEY'];

export const chromium = () =>
  found('Chromium', async () => {
    const fix = installCommand(['chromium-headless-shell']);
    const path = await findChromium();
    if (path === undefined) return check('Chromium', false, 'not found', fix);
    const said = await output(path, ['--version'], { timeout: 20_000 }).catch((error: Error) => error);
    if (said instanceof Error) return check('Chromium', false, said.message, fix);
    return check('Chromium', true, `${/[\d.]{3,}/.exec(said)?.[0] ?? said.trim()}  ${path}`);
  });

const fontFolders = [
  '/usr/share/fonts',
  '/usr/local/share/fonts',
  join(homedir(), '.fonts'),
  join(homedir(), '.local/share/fonts'),
];

/** Without fonts a page has its text but its pictures show boxes, and widths are wrong. Other systems bring theirs. */
export async function fonts(): Promise<Check[]> {
  if (process.platform !== 'linux') return [];
  const files = await Promise.all(fontFolders.map((folder) => readdir(folder, { recursive: true }).catch(() => [])));
  const count = files.flat().filter((name) => /\.(ttf|otf|ttc|pfb)$/i.test(name)).length;
  const detail = count === 0 ? 'none are installed: screenshots would show boxes for letters' : `${count} font files`;
  return [check('fonts', count > 0, detail, installCommand(['fonts-dejavu-core']), false)];
}

export async function bubblewrap(): Promise<Check> {
  const path = findBubblewrap();
  if (path === undefined) return check('bubblewrap', false, 'not found', installCommand(['bubblewrap']));
  const sandbox = ['--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc', '--tmpfs', '/tmp', '--unshare-all'];
  const failed = await output(path, [...sandbox, '--die-with-parent', '/bin/sh', '-c', 'echo ok']).then(
    () => undefined,
    (error: Error) => error.message,
  );
  const fix =
    'allow user namespaces: sudo sysctl -w kernel.unprivileged_userns_clone=1 kernel.apparmor_restrict_unprivileged_userns=0';
  return check('bubblewrap', failed === undefined, failed ?? `makes sandboxes  ${path}`, fix);
}

/** Hashes what is there: a damaged file is worse than a missing one. */
export async function localModels(): Promise<Check> {
  const states = await Promise.all(
    (await modelFiles(allModels)).map(async (file) => {
      if (!(await isHere(file))) return { ...file, state: 'missing' };
      return { ...file, state: (await sha256(file.path)) === file.sha256 ? 'here' : 'damaged' };
    }),
  );
  const wrong = states.find(({ state }) => state === 'damaged') ?? states.find(({ state }) => state === 'missing');
  const titles = [...new Set(states.map(({ title }) => title))].join('; ');
  if (wrong === undefined) return check('local models', true, titles, undefined, false);
  const remove = wrong.state === 'damaged' ? `delete ${wrong.path}, then ` : '';
  return check('local models', false, `${wrong.title}: ${wrong.state}`, `${remove}${bring}   (1.6 GB)`, false);
}

/** The embedder that indexes and knowledge use. */
export async function embedder(): Promise<Check> {
  const files = (await modelFiles([])).filter(({ path }) => !path.endsWith('.gguf'));
  const missing = [];
  for (const file of files) if (!(await isHere(file))) missing.push(file);
  const title = files[0]?.title ?? 'embedder';
  return check(
    'embedder',
    missing.length === 0,
    missing.length === 0 ? title : `${title}: missing`,
    `${bring}   (1.6 GB with the local models)`,
  );
}

export async function ollama(): Promise<Check> {
  const address = ollamaAddress();
  const version = await fetch(`${address}/api/version`, { signal: AbortSignal.timeout(1000) })
    .then(async (reply) => (reply.ok ? String(Object(await reply.json()).version) : undefined))
    .catch(() => undefined);
  const detail = version === undefined ? 'does not answer' : `${version}  ${address}`;
  return check('Ollama', version !== undefined, detail, undefined, false);
}

/** Whether keys are set, never what they are. */
export async function keys(): Promise<Check> {
  const set = keyNames.filter((name) => secretHere(name) !== undefined);
  const unset = keyNames.filter((name) => secretHere(name) === undefined);
  const detail = `${set.length > 0 ? `set: ${set.join(', ')}; ` : ''}not set: ${unset.join(', ')}`;
  return check('keys', set.length > 0, detail, undefined, false);
}

/** Asks the provider of each key that is set whether it works: a list of models costs nothing. */
export async function keysWork(): Promise<Check[]> {
  const { reach } = await import('../../models/reach.ts');
  const specs = {
    ANTHROPIC_API_KEY: { provider: 'anthropic', model: 'claude-opus-5-5' },
    GEMINI_API_KEY: { provider: 'google', model: 'gemini-2.5-pro' },
    GOOGLE_API_KEY: { provider: 'google', model: 'gemini-2.5-pro' },
    OPENAI_API_KEY: { provider: 'openai', model: 'gpt-5.4' },
  } as const;
  const set = Object.entries(specs).filter(([name]) => secretHere(name) !== undefined);
  return Promise.all(
    set.map(async ([name, spec]) => {
      const { ok, detail, fix } = await reach({ ...spec, api_key: `\${secret:${name}}` }, secretHere(name));
      return check(name, ok, detail, fix, false);
    }),
  );
}

export function someModel(local: boolean, nearby: boolean, key: boolean): Check {
  const means = [key && 'a key', nearby && 'Ollama', local && 'local models'].filter(Boolean);
  const ok = means.length > 0;
  const fix = `set one of ${keyNames.join(', ')} (the file .env here will do), start Ollama, or: ${bring}`;
  return check('a model', ok, ok ? `by ${means.join(', ')}` : 'nothing here can answer', fix);
}
