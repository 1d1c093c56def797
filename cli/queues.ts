/** The task queues of models and environments: their names, and the workers that poll them. */
import { createHash } from 'node:crypto';
import type { CustomSlotSupplier, NativeConnection, SlotPermit } from '@temporalio/worker';
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
import type { Keeper } from './limits/keeper.ts';
import { declaredOf } from './limits/meter.ts';
import type { Slots } from './limits/slots.ts';

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
  /** keeps the limits of the models' queues */
  limits: Keeper;
  /** keeps a started worker until the process ends */
  keep(worker: Worker): void;
}

const fixed = (numSlots: number): { type: 'fixed-size'; numSlots: number } => ({ type: 'fixed-size', numSlots });

/** Starts a worker for every queue of the plan that this process does not poll yet. */
export function queueOpener(context: () => QueueContext): (plan: Plan) => Promise<void> {
  const polled = new Set<string>();
  const start = async (queue: string, options: WorkerOptions): Promise<void> => {
    if (polled.has(queue)) return;
    polled.add(queue);
    const { connection, namespace, identity, activities, keep } = context();
    keep(await Worker.create({ connection, namespace, identity, taskQueue: queue, activities, ...drain, ...options }));
  };
  return async (plan) => {
    for (const [name, spec] of Object.entries(plan.spec.models)) {
      const queue = modelQueue(plan, name);
      await start(queue, modelOptions(spec, context().limits.declare(queue, spec, declaredOf(spec))));
    }
    for (const [name, spec] of Object.entries(plan.spec.environments)) {
      const queue = environmentQueue(plan, name);
      await start(queue, activitySlots(sessionSlots(context().sessions, queue, spec.sessions ?? 2)));
    }
  };
}

type WorkerOptions = Partial<Parameters<typeof Worker.create>[0]>;

const activitySlots = (activityTaskSlotSupplier: CustomSlotSupplier<never>): WorkerOptions => ({
  tuner: {
    activityTaskSlotSupplier,
    workflowTaskSlotSupplier: fixed(2),
    localActivityTaskSlotSupplier: fixed(1),
    nexusTaskSlotSupplier: fixed(1),
  },
});

const modelOptions = ({ limits }: FullModel, slots: Slots): WorkerOptions => ({
  ...activitySlots(slots.supplier),
  // What a server without limits of queues keeps; where it has them, they come before this.
  ...(limits.rpm === undefined ? {} : { maxTaskQueueActivitiesPerSecond: limits.rpm / 60 }),
});

/** How long activities may finish what they do when the worker is asked to stop. */
export const drain = { shutdownGraceTime: '5s', shutdownForceTime: '15s' } as const;
