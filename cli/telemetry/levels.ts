/** The levels of the log. */
export const levels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
export type Level = (typeof levels)[number];
