/**
 * What the server keeps of a queue for all workers: the rate that it holds, with what was learned about it, and what a person has set
 * while runs are at work. Both stand in the queue's own configuration, as the reasons given for it, and outlive workers and the server.
 */
import type { Connection } from '@temporalio/client';
import type { Limits, Pace } from '../../core/rate.ts';
import { queueTypes } from '../pollers.ts';

/** What a queue's configuration says. */
export interface Kept {
  /** when the rate was set, by the server's clock: of two looks the later one tells */
  revision: number;
  /** calls a second that the server lets through; null where nothing is set */
  inForce: number | null;
  pace: Pace;
  /** the rate was set by somebody else (the `temporal` program, the UI) and is left alone */
  foreign: boolean;
  /** what `lbi limits` has set, key by key in place of the pipeline's */
  set: Limits;
}

export interface Look extends Kept {
  /** tasks that wait */
  waiting: number;
  /** whether it is the rate that they wait for */
  limited: boolean;
}

export interface Register {
  look(queue: string): Promise<Look>;
  /** Sets rate and knowledge at once; the last writer wins. Gives what is then kept: a look may lag behind it for a moment. */
  setPace(queue: string, rate: number | null, pace: Pace): Promise<Kept>;
  setLimits(queue: string, limits: Limits): Promise<Kept>;
}

const paceMark = 'lbi: ';
const limitsMark = 'lbi limits: ';

/** @param identity who is named as the one that changed it */
export function openRegister(connection: Connection, namespace: string, identity: string): Register {
  const service = connection.workflowService;
  const update = async (queue: string, change: object): Promise<Kept> => {
    const call = { namespace, identity, taskQueue: queue, taskQueueType: queueTypes.activities, ...change };
    return keptIn((await service.updateTaskQueueConfig(call)).config);
  };
  return {
    look: async (queue) => {
      const { config, stats } = await service.describeTaskQueue({
        namespace,
        taskQueue: { name: queue },
        taskQueueType: queueTypes.activities,
        reportStats: true,
        reportConfig: true,
      });
      return {
        ...keptIn(config),
        waiting: Number(stats?.approximateBacklogCount ?? 0),
        limited: stats?.rateLimitingActive === true,
      };
    },
    setPace: (queue, rate, pace) =>
      update(queue, {
        updateQueueRateLimit: {
          ...(rate === null ? {} : { rateLimit: { requestsPerSecond: rate } }),
          reason: `${paceMark}${JSON.stringify(shortened(pace))}`,
        },
      }),
    // The slot of another setting, left unset: its reason is written and read apart from the rate's.
    setLimits: (queue, limits) =>
      update(queue, { updateFairnessKeyRateLimitDefault: { reason: `${limitsMark}${JSON.stringify(limits)}` } }),
  };
}

type Config = Awaited<ReturnType<Connection['workflowService']['describeTaskQueue']>>['config'];

function keptIn(config: Config): Kept {
  const rate = config?.queueRateLimit;
  const pace = numbers<Pace>(rate?.metadata?.reason ?? '', paceMark);
  const { seconds, nanos } = rate?.metadata?.updateTime ?? {};
  return {
    revision: Number(seconds ?? 0) * 1000 + Number(nanos ?? 0) / 1e6,
    // Left out of the message when it is 0.
    inForce: rate?.rateLimit ? Number(rate.rateLimit.requestsPerSecond ?? 0) : null,
    pace: pace ?? {},
    foreign: pace === undefined && Boolean(rate?.rateLimit),
    set: numbers<Limits>(config?.fairnessKeysRateLimitDefault?.metadata?.reason ?? '', limitsMark) ?? {},
  };
}

/** The reason has a thousand characters: what is known needs a fifth of them. */
const shortened = ({ limit, mean, ...rest }: Pace): Pace => ({
  ...rest,
  ...(limit === undefined ? {} : { limit: Number(limit.toPrecision(4)) }),
  ...(mean === undefined ? {} : { mean: Math.round(mean) }),
});

/** What stands behind the mark, if it is a flat object of numbers and flags; undefined for anything else, whoever wrote it. */
function numbers<T extends object>(reason: string, mark: string): T | undefined {
  if (!reason.startsWith(mark)) return undefined;
  try {
    const value: unknown = JSON.parse(reason.slice(mark.length));
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    const sound = Object.values(value).every((one) => one === true || (Number.isFinite(one) && Number(one) >= 0));
    return sound ? (value as T) : undefined;
  } catch {
    return undefined;
  }
}
