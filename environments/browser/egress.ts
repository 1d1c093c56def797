/** What the browser may reach: URL patterns as the pipeline writes them, and the two walls that are built from them. */
import { EnvironmentError } from '../../core/errors.ts';

/**
 * The allow-list of one session.
 *
 * The hard wall is per browser context: every host is sent to a proxy that does not exist, except the allowed hosts and ports.
 * It holds for pages, frames, workers, WebSockets and redirects, but knows no paths. The second wall is the browser's own
 * URL pattern list, which knows paths, and is shared by the sessions of one browser.
 */
export interface Egress {
  /** URL patterns, with the WebSocket form of each. */
  patterns: string[];
  /** Hosts and ports that the context reaches directly, as Chromium's proxy bypass rules. */
  bypass: string[];
  allows(url: string): boolean;
}

/** A proxy that cannot be reached: the name is mapped to nothing at launch. */
export const deadProxy = { host: 'blocked.invalid', url: 'http://blocked.invalid:1' };

/** Reads `allow`. Throws `EnvironmentError` `spec` for a pattern that is not a URL pattern with scheme and host. */
export const readEgress = (allow: string[]): Egress => {
  const rules = allow.flatMap(withWebSocket);
  const compiled = rules.map(compile);
  const bypass = compiled.map(bypassRule);
  return {
    patterns: rules,
    bypass: ['<-loopback>', ...new Set(bypass)],
    allows: (url) => url === 'about:blank' || compiled.some((pattern) => pattern.test(url)),
  };
};

/** The default allow-list: everything on the origin of the first page. */
export const originPattern = (url: string): string => `${new URL(url).origin}/*`;

const withWebSocket = (pattern: string): string[] => {
  if (pattern.startsWith('http://')) return [pattern, pattern.replace('http', 'ws')];
  if (pattern.startsWith('https://')) return [pattern, pattern.replace('https', 'wss')];
  return [pattern];
};

const compile = (pattern: string): URLPattern => {
  if (!/^[a-z*]+:\/\/[^/\s]+/i.test(pattern))
    throw new EnvironmentError(
      'spec',
      `allow: "${pattern}" is not a URL pattern. Expected a scheme, a host and a path, for example "http://127.0.0.1:8080/*" or "https://*.example.org/*".`,
    );
  try {
    return new URLPattern(pattern);
  } catch (cause) {
    throw new EnvironmentError('spec', `allow: "${pattern}" is not a URL pattern. See the URLPattern standard.`, {
      cause,
    });
  }
};

/** `host:port` of a pattern; a host with regular expression parts opens the wall for every host, and the pattern list decides. */
const bypassRule = (pattern: URLPattern): string => {
  const host = /[{}()+?:]/.test(pattern.hostname) ? '*' : pattern.hostname;
  if (pattern.port === '*') return host;
  return `${host}:${pattern.port || defaultPort(pattern.protocol)}`;
};

const defaultPort = (protocol: string): string => (protocol === 'https' || protocol === 'wss' ? '443' : '80');
