/** `npm start`: the quickstart pipeline, from documentation to a kept dataset, without a key. */
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LbiError } from '../core/errors.ts';

// Set before the rest is loaded: messages name the program as a person in this checkout calls it.
process.env.LBI_NAME ??= './lbi';
const { paint } = await import('./progress.ts');
const { runCommand } = await import('./run.ts');

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const pipeline = relative(process.cwd(), join(root, 'pipelines', 'quickstart.yaml'));

process.stderr.write(`
${paint('bold', 'learn-by-interact: the quickstart')}
It reads npm's own command pages, invents tasks, tries them in sandboxed folders, writes new instructions for what really
happened, and lets two small local models vote. No key, no GPU. Ctrl-C leaves; the run goes on in the background.
The pipeline is ${pipeline}: one commented file that says all of it.

`);

try {
  const exit = await runCommand(pipeline, {});
  process.stderr.write(`
what to do next
  read the pipeline that made this     ${pipeline}
  make one of your own                 ${process.env.LBI_NAME} init my-agent
  check this machine                   ${process.env.LBI_NAME} doctor
  stop the background processes        ${process.env.LBI_NAME} down
`);
  process.exit(exit);
} catch (error) {
  if (!(error instanceof LbiError)) throw error;
  process.stderr.write(`error: ${error.message}\n`);
  process.exit(error.kind === 'spec' ? 3 : 6);
}
