/** The kinds of environments and their drivers, each loaded when it is first asked for. */
import { EnvironmentError } from '../core/errors.ts';
import type { EnvironmentKind, EnvironmentSpec } from '../schemas/pipeline/environment.ts';
import type { EnvironmentDriver } from './environment.ts';

type SpecOf<Kind extends EnvironmentKind> = Extract<EnvironmentSpec, { kind: Kind }>;
type Drivers = { [Kind in EnvironmentKind]: () => Promise<EnvironmentDriver<SpecOf<Kind>>> };

const drivers: Drivers = {
  shell: async () => (await import('./shell/driver.ts')).shellDriver,
  browser: async () => (await import('./browser/driver.ts')).browserDriver,
  scripted: async () => (await import('./scripted.ts')).scriptedDriver,
};

/** The driver of a kind; for any other word an `EnvironmentError` `spec` that lists the known kinds. */
export const openDriver = <Kind extends EnvironmentKind>(kind: Kind): Promise<EnvironmentDriver<SpecOf<Kind>>> => {
  if (!Object.hasOwn(drivers, kind))
    throw new EnvironmentError(
      'spec',
      `There is no environment kind "${kind}". The kinds are: ${Object.keys(drivers).join(', ')}.`,
    );
  return drivers[kind]();
};
