/** Brings a shared place back to its known state before a session: by a command of the user's, by a request to the place, or both. */
import { delimiter, dirname } from 'node:path';
import { execa } from 'execa';
import { EnvironmentError } from '../core/errors.ts';
import type { EnvironmentDriver, SessionContext } from './environment.ts';

interface ResetSpec {
  command?: string[];
  url?: string;
  timeout?: number;
}

type ResetContext = Pick<SessionContext, 'lease' | 'signal' | 'file'>;

/** The driver of a place that may be shared: opened, it is brought to its known state first. */
export const resetting = <S extends { lease?: { reset?: ResetSpec } }>(
  driver: EnvironmentDriver<S>,
): EnvironmentDriver<S> => ({
  ...driver,
  open: async (spec, context) => {
    if (spec.lease?.reset !== undefined) await resetShared(spec.lease.reset, context);
    return driver.open(spec, context);
  },
});

/** Throws `operator` when the command fails or the place refuses, `transient` when it does not answer: a session must not begin in an unknown state. */
async function resetShared({ command, url, timeout = 60 }: ResetSpec, context: ResetContext): Promise<void> {
  const { lease, signal } = context;
  const folder = context.file('.');
  const told = lease === undefined ? {} : { LBI_LEASE: lease.name, LBI_EPOCH: String(lease.epoch) };
  if (command !== undefined) await run(command, timeout, { folder, told, signal });
  if (url !== undefined) await post(url, timeout, { lease, signal });
}

async function run(
  command: string[],
  seconds: number,
  { folder, told, signal }: { folder: string; told: Record<string, string>; signal: AbortSignal },
): Promise<void> {
  const [program = '', ...rest] = command;
  const path = [dirname(process.execPath), process.env.PATH ?? '/usr/bin:/bin'].join(delimiter);
  const done = await execa(program, rest, {
    cwd: folder,
    // No keys of the worker reach the command.
    extendEnv: false,
    env: { PATH: path, HOME: process.env.HOME ?? folder, LANG: 'C.UTF-8', ...told },
    all: true,
    reject: false,
    stdin: 'ignore',
    timeout: seconds * 1000,
    cancelSignal: signal,
  });
  if (!done.failed) return;
  const said = done.all.split('\n').slice(-10).join('\n').slice(-600);
  throw new EnvironmentError(
    'operator',
    `lease.reset: "${command.join(' ')}" in ${folder} failed: ${done.shortMessage?.split('\n')[0]}\n${said}`,
  );
}

async function post(
  url: string,
  seconds: number,
  { lease, signal }: { lease: SessionContext['lease']; signal: AbortSignal },
): Promise<void> {
  const headers = lease === undefined ? {} : { 'x-lbi-lease': lease.name, 'x-lbi-epoch': String(lease.epoch) };
  const limits = AbortSignal.any([signal, AbortSignal.timeout(seconds * 1000)]);
  let status: number;
  try {
    const reply = await fetch(url, { method: 'POST', headers, signal: limits, redirect: 'manual' });
    await reply.body?.cancel();
    status = reply.status;
  } catch (cause) {
    const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
    const why = inner instanceof Error ? ('code' in inner ? String(inner.code) : inner.message) : String(inner);
    throw new EnvironmentError('transient', `lease.reset: ${url} does not answer (${why})`, { cause });
  }
  if (status >= 200 && status < 300) return;
  throw new EnvironmentError(
    status >= 500 || status === 429 ? 'transient' : 'operator',
    `lease.reset: ${url} answered ${status}, expected 2xx`,
  );
}
