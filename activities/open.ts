/** Opens a session for an episode: fresh, or rebuilt by replaying the trajectory so far and comparing every state. */
import { resolve } from 'node:path';
import { LbiError } from '../core/errors.ts';
import type { Session, SessionTask } from '../environments/environment.ts';
import type { Ref } from '../schemas/common.ts';
import type { OpenInput, OpenResult } from '../schemas/flow.ts';
import type { Observation } from '../schemas/observation.ts';
import type { Step } from '../schemas/step.ts';
import type { Task } from '../schemas/task.ts';
import { getJson, putJson } from '../store/json.ts';
import { readTrajectory } from './chain.ts';
import type { Deps } from './deps.ts';
import { stops } from './sessions.ts';

export const open =
  (deps: Deps) =>
  async (input: OpenInput): Promise<OpenResult> => {
    const plan = await deps.plan(input.plan);
    const task = await getJson<Task>(deps.store, input.task);
    const spec = plan.spec.environments[input.environment];
    if (spec === undefined) throw new LbiError('spec', `the plan has no environment "${input.environment}"`);
    const driver = await deps.driver(plan, spec);
    const queue = deps.queues.environment(plan, input.environment);

    const begin = async (): Promise<{ session: Session; first: Observation }> => {
      const session = await deps.sessions.open(input.session, queue, (workdir) =>
        driver.open(spec, {
          workdir,
          put: (bytes) => deps.store.put(bytes),
          packageFolder: deps.packageFolder,
          file: (path) => resolve(plan.folder, path),
          signal: deps.signal,
          ...(input.lease === undefined ? {} : { lease: input.lease }),
        }),
      );
      return { session, first: await session.reset(startOf(task)) };
    };
    const opened = (given: Omit<OpenResult, 'session' | 'queue'>): OpenResult => {
      if (deps.sessions.leaving()) throw stops(input.session);
      return { session: input.session, queue: deps.pinnedQueue, ...given };
    };
    try {
      let { session, first } = await begin();
      let diverged: number | null = null;
      if (input.head !== null) {
        diverged = await replay(deps, session, first, input.head);
        if (diverged === null) {
          const root = (await readTrajectory(deps.store, input.head))[0];
          return opened({ head: input.head, state: root.observation.stateHash, diverged });
        }
        // The replay has left its marks: the restart needs a fresh place.
        await deps.sessions.close(input.session);
        ({ session, first } = await begin());
      }
      const head = await root(deps, session, first);
      return opened({ head, state: first.stateHash, diverged });
    } catch (error) {
      await deps.sessions.close(input.session).catch(() => undefined);
      throw error;
    }
  };

const startOf = ({ id, seed, setup }: Task): SessionTask => ({ id, seed, ...(setup === undefined ? {} : { setup }) });

/** Stores the first link of a trajectory. */
async function root(deps: Deps, session: Session, observation: Observation): Promise<Ref> {
  const actions = await putJson(deps.store, session.actions);
  const step: Step = { parent: null, index: 0, reason: '', action: null, observation, actions };
  return putJson(deps.store, step);
}

/** Applies the journalled actions again; the index of the first state that differs, or null. */
async function replay(deps: Deps, session: Session, first: Observation, head: Ref): Promise<number | null> {
  const [start, ...steps] = await readTrajectory(deps.store, head);
  if (start.observation.stateHash !== first.stateHash) return 0;
  for (const { action, index, observation } of steps) {
    if (action === null) continue;
    const again = await session.step(action, index);
    if (again.observation.stateHash !== observation.stateHash) return index;
  }
  return null;
}
