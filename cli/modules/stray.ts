/** Errors that a place or a model of the user's own lets escape: they are told in the log, and the worker goes on. */
import { ownPlace } from '../../core/own-mistake.ts';

/** All other errors that escape end the process, as Node does. */
export function outliveStrays(): void {
  const heed = (error: unknown): void => {
    const place = ownPlace(error);
    if (place === undefined) {
      console.error(error);
      process.exit(1);
    }
    const said = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    console.error(`${new Date().toISOString()} a module let an error escape at ${place}: ${said}`);
  };
  process.on('uncaughtException', heed);
  process.on('unhandledRejection', heed);
}
