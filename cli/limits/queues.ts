/** The queues that `lbi limits` is about: those of the models of some plans, with who uses them and what is declared for each. */
import { type Limits, strictest } from '../../core/rate.ts';
import type { Plan } from '../../schemas/plan.ts';
import { queueOf } from '../project.ts';
import { modelQueue } from '../queues.ts';
import { declaredOf } from './meter.ts';

export interface ModelQueue {
  queue: string;
  provider: string;
  /** the model as its provider calls it; a script's file, an own module's path */
  model: string;
  /** names in the pipelines */
  names: string[];
  declared: Limits & { concurrency: number };
  /** each worker has the calls in flight to itself */
  alone: boolean;
}

/** One entry for a queue, however many names and plans share it. */
export function modelQueues(project: string, plans: readonly Plan[]): ModelQueue[] {
  const queues = new Map<string, ModelQueue>();
  for (const plan of plans)
    for (const [name, spec] of Object.entries(plan.spec.models)) {
      const queue = queueOf(project, modelQueue(plan, name));
      const { limits, alone } = declaredOf(spec);
      const known = queues.get(queue);
      const together = known === undefined ? limits : strictest([known.declared, limits]);
      queues.set(queue, {
        queue,
        provider: spec.provider,
        model: 'model' in spec ? spec.model : 'script' in spec ? spec.script : spec.provider,
        names: [...new Set([...(known?.names ?? []), name])],
        declared: { ...together, concurrency: together.concurrency ?? limits.concurrency },
        alone,
      });
    }
  return [...queues.values()].sort((a, b) => (a.queue < b.queue ? -1 : 1));
}
