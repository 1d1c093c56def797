/** What can be wrong with a module of the user's own when it is loaded, in words, with the line to mend. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ownPlace } from '../../core/own-mistake.ts';
import type { ModuleFault } from '../../core/spec/own/named-modules.ts';

/** A module that cannot be used, and why. */
export class Faulty extends Error {
  readonly fault: ModuleFault;
  constructor(fault: ModuleFault) {
    super(fault.message);
    this.fault = fault;
  }
}

/** Why importing the file failed. */
export async function importFault(file: string, path: string, error: unknown): Promise<ModuleFault> {
  if (!(error instanceof Error)) return { message: `${path} threw ${JSON.stringify(error)} while it was loaded` };
  const code = 'code' in error ? String(error.code) : '';
  if (
    code === 'ERR_MODULE_NOT_FOUND' ||
    code === 'ERR_UNSUPPORTED_DIR_IMPORT' ||
    code === 'ERR_PACKAGE_PATH_NOT_EXPORTED'
  )
    return missing(path, error.message);
  if (code === 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING')
    return { message: `${path} lies in node_modules, where Node takes JavaScript only`, fix: 'name its .js file' };
  if (error instanceof SyntaxError) return syntax(file, path, error, code);
  const place = ownPlace(error);
  return {
    message: `${path} threw while it was loaded: ${error.name}: ${error.message}`,
    ...(place === undefined ? {} : { fix: `look at ${place}` }),
  };
}

const missing = (path: string, message: string): ModuleFault => {
  const [, bare] = /^Cannot find package '([^']+)'/.exec(message) ?? [];
  const clean = message.replaceAll(/\?lbi=[0-9a-f]+/g, '').replaceAll('file://', '');
  return {
    message: `${path} does not load: ${clean}`,
    fix:
      bare === undefined
        ? 'a relative import is written with its ending: ./words.ts'
        : `npm install ${bare} in the folder of the pipeline`,
  };
};

/** TypeScript's errors come with a picture of the line; JavaScript's say nothing of it, so Node is asked again. */
async function syntax(file: string, path: string, error: Error, code: string): Promise<ModuleFault> {
  const picture = error.stack?.startsWith('SyntaxError') === true ? await checked(file) : (error.stack ?? '');
  const [first = '', ...lines] = picture.split('\n');
  const carets = lines.find((each) => /^\s*\^+\s*$/.test(each)) ?? '';
  const [, where, line] = /^(?:file:\/\/)?(\/.*?)(?:\?lbi=[0-9a-f]+)?:(\d+)$/.exec(first) ?? [];
  const column = carets.indexOf('^') + 1;
  const place = where === undefined ? '' : ` at ${where}:${line}${column > 0 ? `:${column}` : ''}`;
  const named = where !== undefined && where !== fileURLToPath(new URL(`file://${file}`));
  return {
    message: `${path} does not load: syntax error${place}: ${error.message}`,
    fix:
      code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX'
        ? 'Node strips types and nothing else: write it without enum, namespace and parameter properties'
        : named
          ? `${path} imports that file`
          : undefined,
  };
}

const checked = async (file: string): Promise<string> =>
  promisify(execFile)(process.execPath, ['--check', file], { timeout: 10_000 }).then(
    () => '',
    (error: unknown) => (error instanceof Error && 'stderr' in error ? String(error.stderr) : ''),
  );
