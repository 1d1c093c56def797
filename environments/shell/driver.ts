/** The environment kind `shell`: a folder and bash, in a bubblewrap sandbox without network. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ShellSpec } from '../../schemas/pipeline/environment.ts';
import type { EnvironmentDriver, Finding } from '../environment.ts';
import { isRoot, runCommand, SANDBOX_FIX } from './sandbox.ts';
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
    const ok = result.exitCode === 0 && result.output.trim() === 'closed';
    return ok
      ? { what, ok, detail: 'works, without network' }
      : { what, ok, detail: result.output.trim() || 'gave no answer', fix: SANDBOX_FIX };
  } catch (cause) {
    return { what, ok: false, detail: cause instanceof Error ? cause.message : String(cause), fix: SANDBOX_FIX };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** Commands in a sandbox: one action, `bash`; every observation tells output, exit code and which files changed. */
export const shellDriver: EnvironmentDriver<ShellSpec> = {
  kind: 'shell',
  version: '1',
  doctor: async () => [await probe()],
  open: createShellSession,
};
