/** Leases as activities see them: asked for, looked after, and checked before a session acts under one. */
import { EnvironmentError } from '../core/errors.ts';
import type { LeaseRequest, LeaseState, SessionPlace } from '../schemas/flow.ts';
import type { Deps } from './deps.ts';

export const lease =
  (deps: Deps) =>
  async ({
    name,
    ...asked
  }: {
    name: string;
    checkSeconds: number;
    request: LeaseRequest;
  }): Promise<LeaseState | null> =>
    (await deps.leases?.ask(name, asked)) ?? null;

export const gone =
  (deps: Deps) =>
  ({ ids }: { ids: string[] }): Promise<string[]> =>
    deps.ended(ids);

/** The episode that a session is of: its id is `<workflow id>#<number>`. */
export const episodeOf = (session: string): string => session.slice(0, session.lastIndexOf('#'));

/**
 * Throws `session-lost` when the lease that the session was opened under is another's by now, or was given anew to a later session of the same
 * episode: what is out of date must not act on what is shared.
 */
export async function stillHeld(deps: Deps, { session, lease }: SessionPlace): Promise<void> {
  if (lease === undefined || deps.leases === undefined) return;
  const state = await deps.leases.state(lease.name);
  const holder = episodeOf(session);
  const holds = state?.holders.some((each) => each.holder === holder && each.epoch === lease.epoch);
  if (holds === true) return;
  await deps.sessions.close(session).catch(() => undefined);
  const why = state === undefined ? 'cannot be asked about' : 'was given to another';
  throw new EnvironmentError('session-lost', `the lease ${lease.name} ${why}: the session is given up`);
}
