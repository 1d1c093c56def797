/** Carries a decision out in the session and links the result to the trajectory. */
import { LbiError } from '../core/errors.ts';
import type { Decision } from '../schemas/decision.ts';
import type { ActInput, ActResult, SessionPlace } from '../schemas/flow.ts';
import type { Step } from '../schemas/step.ts';
import { getJson, putJson } from '../store/json.ts';
import { factsOf } from './attempt.ts';
import type { Deps } from './deps.ts';
import { stillHeld } from './lease.ts';
import { stops } from './sessions.ts';

export const act =
  (deps: Deps) =>
  async (input: ActInput): Promise<ActResult> => {
    const session = deps.sessions.get(input.session);
    await stillHeld(deps, input);
    const parent = await getJson<Step>(deps.store, input.head);
    const { action, reason } = await getJson<Decision>(deps.store, input.decision);
    if (action === undefined) throw new LbiError('fatal', 'a decision without an action cannot be carried out');
    const index = parent.index + 1;
    let result: Awaited<ReturnType<typeof session.step>>;
    try {
      result = await unlessStopped(deps, input.session, session.step(action, index));
    } catch (error) {
      // A place that broke is of no use to anyone; the workflow opens another.
      if (error instanceof LbiError && error.kind === 'session-lost')
        await deps.sessions.close(input.session).catch(() => undefined);
      throw error;
    }
    const { observation, error } = result;
    const step: Step = {
      parent: input.head,
      index,
      reason,
      action,
      observation,
      ...(error === undefined ? {} : { error }),
    };
    return {
      head: await putJson(deps.store, step),
      facts: factsOf(step, parent),
      error: error?.message ?? '',
    };
  };

/** The step, unless the worker stops and its time is over: the action is then done again in another session, whatever became of it here. */
async function unlessStopped<T>(deps: Deps, id: string, step: Promise<T>): Promise<T> {
  const over = Promise.withResolvers<never>();
  const signal = deps.cancelled();
  const stop = (): void => {
    if (deps.sessions.leaving()) over.reject(stops(id));
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([step, over.promise]);
  } finally {
    signal.removeEventListener('abort', stop);
    // Nobody listens to the one that came too late.
    step.catch(() => undefined);
  }
}

export const close =
  (deps: Deps) =>
  async ({ session }: SessionPlace): Promise<void> =>
    deps.sessions.close(session);
