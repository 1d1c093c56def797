/** Builds `dist`: JavaScript and declarations by tsc, the data files beside them, and the workflow bundle, so that a worker starts at once. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, readdir, rm, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');

/** Folders whose files that are not code belong into the package: prompts, pages, tables of data. */
const dataFolders = ['pipelines', 'viewer', 'schemas', 'core', 'activities', 'environments', 'models', 'store', 'cli'];

function compile(): void {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
  if (status !== 0) throw new Error('tsc found errors: see above');
}

/** Copies what tsc did not make, and the examples of modules as they stand: a user's are TypeScript too. */
async function copyData(): Promise<void> {
  for (const folder of dataFolders) {
    const files = await readdir(join(root, folder), { recursive: true, withFileTypes: true }).catch(() => []);
    for (const file of files) {
      const source = join(file.parentPath, file.name);
      const target = join(dist, source.slice(root.length));
      const wanted = folder === 'pipelines' || extname(file.name) !== '.ts';
      if (file.isFile() && wanted && !existsSync(target)) await cp(source, target);
    }
  }
}

async function bundle(): Promise<void> {
  const workflowsPath = join(dist, 'workflows', 'index.js');
  if (!existsSync(workflowsPath)) return;
  const logger = { trace() {}, debug() {}, info() {}, log() {}, warn: console.warn, error: console.error };
  const { code } = await bundleWorkflowCode({ workflowsPath, logger });
  await writeFile(join(dist, 'workflows.bundle.js'), code);
}

await rm(dist, { recursive: true, force: true });
compile();
await copyData();
await bundle();
