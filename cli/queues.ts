/** The task queues of models and environments: their names, and the workers that poll them. */
import { createHash } from 'node:crypto';
import type { CustomSlotSupplier, NativeConnection, SlotPermit, WorkerOptions } from '@temporalio/worker';
import { Worker } from '@temporalio/worker';
import { modelSpecOf } from '../activities/plans.ts';
import type { Sessions } from '../activities/sessions.ts';
import { canonical } from '../core/canonical.ts';
import { LbiError } from '../core/errors.ts';
import { isOwn } from '../core/own-path.ts';
import type { Activities } from '../schemas/activities.ts';
import type { Json } from '../schemas/common.ts';
import type { FullModel } from '../schemas/pipeline/model.ts';
import type { Plan } from '../schemas/plan.ts';

const short = (value: unknown): string =>
  createHash('sha256')
    .update(canonical(value as Json))
    .digest('hex')
    .slice(0, 6);
const slug = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^a-z0-9.]+/g, '-')
    .slice(0, 40);

/** One queue per provider, model and credential: limits are kept per queue. */
export function modelQueue(plan: Plan, name: string): string {
  const spec = modelSpecOf(plan, name);
  if (isOwn(spec)) return `lbi.own.${slug(plan.own?.[spec.provider]?.name ?? 'model')}.${short([spec, plan.folder])}`;
  const model = spec.provider === 'scripted' ? spec.script : spec.model;
  const credential = 'api_key' in spec ? (spec.api_key ?? null) : null;
  const address = 'base_url' in spec ? (spec.base_url ?? null) : null;
  return `lbi.${spec.provider}.${slug(model)}.${short([model, credential, address])}`;
}

export function environmentQueue(plan: Plan, name: string): string {
  const spec = plan.spec.environments[name];
  if (spec === undefined) throw new LbiError('spec', `the plan has no environment "${name}"`);
  const kind = isOwn(spec) ? slug(plan.own?.[spec.kind]?.name ?? 'own') : spec.kind;
  return `lbi.env.${kind}.${short([spec, plan.folder])}`;
}

/** Takes `open` tasks only while a session slot is free: what is opening and what is held stay below the bound. */
export function sessionSlots(sessions: Sessions, queue: string, bound: number): CustomSlotSupplier<never> {
  let opening = 0;
  const take = (): SlotPermit | null => {
    if (opening + sessions.held(queue) >= bound) return null;
    opening += 1;
    return {};
  };
  return {
    type: 'custom',
    reserveSlot: async (_context, signal) => {
      for (;;) {
        const permit = take();
        if (permit !== null) return permit;
        await new Promise<void>((resolve, reject) => {
          const abort = (): void => reject(new DOMException('the reservation is no longer needed', 'AbortError'));
          if (signal.aborted) abort();
          signal.addEventListener('abort', abort, { once: true });
          // A slot also frees up when a reservation is given back, which no session tells of.
          const timer = setTimeout(resolve, 500);
          void sessions.released().then(() => {
            clearTimeout(timer);
            signal.removeEventListener('abort', abort);
            resolve();
          });
        });
      }
    },
    tryReserveSlot: take,
    markSlotUsed: () => {},
    releaseSlot: () => {
      opening -= 1;
    },
  };
}

interface QueueContext {
  connection: NativeConnection;
  namespace: string;
  /** how the Temporal UI names this process */
  identity: string;
  activities: Activities;
  sessions: Sessions;
  /** the name of a queue in this project */
  named(queue: string): string;
  /** what all workers of this process have in common */
  common: Pick<WorkerOptions, 'dataConverter' | 'interceptors'>;
  /** keeps a started worker until the process ends */
  keep(worker: Worker): void;
}

const fixed = (numSlots: number): { type: 'fixed-size'; numSlots: number } => ({ type: 'fixed-size', numSlots });

/** Starts a worker for every queue of the plan that this process does not poll yet. */
export function queueOpener(context: () => QueueContext): (plan: Plan) => Promise<void> {
  const polled = new Set<string>();
  const start = async (queue: string, options: Partial<Parameters<typeof Worker.create>[0]>): Promise<void> => {
    if (polled.has(queue)) return;
    polled.add(queue);
    const { connection, namespace, identity, activities, common, keep } = context();
    const own = { connection, namespace, identity, taskQueue: queue, activities };
    keep(await Worker.create({ ...own, ...common, ...drain, ...options }));
  };
  return async (plan) => {
    const { named, sessions } = context();
    for (const [name, spec] of Object.entries(plan.spec.models))
      await start(named(modelQueue(plan, name)), modelOptions(spec));
    for (const [name, spec] of Object.entries(plan.spec.environments)) {
      const queue = named(environmentQueue(plan, name));
      const activityTaskSlotSupplier = sessionSlots(sessions, queue, spec.sessions ?? 2);
      const others = {
        workflowTaskSlotSupplier: fixed(2),
        localActivityTaskSlotSupplier: fixed(1),
        nexusTaskSlotSupplier: fixed(1),
      };
      await start(queue, { tuner: { activityTaskSlotSupplier, ...others } });
    }
  };
}

const modelOptions = (spec: FullModel): Partial<Parameters<typeof Worker.create>[0]> => ({
  // A local model answers one call at a time: whatever waits does so in the queue, where priority decides who is next.
  maxConcurrentActivityTaskExecutions: spec.provider === 'local' ? 1 : spec.limits.concurrency,
  ...(spec.limits.rpm === undefined ? {} : { maxTaskQueueActivitiesPerSecond: spec.limits.rpm / 60 }),
});

/** How long activities may finish what they do when the worker is asked to stop. */
export const drain = { shutdownGraceTime: '5s', shutdownForceTime: '15s' } as const;
