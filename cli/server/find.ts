/** The `temporal` program that runs the embedded server. */
import { LbiError } from '../../core/errors.ts';
import { SetupError } from '../../setup/screen.mjs';
import { ensureTemporal, temporalVersion } from '../../setup/temporal.mjs';

export interface TemporalProgram {
  path: string;
  /** e.g. `1.9.1` */
  version: string;
}

/**
 * `LBI_TEMPORAL`, the cache, PATH (1.7 or newer); else it is downloaded into the cache (45 MB).
 * Throws an operator error with the fix when it can be neither found nor downloaded.
 */
export async function findTemporal(): Promise<TemporalProgram> {
  try {
    const path = await ensureTemporal();
    const version = await temporalVersion(path);
    if (version !== undefined) return { path, version };
    throw new SetupError(`${path} does not run on this machine`, 'set LBI_TEMPORAL to a temporal program that does');
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    throw new LbiError('operator', `${error.message}\nTo go on: ${error.fix}`, { cause: error });
  }
}
