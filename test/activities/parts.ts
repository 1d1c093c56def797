/** What activities are given where there is no Temporal: a store, plans, scripted models; everything else says that it is not there. */
import { join } from 'node:path';
import type { Deps } from '../../activities/deps.ts';
import { makePlan } from '../../core/plan.ts';
import { withDefaults } from '../../core/spec/defaults.ts';
import { loadSpec } from '../../core/spec/load.ts';
import type { Model } from '../../models/model.ts';
import { scriptedModel } from '../../models/scripted.ts';
import type { Ref } from '../../schemas/common.ts';
import type { Plan } from '../../schemas/plan.ts';
import { getJson, putJson } from '../../store/json.ts';
import type { Store } from '../../store/store.ts';

const none = (): never => {
  throw new Error('there is no such part here');
};

/** Activities' parts over a store; scripts of models lie in `folder`. */
export function partsOf(store: Store, folder: string, own: Partial<Deps> = {}): Deps {
  const models = new Map<string, Promise<Model>>();
  const plans = new Map<Ref, Promise<Plan>>();
  return {
    store,
    plan: (ref) => {
      const plan = plans.get(ref) ?? getJson<Plan>(store, ref);
      plans.set(ref, plan);
      return plan;
    },
    model: (plan, name) => {
      const spec = plan.spec.models[name];
      if (spec?.provider !== 'scripted') return none();
      const key = `${spec.script} ${spec.temperature}`;
      const opened =
        models.get(key) ?? scriptedModel(spec, { secret: none, weights: none, file: (path) => join(folder, path) });
      models.set(key, opened);
      return opened;
    },
    embedder: none,
    driver: none,
    stage: none,
    sessions: {
      ...{ open: none, get: none, close: none, closeAll: none, ids: none, held: none, onRelease: none },
      ...{ leave: none, leaving: () => false },
    },
    packageFolder: none,
    repositories: { commitOf: none, checkout: none, fetched: none },
    openQueues: none,
    queues: { model: none, environment: none },
    timing: { lostAfterSeconds: 1, heartbeatSeconds: 1, sweepSeconds: 1, historyEvents: null },
    ended: none,
    home: folder,
    indexes: folder,
    pinnedQueue: 'none',
    caller: () => 'a test',
    cancelled: () => new AbortController().signal,
    signal: new AbortController().signal,
    ...own,
  };
}

/** Stores the plan of a pipeline's text; prompts by name. */
export async function storePlan(store: Store, text: string, prompts: Record<string, string>): Promise<Ref> {
  const loaded = loadSpec({ text, file: 'pipeline.yaml', environment: {} });
  if ('problems' in loaded) throw new Error(loaded.problems.map(({ message }) => message).join('\n'));
  const versions = { stages: {}, environments: {}, contents: {} };
  return putJson(store, makePlan(withDefaults(loaded.spec), '/', prompts, versions));
}
