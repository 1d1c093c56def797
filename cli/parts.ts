/** What activities are given wherever they run, in a worker or in one process alone: store, models, places and sessions, opened as they are needed. */
import type { Deps } from '../activities/deps.ts';
import { openSessions } from '../activities/sessions.ts';
import type { Store } from '../store/store.ts';
import { indexesFolder } from './home.ts';
import { embedderOnce, type Heard, modelOpener } from './models.ts';
import { driverOf, plannedStage } from './modules.ts';
import { packageFolder } from './packages.ts';
import { planReader } from './plans.ts';
import { repositories } from './repositories.ts';

type CommonParts = Pick<
  Deps,
  | 'store'
  | 'plan'
  | 'model'
  | 'embedder'
  | 'driver'
  | 'stage'
  | 'sessions'
  | 'packageFolder'
  | 'repositories'
  | 'home'
  | 'indexes'
>;

/**
 * @param sessionsFolder folder of this process alone, for the sessions' working folders
 * @param heard told what providers say of their limits
 */
export function commonParts(
  store: Store,
  sessionsFolder: string,
  heard?: Heard,
): { parts: CommonParts; close(): Promise<void> } {
  const sessions = openSessions(sessionsFolder);
  const models = modelOpener(heard);
  const embedder = embedderOnce();
  return {
    parts: {
      store,
      plan: planReader(store),
      model: models.open,
      embedder: embedder.open,
      driver: driverOf,
      stage: plannedStage,
      sessions,
      packageFolder,
      repositories,
      home: process.cwd(),
      indexes: indexesFolder(),
    },
    close: async () => {
      await sessions.closeAll();
      await Promise.all([models.close(), embedder.close()]);
    },
  };
}
