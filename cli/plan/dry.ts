/** What activities are given when a plan is only walked over: the store, read through; nobody to ask, nothing to open. */
import { homedir } from 'node:os';
import type { Known } from '../../activities/ask.ts';
import type { Deps } from '../../activities/deps.ts';
import { modelSpecOf } from '../../activities/plans.ts';
import { LbiError } from '../../core/errors.ts';
import { isOwn } from '../../core/own-path.ts';
import { type ModelFacts, modelFacts } from '../../models/facts.ts';
import type { Model } from '../../models/model.ts';
import type { Plan } from '../../schemas/plan.ts';
import type { Store } from '../../store/store.ts';
import { indexesFolder } from '../home.ts';
import { ownModelFacts } from '../models.ts';
import { driverOf } from '../modules.ts';
import { planReader } from '../plans.ts';
import { repositories } from '../repositories.ts';

const never = (what: string): never => {
  throw new LbiError('fatal', `${what} while a plan was walked over: nothing may be started then`);
};

const factsOf = (plan: Plan, name: string): ModelFacts => {
  const spec = modelSpecOf(plan, name);
  return isOwn(spec) ? ownModelFacts(plan, name) : modelFacts(spec, plan.versions.contents[`models.${name}`]);
};

/** What a stage of the user's own would make is not known: it was never given this. */
export class Unmade extends Error {}

/** A model as its facts alone. */
const shut = (plan: Plan, name: string): Model => ({
  ...factsOf(plan, name),
  complete: async () => never(`${name} was asked`),
  close: async () => {},
});

/**
 * @param store an overlay: what activities write stays in memory
 * @param heard told of every question that has a stored reply
 */
export function dryDeps(store: Store, packageFolder: Deps['packageFolder'], heard: (known: Known) => void): Deps {
  const quiet = new AbortController().signal;
  return {
    store,
    stored: heard,
    plan: planReader(store),
    model: async (plan, name) => shut(plan, name),
    embedder: async () => never('the embedder was opened'),
    driver: driverOf,
    // What one made before is found before anybody is called.
    stage: async () => ({
      run: async () => {
        throw new Unmade();
      },
    }),
    sessions: {
      open: async () => never('a session was opened'),
      get: () => never('a session was used'),
      close: async () => {},
      closeAll: async () => {},
      ids: () => [],
      leave: () => [],
      leaving: () => false,
      held: () => 0,
      onRelease: () => {},
    },
    packageFolder,
    // What is fetched already may be looked at.
    repositories: {
      fetched: repositories.fetched,
      commitOf: async () => never('a repository was asked'),
      checkout: async () => never('a repository was fetched'),
    },
    openQueues: async () => {},
    queues: { model: (_plan, name) => name, environment: (_plan, name) => name },
    timing: { lostAfterSeconds: 1, heartbeatSeconds: 1, sweepSeconds: 1, historyEvents: null },
    ended: async () => [],
    home: homedir(),
    indexes: indexesFolder(),
    pinnedQueue: 'none',
    caller: () => 'plan',
    cancelled: () => quiet,
    signal: quiet,
  };
}
