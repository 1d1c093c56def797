/** The browser as a place where agents act: Chromium on a web application. */
import type { BrowserSpec } from '../../schemas/pipeline/environment.ts';
import type { EnvironmentDriver, Finding } from '../environment.ts';
import { chromiumVersion, findChromium, INSTALL } from './chromium.ts';
import { readEgress } from './egress.ts';
import { openSession } from './session.ts';

export const browserDriver: EnvironmentDriver<BrowserSpec> = {
  kind: 'browser',
  version: '1',
  doctor: async (spec) => [await findBrowser(), ...checkAllow(spec)],
  open: openSession,
};

const findBrowser = async (): Promise<Finding> => {
  try {
    const program = await findChromium();
    return { what: 'Chromium', ok: true, detail: `${chromiumVersion(program)} (${program})` };
  } catch (error) {
    return { what: 'Chromium', ok: false, detail: sentence(error), fix: INSTALL };
  }
};

/** Patterns that hold `${port}` or `${dir}` are checked when the application has its port. */
const checkAllow = (spec: BrowserSpec): Finding[] => {
  const patterns = (spec.allow ?? []).filter((pattern) => !pattern.includes('${'));
  try {
    readEgress(patterns);
    return [];
  } catch (error) {
    return [{ what: 'allow', ok: false, detail: sentence(error) }];
  }
};

const sentence = (error: unknown): string => (error instanceof Error ? error.message : String(error));
