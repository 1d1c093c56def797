/** The task queues of models and environments: their names, and the workers that poll them. */
import { createHash } from 'node:crypto';
import type { CustomSlotSupplier, NativeConnection, WorkerOptions } from '@temporalio/worker';
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
import { temporal } from '../temporal.config.ts';
import { modelLack, placeLack } from './able.ts';
import type { Keeper } from './limits/keeper.ts';
import { declaredOf } from './limits/meter.ts';
import type { Slots } from './limits/slots.ts';
import { gatedSlots } from './slots.ts';

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

const plannedFolder = ({ folder, plannedFolder }: Plan): string => plannedFolder ?? folder;

/** One queue per provider, model and credential: limits are kept per queue. */
export function modelQueue(plan: Plan, name: string): string {
  const spec = modelSpecOf(plan, name);
  if (isOwn(spec))
    return `lbi.own.${slug(plan.own?.[spec.provider]?.name ?? 'model')}.${short([spec, plannedFolder(plan)])}`;
  const model = spec.provider === 'scripted' ? spec.script : spec.model;
  const credential = 'api_key' in spec ? (spec.api_key ?? null) : null;
  const address = 'base_url' in spec ? (spec.base_url ?? null) : null;
  return `lbi.${spec.provider}.${slug(model)}.${short([model, credential, address])}`;
}

export function environmentQueue(plan: Plan, name: string): string {
  const spec = plan.spec.environments[name];
  if (spec === undefined) throw new LbiError('spec', `the plan has no environment "${name}"`);
  const kind = isOwn(spec) ? slug(plan.own?.[spec.kind]?.name ?? 'own') : spec.kind;
  return `lbi.env.${kind}.${short([spec, plannedFolder(plan)])}`;
}

/** Takes `open` tasks only while a session slot is free: what is opening and what is held stay below the bound. */
function sessionSlots(sessions: Sessions, queue: string, bound: number): CustomSlotSupplier<never> {
  const { supplier, wake } = gatedSlots((opening) => opening + sessions.held(queue) < bound);
  sessions.onRelease(wake);
  return supplier;
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
  /** the name of a queue in this project */
  named(queue: string): string;
  /** what all workers of this process have in common */
  common: Pick<WorkerOptions, 'dataConverter' | 'interceptors'>;
  /** keeps a started worker until the process ends */
  keep(worker: Worker): void;
  /** whether this process should poll the queue, given what the machine lacks for it */
  wants(queue: string, lack: () => Promise<string | undefined>): Promise<boolean>;
}

const fixed = (numSlots: number): { type: 'fixed-size'; numSlots: number } => ({ type: 'fixed-size', numSlots });

/** Starts a worker for every queue of the plan that this process should poll and does not yet, and stops those that others had better poll. */
export function queueOpener(context: () => QueueContext): (plan: Plan) => Promise<void> {
  const polled = new Map<string, Worker | undefined>();
  const start = async (
    queue: string,
    lack: () => Promise<string | undefined>,
    options: () => Partial<WorkerOptions>,
  ): Promise<void> => {
    const { connection, namespace, identity, activities, common, keep, wants, limits } = context();
    const wanted = await wants(queue, lack);
    const running = polled.get(queue);
    if (polled.has(queue)) {
      if (wanted || running?.getState() !== 'RUNNING') return;
      running.shutdown();
      limits.drop(queue);
      polled.delete(queue);
      return;
    }
    if (!wanted) return;
    polled.set(queue, undefined);
    const shared = { connection, namespace, identity, taskQueue: queue, activities, ...common, ...drain };
    const worker = await Worker.create({ ...shared, ...options() });
    polled.set(queue, worker);
    keep(worker);
  };
  return async (plan) => {
    const { named, sessions, limits } = context();
    for (const [name, spec] of Object.entries(plan.spec.models)) {
      const queue = named(modelQueue(plan, name));
      const declare = (): Slots => limits.declare(queue, spec, declaredOf(spec));
      await start(
        queue,
        () => modelLack(plan, name),
        () => modelOptions(spec, declare()),
      );
      // Said anew for as long as the run is open.
      if (polled.has(queue)) declare();
    }
    for (const [name, spec] of Object.entries(plan.spec.environments)) {
      const queue = named(environmentQueue(plan, name));
      await start(
        queue,
        () => placeLack(plan, name),
        () => activitySlots(sessionSlots(sessions, queue, spec.sessions ?? 2)),
      );
    }
  };
}

const activitySlots = (activityTaskSlotSupplier: CustomSlotSupplier<never>): Partial<WorkerOptions> => ({
  tuner: {
    activityTaskSlotSupplier,
    workflowTaskSlotSupplier: fixed(2),
    localActivityTaskSlotSupplier: fixed(1),
    nexusTaskSlotSupplier: fixed(1),
  },
});

const modelOptions = ({ limits }: FullModel, slots: Slots): Partial<WorkerOptions> => ({
  ...activitySlots(slots.supplier),
  // What a server without limits of queues keeps; where it has them, they come before this.
  ...(limits.rpm === undefined ? {} : { maxTaskQueueActivitiesPerSecond: limits.rpm / 60 }),
});

/** How long activities may finish what they do when the worker is asked to stop. */
export const drain = {
  shutdownGraceTime: temporal.timeouts.grace * 1000,
  shutdownForceTime: (temporal.timeouts.grace + 10) * 1000,
} as const;
