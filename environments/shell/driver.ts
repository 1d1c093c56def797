/** The environment kind `shell`: a folder and bash, in a bubblewrap sandbox without network. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EnvironmentError } from '../../core/errors.ts';
import type { ShellSpec } from '../../schemas/pipeline/environment.ts';
import type { EnvironmentDriver, Finding } from '../environment.ts';
import { shellDocs } from './docs.ts';
import { isRoot, runCommand, sandboxFix } from './sandbox.ts';
import { createShellSession } from './session.ts';

const probe = async (): Promise<Finding> => {
  const what = 'bubblewrap sandbox for the shell';
  if (process.platform !== 'linux')
    return {
      what,
      ok: false,
      detail: `needs Linux, this is ${process.platform}`,
      fix: 'Run the worker on Linux, or in a Linux virtual machine.',
    };
  const folder = await mkdtemp(join(tmpdir(), 'lbi-doctor-'));
  try {
    const sandbox = { writable: { '/work': folder }, readable: {}, variables: {}, user: isRoot() ? 62_000 : 1_000 };
    const result = await runCommand(sandbox, 'exec 2>/dev/null 3<>/dev/tcp/127.0.0.1/9 || echo closed', {
      timeout: 20,
      signal: AbortSignal.timeout(30_000),
    });
    const answer = result.output.trim();
    return result.exitCode === 0 && answer === 'closed'
      ? { what, ok: true, detail: 'works, without network' }
      : { what, ok: false, detail: answer || 'gave no answer', fix: sandboxFix(answer) };
  } catch (cause) {
    if (!(cause instanceof EnvironmentError)) throw cause;
    const fix = sandboxFix(cause.message);
    return { what, ok: false, detail: cause.message.replace(` ${fix}`, ''), fix };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** Commands in a sandbox: one action, `bash`; every observation tells output, exit code and which files changed. */
export const shellDriver: EnvironmentDriver<ShellSpec> = {
  kind: 'shell',
  version: '2',
  doctor: async () => [await probe()],
  open: createShellSession,
  docs: shellDocs,
};
