/** The workflow bundle: prebuilt in the package; in a checkout built when the code changed, and kept. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, type WorkflowBundle } from '@temporalio/worker';
import { failureConverterPath } from './encryption/converter.ts';
import { version } from './version.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** How our files end here: `.ts` in a checkout, `.js` in the package. */
const own = extname(fileURLToPath(import.meta.url));

/** Webpack's progress is of no interest to a user. */
const quiet = { trace() {}, debug() {}, info() {}, warn() {}, error: console.error, log() {} };

async function contentHash(): Promise<string> {
  const hash = createHash('sha256');
  for (const folder of ['workflows', 'core', 'schemas']) {
    for (const name of (await readdir(join(root, folder), { recursive: true })).sort()) {
      if (extname(name) === own) hash.update(name).update(await readFile(join(root, folder, name)));
    }
  }
  return hash.update(version()).update(sdkVersion).digest('hex').slice(0, 16);
}

const { version: sdkVersion } = createRequire(import.meta.url)('@temporalio/workflow/package.json') as {
  version: string;
};

/**
 * @param cache folder for bundles of a checkout, and for those of workers that encrypt
 * @param options.encrypts workflows encrypt the messages of their failures
 */
export async function workflowBundle(
  cache: string,
  { encrypts = false } = {},
): Promise<WorkflowBundle | { codePath: string }> {
  const prebuilt = join(root, 'workflows.bundle.js');
  if (existsSync(prebuilt) && !encrypts) return { codePath: prebuilt };
  const path = join(cache, `workflows-${await contentHash()}${encrypts ? '-encrypting' : ''}.js`);
  if (existsSync(path)) return { codePath: path };
  const bundle = await bundleWorkflowCode({
    workflowsPath: join(root, 'workflows', `index${own}`),
    ...(encrypts ? { failureConverterPath } : {}),
    logger: quiet,
  });
  await mkdir(cache, { recursive: true });
  await writeFile(`${path}.${process.pid}`, bundle.code);
  await rename(`${path}.${process.pid}`, path);
  return { codePath: path };
}
