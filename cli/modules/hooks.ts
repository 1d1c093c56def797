/** How modules of the user's own resolve what they import: this very package by its name, and their neighbours in the version that was hashed. */
import { registerHooks } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ownMark } from '../../core/own-mistake.ts';

const here = fileURLToPath(import.meta.url);
const root = dirname(dirname(dirname(here)));
const own = (name: string): string => pathToFileURL(join(root, `${name}${extname(here)}`)).href;

/** Also where the package is not installed beside the pipeline, and in its own checkout. */
const names: Record<string, string> = {
  'learn-by-interact': own('index'),
  'learn-by-interact/testing': own('testing'),
};

let hooked = false;

export function hookImports(): void {
  if (hooked) return;
  hooked = true;
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier.includes(ownMark)) return asModule(next(specifier, context));
      const at = context.parentURL?.indexOf(ownMark) ?? -1;
      if (at < 0 || context.parentURL === undefined) return next(specifier, context);
      const url = Object.hasOwn(names, specifier) ? names[specifier] : undefined;
      if (url !== undefined) return { url, shortCircuit: true };
      const found = next(specifier, context);
      const neighbour = /^(?:\.{1,2})?\//.test(specifier) && found.url.startsWith('file:') && !found.url.includes('?');
      return neighbour ? asModule({ ...found, url: found.url + context.parentURL.slice(at) }) : found;
    },
  });
}

/** TypeScript is always a module here, whatever the package.json above it says or does not say. */
const asModule = <F extends { url: string; format?: string | null | undefined }>(found: F): F =>
  /\.m?ts\?/.test(found.url) ? { ...found, format: 'module-typescript' } : found;
