/** Seconds without a sign of life after which the worker of an activity counts as lost, unless LBI_HEARTBEAT says otherwise. */
export const defaultHeartbeat = 15;
