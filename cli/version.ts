/** The version of this program. */
import { readFileSync } from 'node:fs';

/** The nearest package.json above: next to the sources in a checkout, above dist in the package. */
export function version(): string {
  for (const place of ['../package.json', '../../package.json']) {
    try {
      return (JSON.parse(readFileSync(new URL(place, import.meta.url), 'utf8')) as { version: string }).version;
    } catch {}
  }
  return 'unknown';
}
