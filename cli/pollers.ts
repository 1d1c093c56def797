/** Who polls a queue, as the server has noted it. */
import type { WorkflowService } from '@temporalio/client';

/** TASK_QUEUE_TYPE_* of the server's API. */
export const queueTypes = { workflows: 1, activities: 2 } as const;

export interface Poller {
  /** how the process is called on the server */
  identity: string;
  /** when it last polled, by the server's clock, in milliseconds since the epoch */
  at: number;
}

/** A poll that waits is noted about once a minute, and a process that is gone for some minutes after. */
export async function pollersOf(
  service: WorkflowService,
  namespace: string,
  queue: string,
  type: keyof typeof queueTypes,
): Promise<Poller[]> {
  const taskQueue = { name: queue };
  const { pollers } = await service.describeTaskQueue({ namespace, taskQueue, taskQueueType: queueTypes[type] });
  return (pollers ?? []).map(({ identity, lastAccessTime }) => ({
    identity: identity ?? '',
    at: Number(lastAccessTime?.seconds ?? 0) * 1000 + Number(lastAccessTime?.nanos ?? 0) / 1e6,
  }));
}
