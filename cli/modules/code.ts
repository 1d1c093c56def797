/** The code of a module of the user's own: where it lies, and a hash over it and everything that it imports by a relative path. */
import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { nearest } from '../../core/spec/suggest.ts';
import { Faulty } from './faults.ts';

const extensions = ['.ts', '.mts', '.js', '.mjs'];

/** The file of a module. Throws `Faulty` when there is none. */
export async function findModule(folder: string, path: string): Promise<string> {
  const file = resolve(folder, path);
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) {
    const names = await readdir(dirname(file)).catch((): string[] => []);
    const near = nearest(
      basename(file),
      names.filter((name) => extensions.includes(extname(name))),
    );
    throw new Faulty({
      message: `there is no file ${path}`,
      ...(near === undefined ? {} : { suggestion: path.slice(0, path.length - basename(path).length) + near }),
      fix: 'paths are relative to the folder of the pipeline file',
    });
  }
  if (!found.isFile()) throw new Faulty({ message: `${path} is a folder`, fix: 'name the file in it' });
  if (!extensions.includes(extname(file)))
    throw new Faulty({
      message: `${path} is no module`,
      expected: extensions.map((each) => `a file that ends in ${each}`),
    });
  return file;
}

/** `from './x.ts'`, `import './x.ts'`, `import('./x.ts')`, `require('./x.cjs')`: one too many is harmless. */
const imports = /\b(?:from|import|require)\s*\(?\s*(['"])(\.{1,2}\/[^'"\n]+)\1/g;

/** sha256 over the names and texts of the module and of all files that it reaches by relative imports. */
export async function codeHash(file: string): Promise<string> {
  const texts = new Map<string, string>();
  const waiting = [file];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (texts.has(next)) continue;
    const text = await readFile(next, 'utf8').catch(() => undefined);
    // What is missing is the import's own error, with its place.
    if (text === undefined) continue;
    texts.set(next, text);
    for (const [, , specifier] of text.matchAll(imports))
      waiting.push(fileURLToPath(new URL(specifier ?? '', pathToFileURL(next))));
  }
  const hash = createHash('sha256');
  for (const [path, text] of [...texts].sort(([one], [other]) => (one < other ? -1 : 1)))
    hash.update(`${path === file ? '' : relative(dirname(file), path)}\0${text.length}\0`).update(text);
  return hash.digest('hex');
}
