/** The kinds of environments and their drivers, each loaded when it is first asked for. */
import { EnvironmentError } from '../core/errors.ts';
import type { Json } from '../schemas/common.ts';
import type { EnvironmentKind, EnvironmentSpec } from '../schemas/pipeline/environment.ts';
import type { EnvironmentDriver } from './environment.ts';

type SpecOf<Kind extends EnvironmentKind> = Extract<EnvironmentSpec, { kind: Kind }>;
type Drivers = { [Kind in EnvironmentKind]: () => Promise<EnvironmentDriver<SpecOf<Kind>>> };

const drivers: Drivers = {
  shell: async () => (await import('./shell/driver.ts')).shellDriver,
  browser: async () => (await import('./browser/driver.ts')).browserDriver,
  miniwob: async () => (await import('./miniwob.ts')).miniwobDriver,
  scripted: async () => (await import('./scripted.ts')).scriptedDriver,
};

/** The driver of a kind; for any other word an `EnvironmentError` `spec` that lists the known kinds. */
export const openDriver = async <Kind extends EnvironmentKind>(
  kind: Kind,
): Promise<EnvironmentDriver<SpecOf<Kind>>> => {
  if (!Object.hasOwn(drivers, kind))
    throw new EnvironmentError(
      'spec',
      `There is no environment kind "${kind}". The kinds are: ${Object.keys(drivers).join(', ')}.`,
    );
  return drivers[kind]();
};

/** Why an environment, as the pipeline writes it, brings no documentation; undefined when it does. Says what `docs` of its driver would, before one is loaded. */
export const docsMissing = (spec: Json): string | undefined => {
  const { kind, packages } = typeof spec === 'object' && spec !== null && !Array.isArray(spec) ? spec : {};
  if (kind === 'browser') return 'a browser shows pages, and knows no manual of the application';
  if (kind === 'miniwob') return 'MiniWoB++ comes without a manual';
  if (kind === 'shell' && !(Array.isArray(packages) && packages.length > 0))
    return 'a shell tells the help of the commands of its packages, and it names no packages';
  return undefined;
};
